"""Every warning: when it is given, when it is not, and that it carries its numbers and a remedy."""

from __future__ import annotations

import re

import pytest

from a_draft import CONDITIONS, CONFIG, ENERGY, REPORT, TOKENS, UNSEEN, WARMUP, a_draft, update
from a_served_result import a_server, some_traffic
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.collect.distribution import distribution
from llenergymeasure.core.quality.warnings import CHECKS, warnings_about
from llenergymeasure.domain.energy import BaselineResult, EnergyDomain, EnergyReading, MeterChoice
from llenergymeasure.domain.measurements import CompilationResult, HostResult, ModelInfo, SchedulerResult
from llenergymeasure.domain.sensors import ThermalThrottleInfo
from llenergymeasure.domain.timeline import BatchTimes, Timeline
from llenergymeasure.domain.traffic.result import FailureCount
from llenergymeasure.domain.warnings import CODES

# Batches of 0.5 s, one after another.
IN_STEP = Timeline(batches=tuple(BatchTimes(start_s=0.5 * i, end_s=0.5 * i + 0.5) for i in range(4)))
OF_SEVERAL_PROCESSES = {
    "device_counted_once", "processes_not_side_by_side", "processes_barely_overlap", "samples_left_out",
}  # fmt: skip
OF_STUDIES = {
    "order_not_shuffled", "single_cycle", "cells_missing", "reference_missing", "unequal_work", "methods_disagree",
    "outlying_runs", "unequal_spread", "runs_left_out", "control_drift", "uncertain_readings", "not_cooled_down",
    "protocol_changed", "neighbours", "late_results",
}  # fmt: skip
# Their sentences come from the meter, and may have no number.
IN_WORDS_OF_OTHERS = {"energy_unavailable", "meter_problem", "no_baseline", "baseline_problem"}

OF_CPUS = EnergyReading(
    meter="rapl", energy_j=1000.0, method="counter", uncertainty_j=50.0, n_readings=90_000,
    domains=(EnergyDomain(name="package-0", energy_j=1000.0, provenance="measured", included=True),),
)  # fmt: skip
# Requests that were all answered, sent in time, in a steady number.
TRAFFIC = some_traffic(sent=100, answered=100, failed=0, failures=())
# What the case of another warning also causes.
COMES_WITH = {"cpu_shared": "cpu_inference", "server_uses_no_gpu": "cpu_inference"}

