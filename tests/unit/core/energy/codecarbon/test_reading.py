"""Which of CodeCarbon's parts are measured, which are modelled, and which count."""

from __future__ import annotations

import pytest

from llenergymeasure.core.energy.codecarbon.reading import reading_of


def a_reading(gpu=0.0, cpu=0.0, ram=0.0, gpus=(), rapl=False, still=0.0, logged=(), seconds=10.0):
    return reading_of(
        {"gpu": gpu, "cpu": cpu, "ram": ram},
        duration_s=seconds,
        gpus=gpus,
        cpu_is_measured=rapl,
        still_s={"gpu": still, "cpu": still, "ram": 0.0},
        logged=logged,
    )


def included(reading):
    return [domain.name for domain in reading.domains if domain.included]


def test_a_modelled_cpu_is_an_estimate_and_the_constant_of_the_ram_stays_out():
    """Unguarded, the sum would be 218 J, of which 200 J are a constant."""
    reading = a_reading(cpu=18.0, ram=200.0)
    assert (reading.energy_j, reading.method) == (18.0, "estimated")
    assert {(domain.name, domain.provenance, domain.included) for domain in reading.domains} == {
        ("cpu", "modelled", True),
        ("ram", "modelled", False),
    }


def test_the_uncertainty_of_an_estimate_is_unknown_and_said_so():
    reading = a_reading(cpu=18.0)
    assert reading.uncertainty_j is None
    assert reading.uncertainty_parts_j == {}
    assert "uncertainty is unknown" in reading.domains[0].note


def test_a_modelled_cpu_is_never_added_to_a_measured_gpu():
    reading = a_reading(gpu=3000.0, cpu=400.0, ram=200.0, gpus=("GPU-0",))
    assert (reading.energy_j, reading.method) == (3000.0, "sampled")
    assert included(reading) == ["gpu"]


def test_a_cpu_read_from_counters_is_shown_beside_the_gpu():
    """The total stays the GPUs', as with every meter, whether or not this user may read the counters of the CPU."""
    reading = a_reading(gpu=3000.0, cpu=400.0, gpus=("GPU-0",), rapl=True)
    assert reading.energy_j == 3000.0
    assert [(domain.name, domain.provenance) for domain in reading.domains] == [
        ("gpu", "measured"),
        ("cpu", "measured"),
    ]
    assert included(reading) == ["gpu"]


def test_without_a_gpu_a_cpu_read_from_counters_is_the_measurement():
    reading = a_reading(cpu=400.0, rapl=True)
    assert (reading.energy_j, reading.method) == (400.0, "sampled")
    assert reading.uncertainty_j > 0


def test_gpus_that_the_experiment_does_not_use_are_not_its_energy():
    reading = a_reading(gpu=3000.0, cpu=18.0)
    assert reading.energy_j == 18.0
    assert [domain.name for domain in reading.domains] == ["cpu"]


def test_a_gpu_without_a_reading_is_not_replaced_by_a_model_of_the_cpu():
    reading = a_reading(gpu=0.0, cpu=400.0, gpus=("GPU-0",))
    assert reading.energy_j is None
    assert "gave 0 J for the gpu" in reading.reason
    assert included(reading) == []


def test_zero_joules_are_not_a_measurement():
    """CodeCarbon reports 0 J when it could not measure. The reading has a reason instead."""
    assert "gave 0 J for the cpu" in a_reading().reason


def test_measurements_that_do_not_cover_the_window_give_no_joules():
    reading = a_reading(cpu=None, seconds=0.03, logged=["no hardware"])
    assert reading.energy_j is None
    assert (
        reading.reason
        == "the measurements of codecarbon do not cover the 0.03 s of the window; it reported: no hardware"
    )


def test_a_counter_that_stood_still_voids_the_window():
    assert "the gpu counter did not advance for 1 s" in a_reading(gpu=500.0, gpus=("GPU-0",), still=1.0).reason


def test_a_model_may_stand_still():
    assert a_reading(cpu=18.0, still=1.0).energy_j == 18.0


def test_joules_that_the_library_lost_void_the_window():
    """It goes on with 0 J for that time, and only logs it."""
    reading = a_reading(
        gpu=500.0, gpus=("GPU-0",), logged=["Failed to retrieve power usage of GPU 0, its energy will be 0"]
    )
    assert reading.energy_j is None
    assert "lost joules" in reading.reason


def test_one_gpu_is_reported_by_its_uuid_and_several_only_as_a_sum():
    assert a_reading(gpu=500.0, gpus=("GPU-0",)).per_device_j == {"GPU-0": 500.0}
    several = a_reading(gpu=500.0, gpus=("GPU-0", "GPU-1"))
    assert several.per_device_j is None
    assert "the sum of 2 GPUs" in several.domains[0].note


def test_the_uncertainty_is_that_of_a_plain_difference():
    reading = a_reading(gpu=200.0, gpus=("GPU-0",), seconds=2.0)  # 100 W: 2 x 100 x 0.1 / sqrt(6) = 8.16 J
    assert reading.uncertainty_parts_j == {"gain": pytest.approx(10.0), "edges": pytest.approx(8.165, abs=0.001)}


def test_power_read_once_per_second_is_less_certain_than_a_counter():
    logged = ["GPU 0 does not provide a total energy consumption counter, falling back to averaging its power usage"]
    reading = a_reading(gpu=200.0, gpus=("GPU-0",), seconds=2.0, logged=logged)
    assert reading.uncertainty_parts_j["edges"] == pytest.approx(81.65, abs=0.01)
    assert reading.problems == (f"codecarbon: {logged[0]}",)
