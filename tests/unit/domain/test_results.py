"""The result: headlines derived from blocks, by hand."""

from __future__ import annotations

import re

import pytest
from pydantic import ValidationError

from a_result import a_result
from llenergymeasure import ExperimentResult
from llenergymeasure.domain.energy import EnergyReading, HostEnergy, PhaseEnergy
from llenergymeasure.domain.measurements import MemoryResult
from llenergymeasure.domain.summary import summarise
from llenergymeasure.domain.warnings import PublicationCheck, RuleOutcome, warning


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


def beside(host, **energy):
    result = a_result(**energy)
    return result.model_copy(update={"energy": result.energy.model_copy(update={"host": host})})


def test_the_energy_of_the_host_is_beside_the_total_and_its_sum_has_a_name_of_its_own():
    result = beside(HostEnergy(energy_j=50.0, uncertainty_j=2.5))
    assert (result.energy_total_j, result.host_energy_j, result.energy_with_host_j) == (200.0, 50.0, 250.0)
    assert result.energy_per_output_token == 10.0
    lines = [" ".join(line.split()) for line in result.summary().splitlines()]
    assert "energy of the host's CPUs 50 J +- 2.5 J, not in the total" in lines
    assert "energy with the host 250 J" in lines
    assert {"host_energy_j", "energy_with_host_j"}.isdisjoint(result.reasons)


def test_without_the_energy_of_the_host_there_is_a_reason_and_no_sum():
    result = beside(HostEnergy(reason="rapl: there is no /sys/class/powercap"))
    assert (result.host_energy_j, result.energy_with_host_j) == (None, None)
    assert result.reasons["host_energy_j"] == "rapl: there is no /sys/class/powercap"
    assert result.reasons["energy_with_host_j"] == "rapl: there is no /sys/class/powercap"
    assert "host's CPUs" not in result.summary()


def test_the_host_alone_is_no_sum():
    result = beside(HostEnergy(energy_j=50.0, uncertainty_j=2.5), energy_j=None)
    assert (result.host_energy_j, result.energy_with_host_j) == (50.0, None)
    assert result.reasons["energy_with_host_j"] == result.reasons["energy_total_j"]


def test_a_result_with_the_energy_of_the_host_is_read_again(tmp_path):
    result = beside(HostEnergy(energy_j=50.0, uncertainty_j=2.5))
    assert ExperimentResult.from_json(result.to_json(tmp_path / "result.json")).energy.host == result.energy.host


def test_without_tokens_there_is_no_energy_per_token():
    result = a_result()
    silent = result.model_copy(update={"tokens": result.tokens.model_copy(update={"output_tokens": 0})})
    assert silent.energy_per_output_token is None


def test_a_result_is_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        a_result().duration_sec = 3.0


def test_every_field_has_a_description_or_a_clear_name():
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
    for text_of_one in a_result().measurement_warnings:
        assert text_of_one in text


def test_a_printed_result_is_its_summary():
    assert str(a_result()) == a_result().summary()


def test_the_summary_shows_attention_and_the_order_of_prompts():
    result = a_result(pytorch={"batching_strategy": "dynamic"})
    info = result.model_info.model_copy(update={"attn_implementation": "eager"})
    text = result.model_copy(update={"model_info": info}).summary()
    assert "eager attention, pytorch" in text
    assert "2 prompts in dynamic batches of" in text


def test_the_summary_has_the_energy_in_every_common_unit():
    """200 J in 2 s for 20 tokens of 2 prompts; 3,600 J are 1 Wh."""
    text = a_result().summary()
    for words in (
        "200 J +- 10 J (0.0556 Wh), fake (counter)\n",
        "10 J/token +- 0.5 J/token\n",
        "100 J/request +- 5 J/request\n",
        "mean power               100 W +- 5 W\n",
    ):
        assert words in text


def test_the_summary_has_the_uncertainty_of_each_phase_with_its_share_of_that_of_the_window():
    split = PhaseEnergy(
        prefill_j=80.0, decode_j=120.0, uncertainty_j=3.0, prefill_uncertainty_j=5.0, decode_uncertainty_j=6.7
    )
    text = a_result().model_copy(update={"phase_energy": split}).summary()
    assert re.search("prefill +80 J \\+- 5 J\n", text)
    assert re.search("decode +120 J \\+- 6.7 J\n", text)


