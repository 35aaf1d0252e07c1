"""FLOPs of a window: the work and the settings that are passed to the formulas."""

from __future__ import annotations

from dataclasses import replace

import pytest

from a_traffic_window import B, C, D, run_of, traffic_window
from llenergymeasure import ExperimentConfig
from llenergymeasure.core.flops.collectors import ExactFlopsCollector, PalmFlopsCollector
from llenergymeasure.protocols import Window
from llenergymeasure.records import RunRecords
from llenergymeasure.testing import FakeClock, FakeEngine

LLAMA = {
    "model_type": "llama", "hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
    "num_key_value_heads": 1, "vocab_size": 32, "head_dim": 4, "tie_word_embeddings": True,
}  # fmt: skip


def window(architecture=LLAMA, lengths=(3, 2), **fields) -> Window:
    config = ExperimentConfig(**{"model": "m", "max_output_tokens": 4, **fields})
    engine = FakeEngine(config, FakeClock())
    engine.architecture = dict(architecture)
    output = engine.run(engine.prepare([[1] * length for length in lengths]))
    return Window(0.0, 1.0, 1.0, (output.records(),), config, engine)


def exact(**fields):
    collector = ExactFlopsCollector()
    asked = window(**fields)
    collector.arm(asked.engine)
    return collector.collect(asked)


def test_the_palm_rule_takes_useful_tokens():
    assert PalmFlopsCollector().collect(window()).value == 2 * 1000 * (3 + 2 + 4 + 4)


def test_an_unknown_architecture_has_no_exact_figure():
    assert exact(architecture={"model_type": "new"}) is None


def test_an_unknown_number_of_parameters_is_none_with_the_reason_of_the_model():
    asked = window()
    asked.engine.info = asked.engine.info.model_copy(
        update={"n_matmul_parameters": None, "parameters_reason": "its experts are rows of an embedding"}
    )
    found = PalmFlopsCollector().collect(asked)
    assert (found.value, found.confidence) == (None, "low")
    assert "rows of an embedding" in found.notes


def test_operations_of_an_adapter_of_another_kind_are_not_known():
    asked = window()
    asked.engine.info = asked.engine.info.model_copy(update={"adapter_parameters": None})
    found = ExactFlopsCollector().collect(asked)
    assert (found.value, found.confidence) == (None, "low")
    assert "adapter" in found.notes


def test_modules_that_do_not_fit_the_architecture_lower_the_confidence():
    asked = window()
    asked.engine.info = asked.engine.info.model_copy(
        update={"n_matmul_parameters": 1000, "n_matmul_parameters_counted": 990}
    )
    found = ExactFlopsCollector().collect(asked)
    assert found.confidence == "low"
    assert "has 1000 parameters" in found.notes
    assert "have 990" in found.notes


def test_padding_is_executed_and_not_useful():
    padded = exact(pytorch={"batch_size": 2})
    assert padded.value > padded.flops_useful
    alone = exact()
    assert alone.value == alone.flops_useful == padded.flops_useful


def without_batches(**fields) -> Window:
    """The same requests, of an engine without batches."""
    asked = window(**fields)
    alone = [replace(request, batch=None) for request in asked.requests]
    return replace(asked, passes=(RunRecords(tuple(alone[:1])), RunRecords(tuple(alone[1:]))))


def test_requests_without_batches_are_counted_one_by_one_and_without_padding():
    found, alone = ExactFlopsCollector().collect(without_batches(pytorch={"batch_size": 2})), exact()
    assert found.value == found.flops_useful == alone.value
    assert (found.flops_prefill, found.flops_decode) == (alone.flops_prefill, alone.flops_decode)
    assert PalmFlopsCollector().collect(without_batches()).value == 2 * 1000 * (3 + 2 + 4 + 4)


def test_a_static_cache_is_covered_to_its_longest_length():
    assert exact(pytorch={"cache_implementation": "static"}).value > exact().value


