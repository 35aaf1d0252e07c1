"""One result from several processes; every number can be checked by hand."""

from __future__ import annotations

import pytest

from a_result import a_result
from llenergymeasure._version import __version__
from llenergymeasure.domain.energy import EnergyDomain, EnergyReading, HostEnergy
from llenergymeasure.domain.measurements import HostResult
from llenergymeasure.domain.warnings import warning
from llenergymeasure.exceptions import AggregationError
from llenergymeasure.results.ranks.combine import aggregate
from llenergymeasure.results.ranks.files import ProcessFacts, ProcessResult
from llenergymeasure.results.ranks.helpers import interleaved
from llenergymeasure.results.ranks.work import MOST_SAMPLES

START_S = 1000.0


def process(rank, result=None, host="here", start_s=START_S, end_s=START_S + 2.0, size=2):
    return ProcessResult(ProcessFacts(rank, size, "run", host, start_s, end_s), result or on_gpu(rank))


def on_gpu(index, energy_j=200.0, **reading):
    """20 tokens, 200 J on a GPU of its own, with a gain of 10 J and edges of 3 J."""
    result = a_result()
    energy = EnergyReading(
        meter="nvml", energy_j=energy_j, method="counter", per_device_j={f"GPU-{index}": energy_j}, n_readings=20 + index,
        uncertainty_j=109**0.5, uncertainty_parts_j={"gain": 10.0, "edges": 3.0}, crosscheck_j=198.0,
    ).model_copy(update=reading)  # fmt: skip
    model = result.model_info.model_copy(update={"device": "cuda"})
    return result.model_copy(update={"energy": energy, "model_info": model})


def test_energy_tokens_and_flops_are_summed_and_time_is_the_wall_span():
    whole = aggregate([process(0), process(1, start_s=START_S + 0.5, end_s=START_S + 2.5)])
    single = on_gpu(0)
    assert whole.energy_total_j == 400.0
    assert whole.energy_per_device_j == {"GPU-0": 200.0, "GPU-1": 200.0}
    assert whole.output_tokens == 2 * single.output_tokens
    assert whole.flops_total == 2 * single.flops_total
    assert whole.duration_sec == 2.5
    assert whole.tokens_per_second == pytest.approx(2 * single.output_tokens / 2.5)
    assert whole.cpu_seconds == pytest.approx(2 * single.cpu_seconds)


def test_gains_add_up_and_other_errors_are_independent():
    whole = aggregate([process(0), process(1)])
    assert whole.energy.uncertainty_parts_j == {"edges": pytest.approx(18**0.5), "gain": 20.0}
    assert whole.energy_uncertainty_j == pytest.approx((400 + 18) ** 0.5)
    assert whole.energy.crosscheck_j == 396.0


def on_a_host(energy_j, reason=None):
    parts = {"gain": 3.0, "edges": 4.0} if energy_j is not None else {}
    package = EnergyDomain(name="package-0", energy_j=energy_j or 0.0, provenance="measured", included=True)
    return HostEnergy(
        energy_j=energy_j, uncertainty_j=5.0 if parts else None, uncertainty_parts_j=parts, reason=reason,
        domains=(package,) if parts else (),
    )  # fmt: skip


def test_the_cpus_of_each_machine_are_counted_once():
    """Two ranks on one machine read the same counters, and a third rank has a machine of its own."""
    whole = aggregate(
        [
            process(0, on_gpu(0, host=on_a_host(50.0)), size=3),
            process(1, on_gpu(1, host=on_a_host(51.0)), size=3),
            process(2, on_gpu(2, host=on_a_host(30.0)), host="there", size=3),
        ]
    )
    assert whole.host_energy_j == 80.0
    assert whole.energy_with_host_j == 680.0
    assert whole.energy.host.uncertainty_parts_j == {"edges": pytest.approx(32**0.5), "gain": 6.0}
    assert [domain.energy_j for domain in whole.energy.host.domains] == [50.0, 30.0]


def test_one_machine_without_the_energy_of_its_cpus_leaves_no_sum_and_its_reason():
    hosts = on_a_host(50.0), on_a_host(None, "rapl: there is no /sys/class/powercap")
    whole = aggregate([process(0, on_gpu(0, host=hosts[0])), process(1, on_gpu(1, host=hosts[1]), host="there")])
    assert whole.energy_total_j == 400.0
    assert (whole.host_energy_j, whole.energy.host.uncertainty_j) == (None, None)
    assert whole.reasons["host_energy_j"] == "rapl: there is no /sys/class/powercap"