def test_phases_in_a_file_of_an_older_release_have_no_uncertainty_instead_of_one_that_is_too_small():
    split = PhaseEnergy(prefill_j=80.0, decode_j=120.0, uncertainty_j=3.0)
    assert re.search("prefill +80 J\n", a_result().model_copy(update={"phase_energy": split}).summary())


@pytest.mark.parametrize(
    ("p50_ms", "p95_ms", "words"),
    [
        (12.0, 1000.0, "12 ms median, 1000 ms p95"),
        (980.0, 1234.0, "0.98 s median, 1.23 s p95"),
        (65_000.0, 70_000.0, "65 s median, 70 s p95"),
    ],
)
def test_latencies_above_a_second_are_in_seconds(p50_ms, p95_ms, words):
    result = a_result()
    request = result.latency.request.model_copy(update={"p50_ms": p50_ms, "p95_ms": p95_ms})
    latency = result.latency.model_copy(update={"request": request})
    assert words in result.model_copy(update={"latency": latency}).summary()


def test_the_headline_can_be_emphasised():
    text = summarise(a_result(), lambda line: f"<{line}>")
    assert text.count("<") == 1
    assert "\n<energy per output token  10 J/token +- 0.5 J/token>\n" in text


def test_the_summary_groups_the_publication_rules_that_are_not_kept():
    rules = (
        RuleOutcome(rule="a", state="kept", found="1"),
        RuleOutcome(rule="b", state="failed", found="2 of 3"),
        RuleOutcome(rule="c", state="not_observed", found="not observed"),
        RuleOutcome(rule="d", state="not_applicable", found="a run on the CPU"),
        RuleOutcome(rule="e", state="not_applicable", found="a run on the CPU"),
    )
    text = a_result().model_copy(update={"publication_check": PublicationCheck(rules=rules)}).summary()
    assert (
        "ready to publish: 1 of 3 rules are kept\n- failed: b (2 of 3)\n- not observed: c\n- not applicable: d, e\n"
        in text
    )


def test_warnings_that_differ_in_their_numbers_only_are_shown_once_with_their_number():
    of_gpus = [warning("ecc_disabled", f"ECC is off on GPU {index}", "switch it on") for index in range(4)]
    problems = [warning("meter_problem", sentence) for sentence in ("it stopped", "it was reset", "it stopped")]
    text = a_result().model_copy(update={"warnings": (*of_gpus, *problems)}).summary()
    assert text.endswith(
        "warnings\n- ecc_disabled: ECC is off on GPU 0; switch it on (4 times, the first shown)\n"
        "- meter_problem: it stopped (2 times, the first shown)\n- meter_problem: it was reset"
    )


def test_joules_per_token_of_an_estimate_have_no_error_bar_and_are_marked():
    estimate = EnergyReading(meter="codecarbon", energy_j=200.0, method="estimated")
    text = a_result().model_copy(update={"energy": estimate}).summary()
    assert "10 J/token, an estimate\n" in text


def test_every_value_that_follows_from_an_estimate_is_marked():
    measured = a_result()
    estimate = EnergyReading(meter="codecarbon", energy_j=200.0, method="estimated")
    lines = measured.model_copy(update={"energy": estimate}).summary().splitlines()
    for name in ("energy ", "energy per output token", "energy per request", "mean power", "energy above idle"):
        assert "estimate" in next(line for line in lines if line.startswith(name)), name
    assert "estimate" not in measured.summary()


def test_the_summary_without_energy_has_not_measured_and_the_reason():
    text = a_result(energy_j=None).summary()
    assert "not measured (no sensor)" in text
    assert "0 J" not in text


@pytest.mark.parametrize(("scope", "said"), [("process", True), ("devices", False), (None, False)])
def test_the_summary_shows_when_memory_is_that_of_the_whole_process(scope, said):
    memory = MemoryResult(peak_memory_mb=512.0, source="process_rss, sum of 2 processes", scope=scope)
    assert ("512 MB of the whole process" in a_result().model_copy(update={"memory": memory}).summary()) is said


def test_the_summary_is_plain_text():
    assert all(character == "\n" or character.isprintable() for character in a_result().summary())


def test_several_passes_are_in_the_summary():
    once = a_result()
    tokens = once.tokens.model_copy(update={"n_prompts": 6, "n_passes": 3})
    assert "2 prompts in batches" in once.summary()
    assert "6 prompts (3 passes over 2) in batches" in once.model_copy(update={"tokens": tokens}).summary()