@pytest.mark.parametrize(
    "fields",
    [{"pytorch": {"prompt_lookup_num_tokens": 2}}, {"passthrough_kwargs": {"guidance_scale": 2.0}}],
    ids=["prompt lookup", "guidance"],
)
def test_where_it_is_not_known_how_often_the_model_ran_there_is_no_figure(fields):
    assert exact(**fields).value is None


def used(settings, **fields):
    """FLOPs with the settings that the engine reports."""
    asked = window(**fields)
    asked.engine.info = asked.engine.info.model_copy(update={"effective_settings": settings})
    return ExactFlopsCollector().collect(asked)


def test_the_settings_that_the_engine_used_count_and_not_the_requested_ones():
    """Without a cache four steps run over 3, 4, 5 and 6 positions, and not over one each."""
    without_cache = exact(pytorch={"use_cache": False})
    assert used({"use_cache": False}).value == without_cache.value > exact().value
    assert used({"use_cache": True}, pytorch={"use_cache": False}).value == exact().value


def test_a_static_cache_of_a_given_length_is_covered_whole():
    static = {"cache_implementation": "static"}
    assert used({**static, "max_cache_len": 64}).value > used(static).value > exact().value


def test_a_length_of_the_static_cache_that_is_switched_off_is_none():
    static = {"pytorch": {"cache_implementation": "static"}}
    assert exact(**static, passthrough_kwargs={"max_cache_len": None}).value == exact(**static).value


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"assistant_early_exit": 1}, "speculative decoding (assistant_early_exit)"),
        ({"use_mtp": True}, "speculative decoding (use_mtp)"),
        ({"prefill_chunk_size": 16}, "prefill_chunk_size changes the number"),
        ({"token_healing": True}, "token_healing changes the number"),
    ],
)
def test_what_the_model_s_files_do_to_its_passes_leaves_the_figure_out_with_the_reason(settings, words):
    found = used(settings)
    assert (found.value, found.confidence) == (None, "low")
    assert words in found.notes


def test_guidance_at_one_is_no_guidance():
    assert used({"guidance_scale": 1.0}).value == exact().value


def test_beams_are_executed():
    assert exact(decoder={"decoding_strategy": "beam", "num_beams": 3}).value > 2 * exact().value


def with_graphs(mode):
    asked = without_batches()
    settings = {"use_cache": True, "num_beams": 1, "cudagraph_mode": mode}
    asked.engine.info = asked.engine.info.model_copy(update={"effective_settings": settings})
    return ExactFlopsCollector().collect(asked)


def test_padding_to_the_size_of_a_cuda_graph_is_not_counted_and_lowers_the_confidence():
    graphs, plain = with_graphs("FULL_AND_PIECEWISE"), with_graphs("NONE")
    assert (plain.confidence, graphs.confidence) == ("high", "medium")
    assert "FULL_AND_PIECEWISE" in graphs.notes
    assert graphs.value == graphs.flops_useful == plain.value


def served(*cached_tokens):
    requests = [replace(one, cached_tokens=cached) for one, cached in zip((B, C), cached_tokens or (None, None))]
    found = traffic_window(run_of(requests, (D,)))
    engine = FakeEngine(found.config, FakeClock())
    engine.architecture = dict(LLAMA)
    return replace(found, engine=engine)


def test_the_palm_rule_takes_the_tokens_of_the_window_of_a_server():
    # input tokens of B and C, tokens of B, C until 20 s, and D that failed
    assert PalmFlopsCollector().collect(served()).value == 2 * 1000 * (5 + 7 + 3 + 2 + 2)


def test_cached_input_tokens_of_a_server_were_not_computed():
    assert PalmFlopsCollector().collect(served(3, 7)).value == 2 * 1000 * (12 - 10 + 7)
    assert PalmFlopsCollector().collect(served(5, 99)).value == 2 * 1000 * 7


def test_the_passes_of_a_server_are_not_known():
    found = ExactFlopsCollector().collect(served())
    assert found.value is None
    assert (
        found.notes == "not computed: a server does not report its forward passes, nor which of them were in the window"
    )


def test_the_number_format_of_a_server_is_not_known():
    assert PalmFlopsCollector().collect(served()).precision is None
    assert PalmFlopsCollector().collect(window()).precision == "bf16"
