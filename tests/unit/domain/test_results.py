"""The result: headlines derived from blocks, by hand."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from a_result import a_result
from llenergymeasure import ExperimentResult
from llenergymeasure.domain.energy import EnergyReading
from llenergymeasure.domain.measurements import MemoryResult


def test_headlines_are_what_their_blocks_give():
    result = a_result()  # 20 tokens and 200 J in 2 s, 40 W idle
    assert result.energy_total_j == 200.0
    assert result.energy_per_output_token == 10.0
    assert result.energy_per_request == 200.0 / result.n_prompts
    assert result.tokens_per_second == 10.0
    assert result.energy_adjusted_j == 200.0 - 40.0 * 2.0
    assert result.energy_breakdown.raw_j == 200.0
    assert result.energy_breakdown.baseline_method == "fresh"


def test_without_energy_everything_made_of_it_is_none():
    result = a_result(energy_j=None)
    assert [
        result.energy_total_j,
        result.energy_adjusted_j,
        result.energy_per_output_token,
        result.energy_per_request,
        result.energy_per_device_j,
    ] == [None] * 5


def test_without_tokens_there_is_no_energy_per_token():
    result = a_result()
    silent = result.model_copy(update={"tokens": result.tokens.model_copy(update={"output_tokens": 0})})
    assert silent.energy_per_output_token is None


def test_a_result_is_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        a_result().duration_sec = 3.0


def test_every_field_says_what_it_is_or_is_named_so():
    """An optional field tells when it is None."""
    silent = [
        name
        for name, field in {**ExperimentResult.model_fields, **ExperimentResult.model_computed_fields}.items()
        if not field.description and "None" in str(getattr(field, "annotation", ""))
    ]
    assert silent == []


def test_the_summary_has_three_figures_units_and_every_warning():
    text = a_result().summary()
    assert "200 J +- 10 J" in text
    assert "10 J/token +- 0.5 J/token" in text
    assert "10 tokens/s" in text
    for warning in a_result().measurement_warnings:
        assert warning in text


def test_the_summary_tells_attention_and_the_order_of_prompts():
    result = a_result(pytorch={"batching_strategy": "dynamic"})
    info = result.model_info.model_copy(update={"attn_implementation": "eager"})
    text = result.model_copy(update={"model_info": info}).summary()
    assert "eager attention, pytorch" in text
    assert "2 prompts in dynamic batches of" in text


def test_joules_per_token_of_an_estimate_have_no_error_bar_and_say_so():
    estimate = EnergyReading(meter="codecarbon", energy_j=200.0, method="estimated")
    text = a_result().model_copy(update={"energy": estimate}).summary()
    assert "10 J/token, an estimate\n" in text


def test_the_summary_of_no_energy_says_not_measured_and_why():
    text = a_result(energy_j=None).summary()
    assert "not measured (no sensor)" in text
    assert "0 J" not in text


@pytest.mark.parametrize(("scope", "said"), [("process", True), ("devices", False), (None, False)])
def test_the_summary_says_when_memory_is_that_of_the_whole_process(scope, said):
    memory = MemoryResult(peak_memory_mb=512.0, source="process_rss, sum of 2 processes", scope=scope)
    assert ("512 MB of the whole process" in a_result().model_copy(update={"memory": memory}).summary()) is said


def test_the_summary_is_plain_text():
    assert all(character == "\n" or character.isprintable() for character in a_result().summary())


def test_several_passes_are_in_the_summary():
    once = a_result()
    tokens = once.tokens.model_copy(update={"n_prompts": 6, "n_passes": 3})
    assert "2 prompts in batches" in once.summary()
    assert "6 prompts (3 passes over 2) in batches" in once.model_copy(update={"tokens": tokens}).summary()