CASES = {
    "served_model_differs": dict(server=a_server(served_model="gpt-4o", launched=False, command=())),
    "short_measurement_duration": dict(duration_sec=9.9),
    "low_prompt_count": dict(tokens=update(TOKENS, n_prompts=29)),
    "energy_unavailable": dict(energy=EnergyReading(meter="none", reason="no sensor; 0 GPUs")),
    "energy_estimated": dict(energy=update(ENERGY, method="estimated", crosscheck_j=None)),
    "energy_simulated": dict(energy=update(ENERGY, method="replayed", crosscheck_j=None)),
    "nvml_low_sample_count": dict(energy=update(ENERGY, n_readings=9)),
    "meter_problem": dict(energy=update(ENERGY, problems=("the counter stood still for 1 s; use the integral",))),
    "energy_crosscheck_failed": dict(energy=update(ENERGY, crosscheck_j=900.0)),
    "no_baseline": dict(baseline=BaselineResult(provenance="unavailable", reason="baseline.enabled is false: 0 s")),
    "baseline_problem": dict(baseline=BaselineResult(power_w=5.0, provenance="fresh", problems=("power moved by 9 W; wait",))),
    "negative_adjusted_energy": dict(baseline=BaselineResult(power_w=50.0, provenance="fresh")),
    "warmup_off": dict(warmup=None),
    "warmup_not_converged": dict(warmup=update(WARMUP, converged=False, final_cv=0.2)),
    "thermal_floor_off": dict(config=update(CONFIG, warmup=update(CONFIG.warmup, thermal_floor_seconds=0.0))),
    "random_weights": dict(model_info=ModelInfo(name="org/m", device="cuda", random_weights=True)),
    "parameters_disagree": dict(
        model_info=ModelInfo(name="org/m", device="cuda", n_matmul_parameters=100, n_matmul_parameters_counted=90)
    ),
    "unexpected_weights": dict(
        model_info=ModelInfo(name="org/m", device="cuda", n_unexpected_weights=3, unexpected_weights=("a.weight",))
    ),
    "model_generation_defaults": dict(
        model_info=ModelInfo(name="org/m", device="cuda", model_generation_defaults={"min_p": 0.1, "stop_strings": ["x"]})
    ),
    "requests_preempted": dict(scheduler=SchedulerResult(preemptions=3, kv_cache_peak_share=1.0, kv_cache_tokens=2048)),
    "compiled_in_window": dict(compilation=CompilationResult(count=2, seconds=9.0)),
    "compile_without_effect": dict(
        compilation=CompilationResult(count=0, seconds=0.0),
        config=update(CONFIG, pytorch=update(CONFIG.pytorch, torch_compile=True)),
        warmup=update(WARMUP, compilations=0),
    ),
    "setting_not_applied": dict(
        config=update(CONFIG, min_output_tokens=16), tokens=update(TOKENS, output_tokens_per_prompt=(16, 9))
    ),
    "cpu_inference": dict(model_info=ModelInfo(name="org/m", device="cpu")),
    "decoder_setting_unused": dict(config=update(CONFIG, decoder=update(CONFIG.decoder, temperature=0.7))),
    "no_output": dict(tokens=update(TOKENS, output_tokens=0)),
    "early_end": dict(tokens=update(TOKENS, ended_early_share=0.25)),
    "prompts_truncated": dict(tokens=update(TOKENS, truncated_prompts=3)),
    "positions_beyond_model": dict(
        model_info=ModelInfo(name="org/m", device="cuda", max_positions=64), tokens=update(TOKENS, longest_sequence=66)
    ),
    "double_bos": dict(tokens=update(TOKENS, double_bos_prompts=2)),
    "busy_machine": dict(host=HostResult(cpu_seconds=1.0, other_cpu_share=0.4)),
    "cpu_shared": dict(
        energy=OF_CPUS,
        model_info=ModelInfo(name="org/m", device="cpu"),
        host=HostResult(cpu_seconds=60.0, other_cpu_share=0.02, other_cpu_seconds=20.0),
    ),
    "gpu_not_metered": dict(energy=OF_CPUS),
    "cpu_steal": dict(host=HostResult(cpu_seconds=1.0, cpu_steal_share=0.1)),
    "idle_gpus_metered": dict(
        model_info=ModelInfo(name="org/m", device="cuda", devices=("cuda:0",)),
        energy=update(ENERGY, per_device_j={"GPU-0": 900.0, "GPU-1": 100.0}),
    ),
    "gpu_persistence_mode_off": dict(gpu={"persistence_mode": False}),
    "ecc_disabled": dict(gpu={"ecc_enabled": False}),
    "mig_parent_power": dict(gpu={"mig_enabled": True}),
    "thermal_drift_detected": dict(gpu_conditions=(update(CONDITIONS, temperature_end_c=71.0),)),
    "throttling_detected": dict(thermal_throttle=ThermalThrottleInfo(detected=True, throttle_duration_sec=2.0)),
    "foreign_process": dict(foreign_processes=("GPU 0 pid 7",)),
    "sensor_may_alias": dict(sampler=update(REPORT, sensor_period_s=0.1, sensor_window_s=0.025), timeline=IN_STEP),
    "sampling_gap": dict(sampler=update(REPORT, gaps=2, longest_gap_s=0.7)),
    "client_lagging": dict(traffic=update(TRAFFIC, lag=distribution([[0.0] * 98 + [10.5] * 2]))),
    "client_busy": dict(traffic=update(TRAFFIC, client_cpu_share=0.81)),
    "requests_failed": dict(
        traffic=update(TRAFFIC, answered=98, failed=2, failures=(FailureCount(kind="timeout", count=2, example="600 s"),))
    ),
    "tokens_counted_here": dict(traffic=update(TRAFFIC, counted_by="tokenizer", counted_here=100)),
    "tokens_not_counted": dict(traffic=update(TRAFFIC, uncounted_requests=1, uncounted_events=20, uncounted_tokens=25)),
    "fewer_tokens_than_events": dict(traffic=update(TRAFFIC, fewer_tokens_than_events=1)),
    "outputs_beyond_limit": dict(traffic=TRAFFIC, tokens=update(TOKENS, output_tokens_per_prompt=(128, 129))),
    "events_dropped": dict(traffic=update(TRAFFIC, dropped_events=1)),
    "traffic_not_steady": dict(traffic=update(TRAFFIC, in_flight_start=5, in_flight_end=30)),
    "fewer_requests_than_in_flight": dict(traffic=update(TRAFFIC, mode="concurrency", rate=None, concurrency=101)),
    "prompts_cached": dict(traffic=update(TRAFFIC, cached_tokens=101)),  # of 1,000
    "server_uses_no_gpu": dict(server=a_server(), model_info=ModelInfo(name="org/m", device="cpu")),
    "server_gpus_not_metered": dict(
        server=a_server(gpus=("GPU-0", "GPU-7")), energy=update(ENERGY, per_device_j={"GPU-0": 1000.0})
    ),
}  # fmt: skip


