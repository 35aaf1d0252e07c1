"""The results of a study side by side."""

from __future__ import annotations

from a_result import a_result
from llenergymeasure._api.comparison import ONE_WINDOW, labels_of, side_by_side
from llenergymeasure.config.models import ExperimentConfig

SMALL = ExperimentConfig(model="m")


def test_repeats_of_one_configuration_have_the_same_label():
    assert labels_of([SMALL, SMALL]) == {SMALL.config_hash: SMALL.config_hash}


def test_each_result_is_a_line_with_its_label_and_an_error_bar():
    one, other = a_result(), a_result(energy_j=None, random_seed=7)
    head, first, second, last = side_by_side([one, other], labels_of([one.config, other.config])).splitlines()
    assert head.split("  ")[0] == "experiment"
    assert first.startswith(f"{one.measurement_config_hash} random_seed=42 ")
    assert "10 J/token +- 0.5 J/token  10 tokens/s" in first
    assert "random_seed=7   not measured  " in second
    assert last == ONE_WINDOW


def measured_by(meter, method, device="cpu", **fields):
    result = a_result(**fields)
    return result.model_copy(
        update={
            "energy": result.energy.model_copy(update={"meter": meter, "method": method}),
            "model_info": result.model_info.model_copy(update={"device": device}),
        }
    )


def last_lines(*results):
    return side_by_side(results, labels_of([result.config for result in results])).splitlines()[len(results) + 1 :]


def test_joules_of_different_parts_or_of_a_model_are_not_to_be_compared():
    on_gpu = measured_by("nvml", "counter", "cuda")
    on_cpu, modelled = (measured_by("codecarbon", each, random_seed=7) for each in ("sampled", "estimated"))
    assert last_lines(on_gpu, on_cpu, modelled) == [
        "energy is of more than one kind: measured by nvml on the GPU; measured by codecarbon on the CPU; "
        "estimated by codecarbon on the CPU; compare it within one kind only",
        ONE_WINDOW,
    ]


def test_two_ways_of_one_meter_are_one_kind_and_what_was_not_measured_is_none():
    one, other = measured_by("nvml", "counter", "cuda"), measured_by("nvml", "sampled", "cuda:1", random_seed=7)
    assert last_lines(one, other, a_result(energy_j=None, random_seed=8)) == [ONE_WINDOW]
