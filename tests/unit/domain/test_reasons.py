"""Every field of a result that is null says why."""

from __future__ import annotations

import types
import typing

import pytest

from a_gpu_result import a_gpu_result
from a_result import a_result, a_timeseries
from a_served_result import a_served_result
from llenergymeasure import ExperimentResult
from llenergymeasure.domain.reasons import REASONS, SEVERAL_RANKS, reasons_of


def may_be_none(annotation) -> bool:
    return typing.get_origin(annotation) in (typing.Union, types.UnionType) and type(None) in typing.get_args(
        annotation
    )


def nullable_fields() -> set[str]:
    ExperimentResult.model_rebuild()  # its types are resolved at its first use
    stored = {
        name
        for name, field in ExperimentResult.model_fields.items()
        if may_be_none(field.annotation) and not field.exclude
    }
    derived = {name for name, field in ExperimentResult.model_computed_fields.items() if may_be_none(field.return_type)}
    return stored | derived


def test_every_field_that_may_be_null_has_a_rule_and_no_other_field_has():
    assert set(REASONS) == nullable_fields()


RESULTS = {
    "without energy": lambda: a_result(energy_j=None),
    "with energy": a_result,
    "with a time series": lambda: a_result(timeseries=a_timeseries()),
    "of a GPU": a_gpu_result,
    "of a server": a_served_result,
}


@pytest.mark.parametrize("kind", RESULTS)
def test_exactly_the_fields_that_are_null_have_a_reason(kind):
    result = RESULTS[kind]()
    empty = {name for name in nullable_fields() if getattr(result, name) is None}
    assert set(result.reasons) == empty
    assert all(sentence.strip() for sentence in result.reasons.values())
    written = result.model_dump(mode="json")
    assert {name for name, value in written.items() if value is None} == set(written["reasons"])


def test_the_reason_of_a_number_is_that_of_the_meter():
    reasons = a_result(energy_j=None).reasons
    assert reasons["energy_total_j"] == reasons["energy_per_output_token"] == reasons["co2"] == "no sensor"


def test_what_several_ranks_measured_on_their_own_is_in_their_results():
    several = a_result().model_copy(update={"process_results": ({},), "phases": None})
    assert {several.reasons[name] for name in ("phases", "phase_energy", "sampler", "thermal_throttle")} == {
        SEVERAL_RANKS
    }


def test_with_energy_carbon_asks_for_an_intensity():
    assert "LLEM_CARBON_INTENSITY" in a_result().reasons["co2"]


def test_a_result_on_the_cpu_has_no_sensors_because_it_is_on_the_cpu():
    result = a_result()
    on_cpu = result.model_copy(update={"model_info": result.model_info.model_copy(update={"device": "cpu"})})
    assert "ran on the CPU" in reasons_of(on_cpu)["sampler"]


def test_another_wording_in_a_file_is_no_disagreement():
    written = a_result().model_dump(mode="json")
    written["reasons"] = {"co2": "said in other words by another release"}
    assert ExperimentResult.model_validate(written).reasons == a_result().reasons