def test_a_server_on_fewer_gpus_than_are_measured_is_named_with_its_setting():
    both = update(ENERGY, per_device_j={"GPU-0": 900.0, "GPU-1": 100.0})
    (found,) = warnings_about(a_draft(energy=both, server=a_server(gpus=("GPU-0",))))
    assert (found.code, found.remedy) == ("idle_gpus_metered", "name the GPUs that are used in server.gpus")


def test_a_server_on_the_measured_gpus_has_no_warning():
    one = update(ENERGY, per_device_j={"GPU-0": 1000.0})
    assert warnings_about(a_draft(energy=one, server=a_server(gpus=("GPU-0",)))) == ()


def test_a_server_that_uses_no_gpu_has_a_warning_only_if_gpus_are_measured_that_were_not_named():
    on_cpu = dict(server=a_server(), model_info=ModelInfo(name="org/m", device="cpu"))
    named = ExperimentConfig(model="m", backend="server", server={"url": "http://h/v1", "gpus": [0]})
    for changes in (
        dict(energy=OF_CPUS),
        dict(energy=EnergyReading(meter="none", reason="r")),
        dict(config=named),
        dict(server=a_server(gpus=("GPU-0",))),
        dict(model_info=ModelInfo(name="org/m", device="unknown")),
        dict(server=None),
    ):
        codes = {found.code for found in warnings_about(a_draft(**{**on_cpu, **changes}))}
        assert "server_uses_no_gpu" not in codes


def test_a_server_that_used_a_gpu_later_than_the_meter_was_chosen_is_named():
    changes = dict(energy=OF_CPUS, server=a_server(gpus=("GPU-0",)), model_info=ModelInfo(name="org/m", device="cpu"))
    found = {each.code: each for each in warnings_about(a_draft(**changes))}
    assert found["server_gpus_not_metered"].remedy == "name all of its GPUs in server.gpus"


def test_it_may_not_be_known_where_a_model_ran():
    model = ModelInfo(name="org/m", device="unknown")
    (found,) = [
        each for each in warnings_about(a_draft(energy=OF_CPUS, model_info=model)) if each.code == "gpu_not_metered"
    ]
    assert found.sentence == "it is not known where the model ran, but the energy is that of the CPUs alone"


def test_a_measurement_without_a_fault_has_no_warning():
    assert warnings_about(a_draft()) == ()
    assert warnings_about(a_draft(traffic=TRAFFIC)) == ()


@pytest.mark.parametrize("code", CASES)
def test_each_warning_is_given_alone_with_a_remedy_and_its_number_if_it_has_one(code):
    (warning,) = [found for found in warnings_about(a_draft(**CASES[code])) if found.code != COMES_WITH.get(code)]
    assert warning.code == code
    assert warning.remedy
    if code not in IN_WORDS_OF_OTHERS | WITHOUT_A_NUMBER:
        assert warning.values
        assert re.search(r"\d", warning.sentence)


WITHOUT_A_NUMBER = {"gpu_not_metered", "served_model_differs", "warmup_off", "cpu_inference", "no_output"}


def test_there_is_a_case_for_every_code():
    assert {*CASES, *OF_SEVERAL_PROCESSES, *OF_STUDIES} == set(CODES)


def test_numbers_of_a_warning_are_data():
    (warning,) = warnings_about(a_draft(duration_sec=4.0))
    assert warning.values == {"duration_sec": 4.0, "least_sec": 10.0}
    (warning,) = warnings_about(a_draft(energy=update(ENERGY, crosscheck_j=900.0)))
    assert warning.values == {"energy_j": 1000.0, "crosscheck_j": 900.0, "gap_j": 100.0, "allowed_j": 50.0}


