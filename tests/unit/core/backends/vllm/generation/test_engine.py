"""vLLM gets every prompt at once, and each request has the engine's own times, on the clock of the measurement."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytestmark = pytest.mark.torch
pytest.importorskip("torch")
pytest.importorskip("transformers")

from fake_vllm import STEP_S, FakeVLLM  # noqa: E402
from llenergymeasure.config.loader import build_experiment_config  # noqa: E402
from llenergymeasure.core.backends.vllm.loading import VLLMLoader  # noqa: E402
from llenergymeasure.exceptions import BackendError  # noqa: E402
from llenergymeasure.testing import FakeClock  # noqa: E402

PROMPTS = [[5, 6, 7], [5, 6], [5]]


def loaded(clock=None, tokens=1, device="cpu", **fields):
    vllm = FakeVLLM(clock or FakeClock(), tokens=tokens, device=device)
    config = build_experiment_config({"model": "builtin/tiny-llama", "backend": "vllm", "max_output_tokens": 4}, fields)
    return VLLMLoader(vllm.clock, lambda: vllm, {}).load(config), vllm


def test_all_prompts_are_one_batch_and_are_given_before_the_first_step():
    engine, vllm = loaded()
    (batch,) = engine.prepare(PROMPTS)
    engine.run([batch])
    assert (batch.prompt_indices, batch.padded_length) == ((0, 1, 2), 3)
    assert [prompt["prompt_token_ids"] for prompt, _ in vllm.named("add_request")] == PROMPTS


def test_times_are_those_of_the_engine_on_the_clock_of_the_measurement():
    engine, _ = loaded()
    records = engine.run(engine.prepare(PROMPTS)).records()
    first = records.requests[0]
    assert (first.queued_s, first.scheduled_s) == (100.0, 100.0)
    assert first.token_times_s == tuple(100.0 + STEP_S * step for step in (1, 2, 3, 4))
    assert (first.first_token_s, first.finished_s, first.token_counts) == (100.25, 101.0, (1, 2, 3, 4))
    assert (first.input_tokens, first.output_tokens, first.output_ids, first.end) == (3, 4, (10,) * 4, "length")
    assert (first.batch, records.batches) == (None, ())


def test_a_request_that_waits_is_queued_before_it_is_scheduled():
    engine, _ = loaded(**{"vllm.max_num_seqs": 2})
    third = engine.run(engine.prepare(PROMPTS)).records().requests[2]
    assert (third.queued_s, third.scheduled_s, third.first_token_s) == (100.0, 101.0, 101.25)


def test_a_step_with_several_tokens_counts_them_all():
    engine, _ = loaded(tokens=3)
    first = engine.run(engine.prepare(PROMPTS)).records().requests[0]
    assert (first.token_counts, first.output_tokens) == ((3, 4), 4)


def test_tokens_after_the_end_of_an_answer_are_not_counted_and_take_no_time():
    """Text in `stop` ends an answer outside the scheduler, whose processes may have made further steps until then."""
    engine, _ = loaded()
    run = engine.run(engine.prepare(PROMPTS))
    run.outputs[0].outputs[0].token_ids = [10, 10]
    first = run.records().requests[0]
    assert (first.output_tokens, first.token_counts, first.finished_s) == (2, (1, 2), 100.0 + 2 * STEP_S)


def test_a_warm_up_has_outputs_of_the_exact_length_and_ignores_the_end():
    engine, vllm = loaded()
    engine.run(engine.prepare(PROMPTS), max_new_tokens=2)
    shortened = vllm.named("sampling_params")[-1]
    assert (shortened["min_tokens"], shortened["max_tokens"], shortened["ignore_eos"]) == (2, 2, True)


def test_a_warm_up_is_no_longer_than_the_window():
    engine, vllm = loaded()
    engine.run(engine.prepare(PROMPTS), max_new_tokens=100)
    assert vllm.named("sampling_params")[-1]["max_tokens"] == 4


def test_every_run_begins_with_the_same_seed_and_an_empty_prefix_cache():
    engine, vllm = loaded(**{"vllm.enable_prefix_caching": True})
    batches = engine.prepare(PROMPTS)
    engine.run(batches)
    engine.run(batches)
    assert vllm.named("seed") == [42, 42]
    assert len(vllm.named("reset_prefix_cache")) == 2


def test_a_prefix_cache_that_stays_full_is_an_error():
    engine, vllm = loaded(**{"vllm.enable_prefix_caching": True})
    vllm.resets_cache = False
    with pytest.raises(BackendError, match="did not empty its prefix cache"):
        engine.run(engine.prepare(PROMPTS))


def test_requests_of_a_run_that_failed_are_not_computed_in_the_next_one():
    engine, vllm = loaded(**{"vllm.max_num_seqs": 1})
    vllm.fault_of_step = ValueError("a step failed")
    with pytest.raises(BackendError, match="a step failed"):
        engine.run(engine.prepare(PROMPTS))
    start_s = vllm.clock.now()
    (request,) = engine.run(engine.prepare([[5]])).records().requests
    assert (request.output_tokens, request.finished_s) == (4, start_s + 4 * STEP_S)


def test_the_answer_of_another_run_is_no_answer():
    engine, _ = loaded()
    first, second = engine.run(engine.prepare(PROMPTS)), engine.run(engine.prepare(PROMPTS))
    with pytest.raises(BackendError, match="without an answer to prompt 0"):
        replace(second, outputs=first.outputs).records()


def test_without_statistics_there_are_no_times():
    engine, _ = loaded()
    run = engine.run(engine.prepare(PROMPTS))
    run.outputs[1].metrics = None
    with pytest.raises(BackendError, match="no times for prompt 1: its statistics are off"):
        run.records()


def test_a_request_without_stamps_is_an_error_and_not_a_request_of_no_time():
    engine, _ = loaded()
    run = engine.run(engine.prepare(PROMPTS))
    with pytest.raises(BackendError, match="stamped no token of prompt 0"):
        replace(run, log=replace(run.log, tokens={})).records()


def test_counters_that_no_step_reported_are_an_error_and_not_zero():
    engine, _ = loaded()
    run = engine.run(engine.prepare(PROMPTS))
    with pytest.raises(BackendError, match="reported no counters"):
        replace(run, log=replace(run.log, cache_usage=None)).records()


@pytest.mark.parametrize(
    ("gpus", "expected"),
    [(1, ("synchronise", "cuda:0")), (2, ("collective_rpc", "synchronize_device"))],
)
def test_a_run_ends_when_the_gpus_are_idle(gpus, expected):
    engine, vllm = loaded(device="cuda", **{"vllm.tensor_parallel_size": gpus})
    engine.run(engine.prepare(PROMPTS))
    assert vllm.calls[-1] == expected
    engine.release()


def test_without_a_prefix_cache_nothing_is_reset():
    engine, vllm = loaded()
    engine.run(engine.prepare(PROMPTS))
    assert vllm.named("reset_prefix_cache") == []


def test_releasing_ends_the_engine_once_and_cleans_up_after_it():
    engine, vllm = loaded()
    engine.release()
    engine.release()
    assert [name for name, _ in vllm.calls[-2:]] == ["shutdown", "clean_up"]
    assert len(vllm.named("shutdown")) == 1


def test_counters_of_the_scheduler_are_those_of_the_run():
    engine, _ = loaded()
    found = engine.run(engine.prepare(PROMPTS)).records().scheduler
    assert (found.preemptions, found.cache_usage) == (3, 0.5)
    assert (found.prefix_tokens, found.cached_tokens) == (400, 100)  # four steps