def test_latencies_are_put_together_before_percentiles():
    fast, slow = on_gpu(0), on_gpu(1)
    slow = slow.model_copy(
        update={
            "latency": slow.latency.model_copy(update={"request_ms": tuple(10 * ms for ms in slow.latency.request_ms)})
        }
    )
    whole = aggregate([process(0, fast), process(1, slow)])
    assert whole.latency.request.count == 4
    assert whole.latency.request.max_ms == pytest.approx(max(slow.latency.request_ms))
    assert whole.latency.request.min_ms == pytest.approx(min(fast.latency.request_ms))


def test_prompts_come_back_in_the_order_of_the_dataset():
    assert interleaved([("a", "d", "g"), ("b", "e"), ("c", "f")]) == tuple("abcdefg")


def with_passes(result, n_passes, lengths):
    request_ms = tuple(map(float, lengths))
    tokens = result.tokens.model_copy(update={"n_passes": n_passes, "output_tokens_per_prompt": lengths})
    latency = result.latency.model_copy(update={"request_ms": request_ms, "ttft_ms": request_ms})
    return result.model_copy(update={"tokens": tokens, "latency": latency})


def test_prompts_of_several_passes_come_back_pass_after_pass():
    first, second = with_passes(on_gpu(0), 2, (10, 30, 11, 31)), with_passes(on_gpu(1), 2, (20, 21))
    whole = aggregate([process(0, first), process(1, second)])
    assert whole.n_passes == 2
    assert whole.tokens.output_tokens_per_prompt == (10, 20, 30, 11, 21, 31)
    assert whole.latency.request_ms == whole.latency.ttft_ms == (10.0, 20.0, 30.0, 11.0, 21.0, 31.0)


def test_ranks_that_passed_over_their_prompts_unequally_often_are_refused():
    first, second = with_passes(on_gpu(0), 2, (1, 2)), with_passes(on_gpu(1), 3, (1, 2, 3))
    with pytest.raises(AggregationError, match="number of passes over the prompts is 2 on rank 0 and 3 on rank 1"):
        aggregate([process(0, first), process(1, second)])


@pytest.mark.parametrize("shares", [[("a",), ("b", "c")], [("a", "b", "c"), ("d",)]])
def test_shares_of_no_round_robin_split_are_refused(shares):
    with pytest.raises(AggregationError, match="prompts were not split round-robin over the ranks, which have"):
        interleaved(shares)


def test_too_many_samples_are_left_out_with_a_warning():
    def many(index):
        result = on_gpu(index)
        share = MOST_SAMPLES // 2 + 1
        latency = result.latency.model_copy(update={"request_ms": (1.0,) * share})
        tokens = result.tokens.model_copy(update={"n_prompts": share})
        return result.model_copy(update={"latency": latency, "tokens": tokens})

    whole = aggregate([process(0, many(0)), process(1, many(1))])
    assert whole.latency.request_ms == ()
    assert whole.latency.request.count == MOST_SAMPLES + 2
    assert len(whole.latency.ttft_ms) == 4
    (warning,) = [each for each in whole.warnings if each.code == "samples_left_out"]
    assert warning.values["prompts"] == MOST_SAMPLES + 2
    assert warning.remedy == "lower n, or min_duration_seconds where it is set, to keep all samples"


def test_the_window_is_that_of_all_processes():
    whole = aggregate([process(0, start_s=START_S + 0.5), process(1, end_s=START_S + 3.0)])
    assert whole.window_utc == (START_S, START_S + 3.0)
    start_s, end_s = whole.steady_state_window
    assert end_s - start_s == pytest.approx(3.0)


def test_warm_up_is_as_steady_as_the_least_steady_and_all_of_it_is_left_out():
    restless = on_gpu(1)
    warmup = restless.warmup.model_copy(update={"converged": False, "final_cv": 0.2})
    steady = on_gpu(0).warmup.model_copy(update={"converged": True, "final_cv": 0.01})
    whole = aggregate(
        [
            process(0, on_gpu(0).model_copy(update={"warmup": steady})),
            process(1, restless.model_copy(update={"warmup": warmup})),
        ]
    )
    assert (whole.warmup.converged, whole.warmup.final_cv) == (False, 0.2)
    assert whole.warmup_excluded_samples == 2 * on_gpu(0).warmup_excluded_samples
    assert any(text.startswith("warmup_not_converged") for text in whole.measurement_warnings)