def test_advice_for_constant_work_names_what_would_end_a_prompt_anyway():
    model = ModelInfo(name="org/m", device="cuda", effective_settings={"max_time": 1.0, "use_cache": True})
    (warning,) = warnings_about(a_draft(tokens=update(TOKENS, ended_early_share=0.25), model_info=model))
    assert warning.remedy.endswith("max_output_tokens, and max_time to null in passthrough_kwargs")


def test_what_a_model_s_files_set_is_named_with_its_values_and_long_ones_are_cut():
    chosen = {"min_length": 5, "suppress_tokens": list(range(100))}
    model = ModelInfo(name="org/m", device="cuda", model_generation_defaults=chosen)
    (warning,) = warnings_about(a_draft(model_info=model))
    assert "min_length 5, suppress_tokens [0, 1, 2" in warning.sentence
    assert len(warning.sentence) < 300
    assert "min_output_tokens replaces min_length" in warning.remedy
    assert warning.values == {"min_length": 5}


def test_the_cpu_time_of_others_is_compared_with_that_of_the_experiment():
    """A 64-core machine: 2 % of its CPU time is a quarter of what was used."""
    shared = next(found for found in warnings_about(a_draft(**CASES["cpu_shared"])) if found.code == "cpu_shared")
    assert shared.values == {"other_cpu_seconds": 20.0, "cpu_seconds": 60.0, "share": 0.25, "most": 0.1}
    assert "used 20 s of CPU time beside the 60 s of the experiment, 25 % of both" in shared.sentence


@pytest.mark.parametrize(
    "host",
    [
        HostResult(cpu_seconds=60.0, other_cpu_seconds=6.0),
        HostResult(cpu_seconds=60.0, other_cpu_seconds=0.0),
        HostResult(cpu_seconds=60.0),
    ],
)
def test_little_work_of_others_and_work_that_is_not_known_give_no_warning(host):
    quiet = {**CASES["cpu_shared"], "host": host}
    assert "cpu_shared" not in {found.code for found in warnings_about(a_draft(**quiet))}


def test_an_estimate_names_the_command_after_which_the_counters_can_be_read():
    energy = update(ENERGY, method="estimated", crosscheck_j=None)
    meter = MeterChoice(name="codecarbon", reason="the first available", fixes={"rapl": "sudo chmod it"})
    (warning,) = warnings_about(a_draft(energy=energy, meter=meter))
    assert (warning.code, warning.remedy) == ("energy_estimated", "rapl would measure after: sudo chmod it")


def test_an_estimate_of_the_cpus_on_a_gpu_is_reported_too():
    modelled = EnergyDomain(name="cpu", energy_j=1000.0, provenance="modelled", included=True)
    energy = update(OF_CPUS, meter="codecarbon", method="estimated", uncertainty_j=None, domains=(modelled,))
    assert {found.code for found in warnings_about(a_draft(energy=energy))} == {"gpu_not_metered", "energy_estimated"}


def test_a_compilation_has_its_share_of_the_window():
    (warning,) = warnings_about(a_draft(compilation=CompilationResult(count=2, seconds=9.0)))
    assert "2 compilations took 9 s of the window, 10 % of it" in warning.sentence  # of 90 s


def test_a_model_that_was_compiled_before_the_window_is_no_surprise():
    config = update(CONFIG, pytorch=update(CONFIG.pytorch, torch_compile=True))
    nothing = CompilationResult(count=0, seconds=0.0)
    assert warnings_about(a_draft(config=config, compilation=nothing, warmup=update(WARMUP, compilations=3))) == ()


def test_a_later_window_without_a_warm_up_may_have_been_compiled_in_an_earlier_one():
    config = update(CONFIG, pytorch=update(CONFIG.pytorch, torch_compile=True))
    nothing = CompilationResult(count=0, seconds=0.0)
    found = warnings_about(a_draft(config=config, compilation=nothing, warmup=None))
    assert [each.code for each in found] == ["warmup_off"]


def test_large_numbers_are_written_out():
    energy = update(ENERGY, energy_j=4531.2, method="estimated", crosscheck_j=None)
    (warning,) = warnings_about(a_draft(energy=energy))
    assert "4530 J is an estimate" in warning.sentence


