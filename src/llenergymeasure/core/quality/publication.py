"""What a publishable number needs, rule by rule. Informational: nothing depends on it.

Sources: the rules of ML.ENERGY's validation and MLPerf's checker, gathered in the methodology document.
"""

from __future__ import annotations

from collections.abc import Callable

from llenergymeasure._format import number
from llenergymeasure.core.facts import Facts
from llenergymeasure.core.quality.warnings import MAX_DRIFT_C, MIN_PROMPTS, crosscheck_gap
from llenergymeasure.domain.measurements import PublicationCheck

MIN_WINDOW_S = 60.0
MIN_UPDATES = 100

# A verdict is None when the rule is kept, else the number that breaks it.
Verdict = str | None


def check_publication(facts: Facts) -> PublicationCheck:
    """Hold the facts against every rule."""
    verdicts = {name: rule(facts) for name, rule in RULES.items()}
    return PublicationCheck(
        passed=tuple(name for name, broken in verdicts.items() if broken is None),
        failed=tuple(f"{name}: {broken}" for name, broken in verdicts.items() if broken is not None),
    )


def _unless(kept: bool, number: str) -> Verdict:
    return None if kept else number


def _window_long_enough(facts: Facts) -> Verdict:
    return _unless(facts.duration_s >= MIN_WINDOW_S, f"{facts.duration_s:.3g} s of {MIN_WINDOW_S:g} s")


def _enough_updates(facts: Facts) -> Verdict:
    if facts.energy.method == "estimated":
        return "no sensor: an estimate"
    return _unless(facts.energy.n_readings >= MIN_UPDATES, f"{facts.energy.n_readings} of {MIN_UPDATES}")


def _enough_prompts(facts: Facts) -> Verdict:
    return _unless(facts.tokens.n_prompts >= MIN_PROMPTS, f"{facts.tokens.n_prompts} of {MIN_PROMPTS}")


def _baseline_fresh(facts: Facts) -> Verdict:
    return _unless(facts.baseline.provenance == "fresh", facts.baseline.provenance)


def _energy_measured(facts: Facts) -> Verdict:
    return _unless(facts.energy.method in ("counter", "sampled"), facts.energy.method or "not measured")


def _crosscheck_agrees(facts: Facts) -> Verdict:
    found = crosscheck_gap(facts.energy)
    if found is None:
        return "no cross-check"
    return _unless(found[0] <= found[1], f"{number(found[0], 'J')} above {number(found[1], 'J')}")


def _warmed_up(facts: Facts) -> Verdict:
    if facts.warmup is None:
        return "no warm-up"
    return _unless(facts.warmup.converged is not False, f"CV {facts.warmup.final_cv}")


def _thermal_floor_kept(facts: Facts) -> Verdict:
    waited_s = facts.warmup.thermal_floor_wait_s if facts.warmup else 0.0
    return _unless(waited_s >= 30, f"{waited_s:.3g} s of 30 s")


def _not_throttled(facts: Facts) -> Verdict:
    if facts.trace is None or facts.trace.throttling is None:
        return "not observed"
    return _unless(not facts.trace.throttling.detected, f"{facts.trace.throttling.throttle_duration_sec:.3g} s")


def _alone(facts: Facts) -> Verdict:
    if facts.trace is None or facts.trace.foreign_processes is None:
        return "not observed"
    return _unless(not facts.trace.foreign_processes, f"{len(facts.trace.foreign_processes)} foreign processes")


def _temperature_steady(facts: Facts) -> Verdict:
    drifts_c = [drift_c for drift_c in facts.temperature_drifts_c if drift_c is not None]
    largest_c = max(drifts_c, key=abs, default=0.0)
    if abs(largest_c) > MAX_DRIFT_C:
        return f"{largest_c:+.3g} C"
    return _unless(bool(drifts_c) and len(drifts_c) == len(facts.temperature_drifts_c), "not observed on every GPU")


def _limits_recorded(facts: Facts) -> Verdict:
    gpus = facts.environment.gpus
    if not gpus:
        return "no GPU"
    known = sum(gpu.power_limit_w is not None for gpu in gpus)
    return _unless(known == len(gpus), f"{known} of {len(gpus)} GPUs")


def _clocks_recorded(facts: Facts) -> Verdict:
    seen = [] if facts.trace is None else [gpu.clock_mean_mhz is not None for gpu in facts.trace.conditions]
    return _unless(bool(seen) and all(seen), f"{sum(seen)} of {len(seen)} GPUs" if seen else "not observed")


def _real_weights(facts: Facts) -> Verdict:
    return _unless(not facts.model.random_weights, f"random from seed {facts.config.random_seed}")


def _revision_pinned(facts: Facts) -> Verdict:
    pinned = facts.config.pytorch_settings.revision
    return _unless(pinned is not None and facts.model.revision is not None, f"revision {pinned or 'not given'}")


def _dataset_hashed(facts: Facts) -> Verdict:
    return _unless(facts.dataset.sha256 is not None, "no hash")


def _no_sampling_gap(facts: Facts) -> Verdict:
    if facts.trace is None:
        return "not observed"
    return _unless(facts.trace.report.gaps == 0, f"{facts.trace.report.gaps} gaps")


def _work_stated(facts: Facts) -> Verdict:
    return _unless(facts.tokens.output_tokens > 0, "0 output tokens")


RULES: dict[str, Callable[[Facts], Verdict]] = {
    "window_at_least_60_s": _window_long_enough,
    "at_least_100_sensor_updates": _enough_updates,
    "at_least_30_prompts": _enough_prompts,
    "baseline_fresh": _baseline_fresh,
    "energy_measured": _energy_measured,
    "crosscheck_within_uncertainty": _crosscheck_agrees,
    "warmed_up": _warmed_up,
    "thermal_floor_kept": _thermal_floor_kept,
    "not_throttled": _not_throttled,
    "no_foreign_process": _alone,
    "temperature_within_10_c": _temperature_steady,
    "clocks_recorded": _clocks_recorded,
    "power_limit_recorded": _limits_recorded,
    "real_weights": _real_weights,
    "revision_pinned": _revision_pinned,
    "dataset_hashed": _dataset_hashed,
    "work_stated": _work_stated,
    "no_sampling_gap": _no_sampling_gap,
}