def test_a_cpu_that_all_processes_read_is_counted_once_per_machine():
    def on_cpu(energy_j):
        energy = EnergyReading(meter="codecarbon", energy_j=energy_j, method="estimated")
        return a_result().model_copy(update={"energy": energy})

    whole = aggregate([process(rank, on_cpu(100.0 + rank), host="ab"[rank // 2], size=4) for rank in range(4)])
    assert whole.energy_total_j == 100.0 + 102.0
    assert whole.baseline_power_w == 80.0
    assert whole.energy_per_device_j is None


def on_package(energy_j, **blocks):
    """A run on the CPU, measured by its counters."""
    energy = EnergyReading(meter="rapl", energy_j=energy_j, method="counter", per_device_j={"package-0": energy_j})
    return a_result().model_copy(update={"energy": energy, **blocks})


def test_cpus_of_two_machines_that_share_a_name_each_keep_their_joules():
    whole = aggregate([process(rank, on_package(100.0 + rank), host="ab"[rank // 2], size=4) for rank in range(4)])
    assert whole.energy_total_j == 202.0
    assert whole.energy_per_device_j == {"package-0 of rank 0": 100.0, "package-0 of rank 2": 102.0}


def test_a_model_on_cpus_is_on_the_cpu_of_each_rank_and_not_on_its_meter():
    whole = aggregate([process(rank, on_package(100.0)) for rank in range(2)])
    assert whole.model_info.devices == whole.multi_gpu.devices == ("cpu:0", "cpu:1")
    assert whole.energy_per_device_j == {"package-0": 100.0}


def test_the_cpu_time_of_others_is_that_of_every_machine_as_is_that_of_the_ranks():
    """On each of two machines two ranks use 5 s, so 7 s of others are 5 s of the other rank and 2 s of other programs."""
    host = HostResult(cpu_seconds=5.0, other_cpu_seconds=7.0)
    four = [process(rank, on_package(100.0, host=host), host="ab"[rank // 2], size=4) for rank in range(4)]
    whole = aggregate(four).host
    assert (whole.cpu_seconds, whole.other_cpu_seconds) == (20.0, 4.0)
    assert whole.other_share_of_used == pytest.approx(4 / 24)


def test_processes_that_share_a_part_of_their_devices_are_refused():
    both = {"GPU-0": 100.0, "GPU-1": 100.0}
    with pytest.raises(AggregationError, match="share GPU-1 but not all their devices"):
        aggregate([process(0, on_gpu(1)), process(1, on_gpu(1, per_device_j=both))])


def test_parts_of_the_machine_are_counted_once_and_parts_of_gpus_added():
    def read(index):
        domains = (
            EnergyDomain(name="gpu", energy_j=200.0, provenance="measured", included=True),
            EnergyDomain(name="cpu", energy_j=50.0, provenance="measured", included=False),
        )
        return on_gpu(index, domains=domains)

    gpu, cpu = aggregate([process(0, read(0)), process(1, read(1))]).energy.domains
    assert (gpu.energy_j, cpu.energy_j) == (400.0, 50.0)


def test_an_uncertainty_without_parts_is_added_up():
    whole = aggregate([process(rank, on_gpu(rank, uncertainty_parts_j={}, uncertainty_j=10.0)) for rank in range(2)])
    assert whole.energy_uncertainty_j == 20.0


def test_idle_power_is_that_of_all_devices():
    assert aggregate([process(0), process(1)]).baseline_power_w == 80.0
    assert aggregate([process(0), process(1)]).energy_adjusted_j == 400.0 - 80.0 * 2.0


def test_a_device_that_two_processes_shared_is_counted_once_and_flagged():
    whole = aggregate([process(0, on_gpu(7)), process(1, on_gpu(7))])
    assert whole.energy_total_j == 200.0
    assert whole.baseline_power_w == 40.0
    assert any(text.startswith("device_counted_once: ranks 0 and 1") for text in whole.measurement_warnings)


def test_idle_power_of_devices_that_another_rank_counts_is_not_added_again():
    both = on_gpu(0, per_device_j={"GPU-0": 100.0, "GPU-1": 100.0})
    whole = aggregate([process(0, both), process(1, on_gpu(1))])
    assert (whole.energy_total_j, whole.baseline_power_w) == (200.0, 40.0)


def test_idle_power_of_unknown_devices_is_not_known():
    lost = EnergyReading(meter="nvml", reason="GPU is lost")
    without = [on_gpu(rank).model_copy(update={"energy": lost}) for rank in range(2)]
    whole = aggregate([process(rank, result) for rank, result in enumerate(without)])
    assert whole.baseline_power_w is None
    assert whole.baseline.reason == "rank 0: without joules it is not known which devices its idle power is of"


def test_the_same_name_on_two_machines_is_two_devices():
    assert aggregate([process(0, on_gpu(7), host="a"), process(1, on_gpu(7), host="b")]).energy_total_j == 400.0


def test_energy_that_one_process_did_not_measure_is_not_measured():
    lost = EnergyReading(meter="nvml", reason="GPU is lost", problems=("a reading failed",))
    whole = aggregate([process(0), process(1, on_gpu(1).model_copy(update={"energy": lost}))])
    assert whole.energy_total_j is None
    assert whole.energy_method is None
    assert whole.energy.uncertainty_parts_j == {}
    assert whole.energy.reason == "rank 1: GPU is lost"
    assert whole.energy.problems == ("a reading failed",)


def test_idle_power_is_as_old_as_the_oldest():
    def idle(rank, **fields):
        result = on_gpu(rank)
        return result.model_copy(update={"baseline": result.baseline.model_copy(update=fields)})

    cached = idle(1, provenance="cached", age_sec=90.0, duration_sec=10.0)
    whole = aggregate([process(0), process(1, cached)])
    assert (whole.baseline.provenance, whole.baseline.age_sec, whole.baseline.duration_sec) == ("cached", 90.0, 10.0)
    nothing = idle(1, power_w=None, provenance="unavailable", reason="switched off", method=None)
    missing = aggregate([process(0), process(1, nothing)]).baseline
    assert (missing.power_w, missing.method, missing.provenance) == (None, None, "unavailable")
    assert missing.reason == "rank 1: switched off"


def test_processes_that_did_not_run_side_by_side_are_flagged():
    apart = aggregate([process(0), process(1, start_s=START_S + 5, end_s=START_S + 7)])
    assert any(text.startswith("processes_not_side_by_side") for text in apart.measurement_warnings)
    barely = aggregate([process(0), process(1, start_s=START_S + 1, end_s=START_S + 3)])
    assert any("share 50 % of their time" in text for text in barely.measurement_warnings)
    together = aggregate([process(0), process(1)])
    assert not any(text.startswith("processes_") for text in together.measurement_warnings)


def test_warnings_of_the_sensors_name_their_rank_and_others_are_judged_anew():
    loud = on_gpu(1).model_copy(
        update={
            "warnings": (
                warning("throttling_detected", "clocks were throttled", "improve cooling", throttle_duration_sec=2.0),
                warning("low_prompt_count", "2 prompts"),
                warning("sensor_may_alias", "decode steps repeat every 50 ms", unseen_share=0.5),
            )
        }
    )
    whole = aggregate([process(0), process(1, loud)])
    assert "throttling_detected: rank 1: clocks were throttled; improve cooling" in whole.measurement_warnings
    found = {each.code: each.values for each in whole.warnings}
    assert found["throttling_detected"] == {"throttle_duration_sec": 2.0, "rank": 1}
    assert found["low_prompt_count"]["n_prompts"] == 4
    assert found["sensor_may_alias"] == {"unseen_share": 0.5, "rank": 1}


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"measurement_config_hash": "0" * 16}, "configuration"),
        ({"tool_version": "1.9"}, f"release is '{__version__}' on rank 0 and '1.9' on rank 1"),
        ({"energy": EnergyReading(meter="zeus", energy_j=1.0, method="counter")}, "meter"),
        ({"energy": EnergyReading(meter="nvml", energy_j=1.0, method="sampled")}, "energy method"),
    ],
)
def test_different_results_are_refused_with_the_difference(change, what):
    with pytest.raises(AggregationError, match=what):
        aggregate([process(0), process(1, on_gpu(1).model_copy(update=change))])


def test_each_process_s_own_result_is_embedded_without_its_samples():
    whole = aggregate([process(0), process(1)])
    assert [one["rank"] for one in whole.process_results] == [0, 1]
    assert whole.process_results[1]["energy_total_j"] == 200.0
    assert whole.process_results[1]["latency"]["request_ms"] == []
    assert whole.multi_gpu.strategy == "data_parallel"
    assert whole.multi_gpu.devices == ("GPU-0", "GPU-1")


def test_the_combined_result_survives_the_disk(tmp_path):
    from llenergymeasure import ExperimentResult

    whole = aggregate([process(0), process(1)])
    assert ExperimentResult.from_json(whole.to_json(tmp_path / "r.json")) == whole


def test_nothing_cannot_be_combined():
    with pytest.raises(AggregationError, match="there is no result to combine"):
        aggregate([])
