"""What is reported is what vLLM does: its ids, its counts, its times."""

from __future__ import annotations

import statistics
import time

import pytest

pytest.importorskip("torch")

from llenergymeasure.core.backends.vllm.surroundings import without_warnings
from waiting import tried

PROMPTS = [[10 + (7 * row + place) % 4000 for place in range(length)] for row, length in enumerate((5, 40, 12, 200))]


def records_of(engine, prompts=PROMPTS, **arguments):
    return engine.run(engine.prepare(prompts), **arguments).records()


def bare(engine, prompts, **arguments):
    """The answers of the same vLLM engine, by vLLM's own calls alone."""
    from vllm import SamplingParams
    from vllm.inputs.engine import tokens_input
    from vllm.sampling_params import RequestOutputKind

    params = SamplingParams(**arguments, temperature=0.0, detokenize=False, output_kind=RequestOutputKind.FINAL_ONLY)
    inside = engine._loaded.engine
    for number, prompt in enumerate(prompts):
        inside.add_request(f"bare-{number}", tokens_input(prompt), params)
    answers = {}
    with without_warnings():
        while inside.has_unfinished_requests():
            answers.update((one.request_id, one) for one in inside.step())
    return [tuple(answers[f"bare-{number}"].outputs[0].token_ids) for number in range(len(prompts))]


def test_greedy_ids_are_those_of_vllm_itself(engine):
    records = records_of(engine)
    assert [request.output_ids for request in records.requests] == bare(engine, PROMPTS, max_tokens=16)


def test_every_token_is_counted_once_and_has_its_time(engine):
    for request, prompt in zip(records_of(engine).requests, PROMPTS):
        assert request.input_tokens == len(prompt)
        assert request.output_tokens == len(request.output_ids) == request.token_counts[-1] == 16
        assert request.token_counts == tuple(range(1, 17))
        assert list(request.token_times_s) == sorted(request.token_times_s)
        assert request.queued_s <= request.scheduled_s < request.first_token_s < request.finished_s


def test_times_lie_inside_the_run(engine):
    batches = engine.prepare(PROMPTS)
    start_s = time.perf_counter()
    output = engine.run(batches)
    end_s = time.perf_counter()
    for request in output.records().requests:
        assert start_s <= request.queued_s
        assert request.finished_s <= end_s


def test_the_stamps_of_first_and_last_token_are_those_of_the_request_statistics(engine):
    output = engine.run(engine.prepare(PROMPTS))
    stats = {int(one.request_id.rpartition("-")[2]): one.metrics for one in output.outputs}
    for request in output.records().requests:
        assert request.first_token_s == stats[request.prompt_index].first_token_ts
        assert request.finished_s == stats[request.prompt_index].last_token_ts


def test_time_to_first_token_is_what_is_seen_from_outside(engine):
    """One request of one token: from outside, the whole call takes as long as the first token."""
    batches = engine.prepare([[10 + place % 4000 for place in range(490)]])

    def inside_by_outside() -> float:
        inside, outside = [], []
        for _ in range(15):
            start_s = time.perf_counter()
            output = engine.run(batches, max_new_tokens=1)
            outside.append(time.perf_counter() - start_s)
            request = output.records().requests[0]
            inside.append(request.first_token_s - request.scheduled_s)
        return statistics.median(inside) / statistics.median(outside)

    tried(inside_by_outside, lambda share: 0.95 < share <= 1.0)


def test_a_warm_up_has_the_exact_length(engine):
    assert {request.output_tokens for request in records_of(engine, max_new_tokens=3).requests} == {3}


def test_a_run_repeats_itself(engine):
    first, second = records_of(engine), records_of(engine)
    assert [request.output_ids for request in first.requests] == [request.output_ids for request in second.requests]
