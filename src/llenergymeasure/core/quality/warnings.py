"""The checks that give a result its warnings.

Each check is a small function from a draft of the result to warnings. A new check needs an entry in `CHECKS`, and a new
code needs an entry in the table of `domain.warnings`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from llenergymeasure._format import number
from llenergymeasure.config.meters import METERS
from llenergymeasure.core.quality.machine_warnings import MACHINE_CHECKS, Warnings
from llenergymeasure.core.quality.model_warnings import MODEL_CHECKS
from llenergymeasure.core.quality.traffic_warnings import TRAFFIC_CHECKS
from llenergymeasure.domain.energy import EnergyReading, MeterChoice
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.domain.warnings import MeasurementWarning, warning

MIN_DURATION_S = 10.0
MIN_PROMPTS = 30
MIN_READINGS = 10


def warnings_about(draft: ExperimentResult) -> tuple[MeasurementWarning, ...]:
    """All warnings about the draft, in the order of `CHECKS`."""
    return tuple(found for check in CHECKS for found in check(draft))


def is_energy_off(draft: ExperimentResult) -> bool:
    """Whether the user switched energy measurement off."""
    return draft.meter.name == "null"


def crosscheck_gap(energy: EnergyReading) -> tuple[float, float] | None:
    """Difference in J between reading and cross-check, and the uncertainty in J of both; None without a cross-check."""
    if energy.energy_j is None or energy.crosscheck_j is None or energy.uncertainty_j is None:
        return None
    allowed_j = math.hypot(energy.uncertainty_j, energy.crosscheck_uncertainty_j or 0.0)
    return abs(energy.energy_j - energy.crosscheck_j), allowed_j


def _answered(draft: ExperimentResult) -> str:
    """What was answered: under traffic requests, because a prompt may be sent several times."""
    return "prompts" if draft.traffic is None else "requests"


def _longer(draft: ExperimentResult) -> str:
    """How the window would be longer. At a rate, the requests arrive in the same time whatever their length."""
    if draft.traffic is None or draft.traffic.rate is None:
        return "set min_duration_seconds, or raise n or max_output_tokens"
    return "set min_duration_seconds, or raise n"


def _length(draft: ExperimentResult) -> Warnings:
    if draft.duration_sec < MIN_DURATION_S:
        yield warning(
            "short_measurement_duration",
            f"the window lasted {draft.duration_sec:.3g} s, below {MIN_DURATION_S:g} s",
            _longer(draft),
            duration_sec=draft.duration_sec,
            least_sec=MIN_DURATION_S,
        )
    if draft.n_prompts < MIN_PROMPTS:
        yield warning(
            "low_prompt_count",
            f"{draft.n_prompts} {_answered(draft)} were measured, below {MIN_PROMPTS}",
            "raise n, or set min_duration_seconds",
            n_prompts=draft.n_prompts,
            least=MIN_PROMPTS,
        )


def _energy(draft: ExperimentResult) -> Warnings:
    if is_energy_off(draft):
        return
    energy = draft.energy
    if energy.energy_j is None:
        yield warning(
            "energy_unavailable",
            f"energy was not measured: {energy.reason}",
            "`llem config` shows why each meter is unavailable",
        )
    elif energy.method == "estimated":
        yield warning(
            "energy_estimated",
            f"{number(energy.energy_j, 'J')} is an estimate by {energy.meter}, not a measurement",
            _measurable(draft.meter),
            energy_j=energy.energy_j,
        )
    elif energy.method == "replayed":
        yield warning(
            "energy_simulated",
            f"{number(energy.energy_j, 'J')} were replayed from a file and are not a measurement of this run",
            "for a measurement choose a meter",
            energy_j=energy.energy_j,
        )
    elif energy.n_readings < MIN_READINGS:
        yield _few_readings(energy)


def _measurable(meter: MeterChoice) -> str:
    """How the energy would be measured and not estimated."""
    if not meter.fixes:
        return "for a measurement run on a machine with a power sensor"
    commands = (f"{name} would measure after: {command}" for name, command in meter.fixes.items())
    return "; ".join(commands)


def _few_readings(energy: EnergyReading) -> MeasurementWarning:
    if energy.n_readings == 0 and energy.meter not in METERS:
        return warning(
            "nvml_low_sample_count",
            f"the meter {energy.meter} does not report the number of sensor updates in the window (n_readings is 0)",
            "make the meter set n_readings",
            n_readings=0,
        )
    return warning(
        "nvml_low_sample_count",
        f"there were {energy.n_readings} sensor updates in the window, below {MIN_READINGS}",
        "make the window longer: set min_duration_seconds",
        n_readings=energy.n_readings,
        least=MIN_READINGS,
    )


def _meter_problems(draft: ExperimentResult) -> Warnings:
    """The problems that the meter reported."""
    if not is_energy_off(draft):
        yield from (
            warning("meter_problem", each, "check the meter, and measure again") for each in draft.energy.problems
        )


def _crosscheck(draft: ExperimentResult) -> Warnings:
    energy, found = draft.energy, crosscheck_gap(draft.energy)
    if found is None or found[0] <= found[1]:
        return
    names = "counter and power trace" if energy.method == "counter" else "two readings of the power sensors"
    yield warning(
        "energy_crosscheck_failed",
        f"{names} disagree: {number(energy.energy_j, 'J', 4)} against {number(energy.crosscheck_j, 'J', 4)}, a gap of "
        f"{number(found[0], 'J')} above the uncertainty of {number(found[1], 'J')}",
        "treat the energy as unreliable",
        energy_j=energy.energy_j,
        crosscheck_j=energy.crosscheck_j,
        gap_j=found[0],
        allowed_j=found[1],
    )


def _baseline(draft: ExperimentResult) -> Warnings:
    if is_energy_off(draft):
        return
    baseline, adjusted_j = draft.baseline, draft.energy_adjusted_j
    if baseline.power_w is None:
        yield warning(
            "no_baseline",
            f"idle power was not measured: {baseline.reason}; energy_adjusted_j is null",
            "measure again when the meter can be read"
            if draft.config.baseline.enabled
            else "set baseline.enabled: true",
        )
    for problem in baseline.problems:
        yield warning("baseline_problem", problem, "measure the baseline again on an idle machine")
    if adjusted_j is not None and adjusted_j < 0:
        yield warning(
            "negative_adjusted_energy",
            f"energy above idle is {number(adjusted_j, 'J')}: idle power of {number(baseline.power_w, 'W')} was higher "
            "than the window's",
            "ignore the energy above idle: the power of an estimate may not depend on the load"
            if draft.energy.method == "estimated"
            else "measure the baseline again on a quiet machine",
            energy_adjusted_j=adjusted_j,
            baseline_power_w=baseline.power_w,
        )


def _warm_up(draft: ExperimentResult) -> Warnings:
    warmup = draft.warmup
    if warmup is None:
        yield warning("warmup_off", "no warm-up ran: the window includes first-use costs", "set warmup.enabled: true")
        return
    if warmup.converged is False:
        cv = "not taken" if warmup.final_cv is None else f"{warmup.final_cv:.3g}"
        yield warning(
            "warmup_not_converged",
            f"latency was not steady after {warmup.iterations_completed} iterations (CV {cv}, target "
            f"{warmup.target_cv:g})",
            "raise warmup.max_prompts or warmup.cv_threshold",
            iterations=warmup.iterations_completed,
            cv=warmup.final_cv,
            target_cv=warmup.target_cv,
        )
    if draft.config.warmup.thermal_floor_seconds == 0:
        yield warning(
            "thermal_floor_off",
            "no wait between warm-up and window (0 s)",
            "set warmup.thermal_floor_seconds for numbers to publish: at least 30, by default 60",
            thermal_floor_s=0,
        )


# Settings that end a prompt's output at any number of tokens.
_ENDS_ANYWAY = ("max_time", "stop_strings")


def _constant_work(draft: ExperimentResult) -> str:
    """The fix that gives every prompt the same number of output tokens."""
    others = [name for name in _ENDS_ANYWAY if name in draft.effective_settings]
    switched_off = f", and {' and '.join(others)} to null in passthrough_kwargs" if others else ""
    return f"for constant work set min_output_tokens equal to max_output_tokens{switched_off}"


def _prompts_of_dataset(draft: ExperimentResult) -> int:
    """The prompts of all passes. Under traffic, a prompt may be sent several times or not at all, and a request may fail."""
    return draft.n_prompts if draft.traffic is None else draft.config.n * draft.n_passes


def _work(draft: ExperimentResult) -> Warnings:
    tokens, config, prompts = draft.tokens, draft.config, _prompts_of_dataset(draft)
    if tokens.output_tokens == 0:
        yield warning("no_output", "no token was generated", "check the model's generation configuration")
    elif tokens.ended_early_share > 0:
        yield warning(
            "early_end",
            f"{100 * tokens.ended_early_share:.3g} % of the {_answered(draft)} ended before {config.output_limit} tokens",
            _constant_work(draft),
            ended_early_share=tokens.ended_early_share,
            output_limit=config.output_limit,
        )
    if tokens.truncated_prompts:
        yield warning(
            "prompts_truncated",
            f"{tokens.truncated_prompts} of {prompts} prompts were cut to {config.max_input_tokens} tokens",
            "raise max_input_tokens to measure them whole",
            truncated_prompts=tokens.truncated_prompts,
            n_prompts=prompts,
            max_input_tokens=config.max_input_tokens,
        )
    longest, positions = tokens.longest_sequence, draft.model_info.max_positions
    if longest is not None and positions is not None and longest - 1 > positions:  # the last token needs none
        yield warning(
            "positions_beyond_model",
            f"the longest sequence took {longest - 1} positions, and the model was designed for {positions}",
            "lower max_input_tokens or max_output_tokens: the text beyond may be meaningless",
            longest_sequence=longest,
            max_positions=positions,
        )
    if tokens.double_bos_prompts:
        yield warning(
            "double_bos",
            f"{tokens.double_bos_prompts} of {prompts} prompts begin with the beginning-of-sequence token twice",
            "remove it from the prompts: the tokenizer adds it",
            double_bos_prompts=tokens.double_bos_prompts,
            n_prompts=prompts,
        )


CHECKS: tuple[Callable[[ExperimentResult], Warnings], ...] = (
    _length, _energy, _meter_problems, _crosscheck, _baseline, _warm_up, *MODEL_CHECKS, _work, *TRAFFIC_CHECKS,
    *MACHINE_CHECKS,
)  # fmt: skip
