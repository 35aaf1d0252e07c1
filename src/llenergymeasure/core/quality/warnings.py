"""What could make a reader doubt the numbers: `code: sentence with the number and the remedy`.

Each check is a small function from the facts to warnings; adding one is adding it to `CHECKS`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from llenergymeasure._format import number
from llenergymeasure.core.facts import Facts
from llenergymeasure.core.multi_gpu import used_gpus
from llenergymeasure.domain.measurements import EnergyReading

MIN_DURATION_S = 10.0
MIN_PROMPTS = 30
MIN_READINGS = 10
MAX_DRIFT_C = 10.0
# A tenth of the machine is more than an idle desktop takes and enough to move a CPU measurement.
MAX_OTHER_CPU_SHARE = 0.10
MAX_STEAL_SHARE = 0.02
READ_THROUGH_NVML = ("nvml", "zeus", "codecarbon")


def doubts_of(facts: Facts) -> tuple[str, ...]:
    """All warnings that the facts give rise to, in the order of `CHECKS`."""
    return tuple(f"{code}: {sentence}" for check in CHECKS for code, sentence in check(facts))


def reproducibility_notes(reading: EnergyReading) -> str:
    """What a reader should know about the accuracy of the meter that was used."""
    if reading.energy_j is None:
        return "Energy was not measured."
    if reading.method == "replayed":
        return "Energy is simulated: recorded joules were replayed. It is not a measurement."
    if reading.method == "estimated":
        return (
            "Energy is an estimate from a model of the machine's load, not a measurement: compare it with nothing but "
            "estimates by the same tool on the same machine."
        )
    if any(domain.name == "cpu" and domain.included for domain in reading.domains):
        return (
            "Energy is that of the CPU packages, read from their RAPL counters. Their maker states no accuracy: 5 % is "
            "assumed. Memory, disks, fans and the power supply are not in it."
        )
    if reading.meter not in READ_THROUGH_NVML:
        return (
            f"Energy was read by the meter {reading.meter}: what is known of its accuracy is for its author to state."
        )
    return (
        "Power sensors read through NVML are documented as accurate within 5 W or 5 %, whichever the device states; "
        "the error is mostly a stable gain of the card, so comparisons on one card are better than absolute numbers."
    )


Doubts = Iterator[tuple[str, str]]


def _length(facts: Facts) -> Doubts:
    if facts.duration_s < MIN_DURATION_S:
        yield (
            "short_measurement_duration",
            f"the window lasted {facts.duration_s:.3g} s, below {MIN_DURATION_S:g} s; raise n or max_output_tokens",
        )
    if facts.tokens.n_prompts < MIN_PROMPTS:
        yield (
            "low_prompt_count",
            f"{facts.tokens.n_prompts} prompts were measured, below {MIN_PROMPTS}; raise n",
        )


def _energy(facts: Facts) -> Doubts:
    if facts.energy_off_on_purpose:
        return
    energy = facts.energy
    if energy.energy_j is None:
        yield "energy_unavailable", f"energy was not measured: {energy.reason}"
    elif energy.method == "estimated":
        yield (
            "energy_estimated",
            f"{number(energy.energy_j, 'J')} is an estimate by {energy.meter}, not a measurement; "
            "for a measurement run on a machine with a power sensor",
        )
    elif energy.method == "replayed":
        yield "energy_simulated", "the joules were replayed from a file; they say nothing about this run"
    elif energy.n_readings == 0 and energy.meter not in READ_THROUGH_NVML:
        yield (
            "nvml_low_sample_count",
            f"the meter {energy.meter} does not tell how many sensor updates fell into the window (n_readings is 0); ask "
            "its author",
        )
    elif energy.n_readings < MIN_READINGS:
        yield (
            "nvml_low_sample_count",
            f"{energy.n_readings} sensor updates fell into the window, below {MIN_READINGS}; make the window longer",
        )
    for problem in energy.problems:
        yield "meter_problem", problem


def crosscheck_gap(energy: EnergyReading) -> tuple[float, float] | None:
    """Joules between the reading and its cross-check, and how many both uncertainties allow; None without a check."""
    if energy.energy_j is None or energy.crosscheck_j is None or energy.uncertainty_j is None:
        return None
    allowed_j = math.hypot(energy.uncertainty_j, energy.crosscheck_uncertainty_j or 0.0)
    return abs(energy.energy_j - energy.crosscheck_j), allowed_j


def _crosscheck(facts: Facts) -> Doubts:
    energy, found = facts.energy, crosscheck_gap(facts.energy)
    if found is None or found[0] <= found[1]:
        return
    names = "counter and power trace" if energy.method == "counter" else "two readings of the power sensors"
    yield (
        "energy_crosscheck_failed",
        f"{names} disagree: {number(energy.energy_j, 'J', 4)} against {number(energy.crosscheck_j, 'J', 4)}, a gap of "
        f"{number(found[0], 'J')} above the uncertainty of {number(found[1], 'J')}; treat the energy as unreliable",
    )


def _baseline(facts: Facts) -> Doubts:
    if facts.energy_off_on_purpose:
        return
    if facts.baseline.power_w is None:
        yield "no_baseline", f"idle power was not measured: {facts.baseline.reason}; energy_adjusted_j is null"
    for problem in facts.baseline.problems:
        yield "baseline_problem", problem
    adjusted_j = facts.baseline.above_idle_j(facts.energy.energy_j, facts.duration_s)
    if adjusted_j is not None and adjusted_j < 0:
        yield (
            "negative_adjusted_energy",
            f"energy above idle is {number(adjusted_j, 'J')}: idle power of {number(facts.baseline.power_w, 'W')} was "
            "higher than the window's; measure the baseline again on a quiet machine",
        )


def _warm_up(facts: Facts) -> Doubts:
    if facts.warmup is None:
        yield "warmup_off", "no warm-up ran: the window holds first-use costs; set warmup.enabled: true"
        return
    if facts.warmup.converged is False:
        cv = "not taken" if facts.warmup.final_cv is None else f"{facts.warmup.final_cv:.3g}"
        yield (
            "warmup_not_converged",
            f"latency was not steady after {facts.warmup.iterations_completed} iterations (CV {cv}, target "
            f"{facts.warmup.target_cv:g}); raise warmup.max_prompts or warmup.cv_threshold",
        )
    if facts.config.warmup.thermal_floor_seconds == 0:
        yield (
            "thermal_floor_off",
            "no wait between warm-up and window (0 s); set warmup.thermal_floor_seconds: 60 for numbers to publish",
        )


def _model(facts: Facts) -> Doubts:
    if facts.model.random_weights:
        yield (
            "random_weights",
            f"{facts.model.name} ran with weights drawn from seed {facts.config.random_seed}: its text means nothing; "
            "set pytorch.load_format: auto and name a model with weights",
        )
    if facts.model.n_unexpected_weights:
        names = ", ".join(facts.model.unexpected_weights)
        yield (
            "unexpected_weights",
            f"{facts.model.n_unexpected_weights} tensors of the checkpoint have no place in the model and were left out, "
            f"such as {names}; look whether the checkpoint is of this architecture",
        )
    if facts.model.device == "cpu":
        yield "cpu_inference", "the model ran on the CPU; on a machine with a GPU set pytorch.device: cuda"


def _settings(facts: Facts) -> Doubts:
    decoder = facts.config.decoder
    if decoder.decoding_strategy == "sampling":
        return
    set_fields = {
        name: value
        for name, value, default in (
            ("temperature", decoder.temperature, 1.0),
            ("top_p", decoder.top_p, 1.0),
            ("top_k", decoder.top_k, None),
        )
        if value != default
    }
    if set_fields:
        named = ", ".join(f"{name} {value:g}" for name, value in set_fields.items())
        yield (
            "decoder_setting_unused",
            f"{named} has no effect with {decoder.decoding_strategy} decoding; set decoder.decoding_strategy: sampling",
        )


def _work(facts: Facts) -> Doubts:
    tokens = facts.tokens
    if tokens.output_tokens == 0:
        yield "no_output", "no token was generated; look at the model's generation configuration"
    elif tokens.ended_early_share > 0:
        yield (
            "early_end",
            f"{100 * tokens.ended_early_share:.3g} % of the prompts ended before {facts.config.output_limit} tokens; for "
            "constant work set min_output_tokens equal to max_output_tokens",
        )
    if tokens.truncated_prompts:
        yield (
            "prompts_truncated",
            f"{tokens.truncated_prompts} of {tokens.n_prompts} prompts were cut to {facts.config.max_input_tokens} tokens; "
            "raise max_input_tokens to measure them whole",
        )


def _machine(facts: Facts) -> Doubts:
    host = facts.host
    if host.other_cpu_share is not None and host.other_cpu_share > MAX_OTHER_CPU_SHARE:
        yield (
            "busy_machine",
            f"other processes used {100 * host.other_cpu_share:.3g} % of the CPUs in the window, above "
            f"{100 * MAX_OTHER_CPU_SHARE:g} %; stop them and measure again",
        )
    if host.cpu_steal_share is not None and host.cpu_steal_share > MAX_STEAL_SHARE:
        yield (
            "cpu_steal",
            f"the hypervisor took {100 * host.cpu_steal_share:.3g} % of the CPU time, above "
            f"{100 * MAX_STEAL_SHARE:g} %; use a machine of your own",
        )


def _spread(facts: Facts) -> Doubts:
    """Which GPUs a device map takes is known when the model is loaded, after the idle baseline."""
    used, metered = len(used_gpus(facts.model)), len(facts.energy.per_device_j or ())
    if 0 < used < metered:
        yield (
            "idle_gpus_metered",
            f"the model is on {used} GPUs, but energy and idle power are those of all {metered} that are visible; set "
            "CUDA_VISIBLE_DEVICES to those that are used",
        )


def _gpus(facts: Facts) -> Doubts:
    for gpu in facts.environment.gpus:
        if gpu.persistence_mode is False:
            yield (
                "gpu_persistence_mode_off",
                f"GPU {gpu.index} ({gpu.name}) has persistence mode 0; run: sudo nvidia-smi -pm 1",
            )
        if gpu.ecc_enabled is False:
            yield (
                "ecc_disabled",
                f"GPU {gpu.index} ({gpu.name}) has ECC 0, which changes memory power; state it when you publish",
            )
        if gpu.mig_enabled:
            yield (
                "mig_parent_power",
                f"GPU {gpu.index} ({gpu.name}) has MIG 1: power and energy are the whole GPU's, shared by its instances",
            )


def _trace(facts: Facts) -> Doubts:
    trace = facts.trace
    if trace is None:
        return
    drift_c = max((one for one in facts.temperature_drifts_c if one is not None), key=abs, default=0.0)
    if abs(drift_c) > MAX_DRIFT_C:
        yield (
            "thermal_drift_detected",
            f"temperature moved by {drift_c:+.3g} C in the window, above {MAX_DRIFT_C:g} C; warm up for longer",
        )
    if trace.throttling is not None and trace.throttling.detected:
        yield (
            "throttling_detected",
            f"clocks were held down for {trace.throttling.throttle_duration_sec:.3g} s of the window; improve cooling or "
            "raise the power limit",
        )
    if trace.foreign_processes:
        yield (
            "foreign_process",
            f"{len(trace.foreign_processes)} other processes used the GPU: {', '.join(trace.foreign_processes)}; stop them",
        )
    if trace.report.gaps:
        yield (
            "sampling_gap",
            f"the sampler missed {trace.report.gaps} times, longest gap {trace.report.longest_gap_s or 0:.3g} s; "
            f"{'; '.join(trace.report.problems) or 'lower the load on the host'}",
        )


CHECKS: tuple[Callable[[Facts], Doubts], ...] = (
    _length, _energy, _crosscheck, _baseline, _warm_up, _model, _settings, _work, _machine, _spread, _gpus, _trace,
)  # fmt: skip