def test_energy_off_on_purpose_gives_no_warning():
    off = a_draft(
        meter=MeterChoice(name="null", reason="energy.backend is null"),
        energy=EnergyReading(meter="null", reason="off"),
        baseline=BaselineResult(provenance="unavailable", reason="off"),
    )
    assert warnings_about(off) == ()


def test_every_check_can_give_a_warning():
    silent = {check.__name__ for check in CHECKS}
    for changes in CASES.values():
        draft = a_draft(**changes)
        silent -= {check.__name__ for check in CHECKS if list(check(draft))}
    assert silent == set()


def test_what_no_sensor_saw_gives_no_warning():
    assert warnings_about(a_draft(**UNSEEN)) == ()


def test_an_idle_power_that_could_not_be_measured_is_not_blamed_on_the_configuration():
    (off,) = warnings_about(a_draft(**CASES["no_baseline"], config=without_baseline()))
    assert off.remedy == "set baseline.enabled: true"
    (failed,) = warnings_about(a_draft(**CASES["no_baseline"]))
    assert failed.remedy == "measure again when the meter can be read"


def without_baseline():
    return update(CONFIG, baseline=update(CONFIG.baseline, enabled=False))


def test_the_largest_drift_counts_also_beside_a_gpu_without_a_temperature():
    unread = update(CONDITIONS, gpu_index=1, temperature_start_c=None)
    warm = update(CONDITIONS, temperature_end_c=71.0)
    (warning,) = warnings_about(a_draft(gpu_conditions=(warm, unread)))
    assert warning.values["drift_c"] == 11.0


def test_a_meter_that_does_not_count_updates_has_its_own_warning():
    (warning,) = warnings_about(a_draft(energy=update(ENERGY, meter="file", n_readings=0)))
    assert "the meter file does not report the number of sensor updates" in warning.sentence


def test_the_problems_of_the_sampler_replace_the_advice():
    sampler = update(REPORT, gaps=1, longest_gap_s=0.5, problems=("GPU 0: power stopped",))
    (warning,) = warnings_about(a_draft(sampler=sampler))
    assert (warning.sentence, warning.remedy) == (
        "the sampler had 1 gap, the longest of 0.5 s: GPU 0: power stopped",
        "",
    )


def test_an_estimate_below_the_idle_power_does_not_ask_for_another_baseline():
    energy = update(ENERGY, method="estimated", crosscheck_j=None)
    draft = a_draft(energy=energy, baseline=BaselineResult(power_w=50.0, provenance="fresh"))
    (found,) = [each for each in warnings_about(draft) if each.code == "negative_adjusted_energy"]
    assert found.remedy is not None
    assert found.remedy.startswith("ignore the energy above idle")


def test_the_seed_of_random_weights_is_named_only_where_they_are_drawn_from_it():
    """vLLM draws dummy weights from a seed of its own."""
    drawn = {"model_info": ModelInfo(name="org/m", device="cuda", random_weights=True)}
    (warning,) = warnings_about(a_draft(**drawn))
    assert (warning.values, "seed 42" in warning.sentence) == ({"random_seed": 42}, True)
    (warning,) = warnings_about(a_draft(config=ExperimentConfig(model="org/m", backend="vllm"), **drawn))
    assert (warning.values, "42" in warning.sentence) == ({}, False)


def test_the_packages_of_a_cpu_are_no_idle_gpus():
    energy = update(OF_CPUS, per_device_j={"package-0": 1.0, "package-1": 1.0})
    model = ModelInfo(name="org/m", device="cuda", devices=("cuda:0",))
    assert [found.code for found in warnings_about(a_draft(energy=energy, model_info=model))] == ["gpu_not_metered"]


def test_at_a_rate_longer_outputs_do_not_make_the_window_longer():
    def remedy(**fields):
        found = warnings_about(a_draft(duration_sec=9.0, **fields))
        return next(each.remedy for each in found if each.code == "short_measurement_duration")

    assert remedy(traffic=TRAFFIC, server=a_server()) == "set min_duration_seconds, or raise n"
    closed = update(TRAFFIC, mode="concurrency", rate=None, concurrency=1)
    assert remedy(traffic=closed, server=a_server()).endswith("or raise n or max_output_tokens")
    assert remedy().endswith("or raise n or max_output_tokens")
