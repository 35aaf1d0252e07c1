"""The publication rules that a result is checked against. They are informational: no behaviour depends on them.

Sources: the rules of ML.ENERGY's validation and MLPerf's checker, gathered in the methodology document.

A rule about GPUs does not apply to a run on the CPU, a rule about energy does not apply when energy is switched off on
purpose, and a rule about a sensor does not apply to an estimate, which has none. What applies and is not known was not observed.
"""

from __future__ import annotations

from llenergymeasure._format import number
from llenergymeasure.core.quality.machine_warnings import MAX_DRIFT_C, MAX_OTHER_CPU_SHARE, temperature_drifts_c
from llenergymeasure.core.quality.rule import Held, Rule, held, not_observed
from llenergymeasure.core.quality.traffic_rules import TRAFFIC_RULES
from llenergymeasure.core.quality.warnings import MIN_PROMPTS, crosscheck_gap, is_energy_off
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.domain.warnings import PublicationCheck
from llenergymeasure.models.builtin import PREFIX

MIN_WINDOW_S = 60.0
MIN_UPDATES = 100
MIN_THERMAL_FLOOR_S = 30.0


def check_publication(draft: ExperimentResult) -> PublicationCheck:
    """Check a draft against every rule; against those about traffic only where a server had some."""
    rules = RULES if draft.traffic is None else (*RULES, *TRAFFIC_RULES)
    return PublicationCheck(rules=tuple(rule.outcome(draft) for rule in rules))


def _on_cpu(draft: ExperimentResult) -> bool:
    """Whether the model ran on the CPU, and the energy is not that of GPUs."""
    gpus = {gpu.uuid for gpu in draft.environment_snapshot.gpus}
    return draft.model_info.device == "cpu" and gpus.isdisjoint(draft.energy.per_device_j or ())


def _no_gpu(draft: ExperimentResult) -> str:
    return "a run on the CPU" if _on_cpu(draft) else ""


def _energy_off(draft: ExperimentResult) -> str:
    return "energy is switched off" if is_energy_off(draft) else ""


def _no_sensor(draft: ExperimentResult) -> str:
    return "an estimate has no sensor" if draft.energy.method == "estimated" else _energy_off(draft)


def _no_second_meter(draft: ExperimentResult) -> str:
    return _no_sensor(draft) or ("no second meter for a CPU" if _on_cpu(draft) else "")


def _nothing_sampled(draft: ExperimentResult) -> str:
    return "no sensor was sampled" if draft.sampler is None and _on_cpu(draft) else ""


def _is_packaged(draft: ExperimentResult) -> str:
    packaged = draft.config.model.startswith(PREFIX)
    return "a model of an installed package, whose version is recorded" if packaged else ""


def _window_long_enough(draft: ExperimentResult) -> Held:
    found_s = draft.duration_sec
    return held(found_s >= MIN_WINDOW_S, f"{found_s:.3g} s of {MIN_WINDOW_S:g} s", found_s)


def _enough_updates(draft: ExperimentResult) -> Held:
    if draft.energy.method is None:
        return not_observed("not measured")
    updates = draft.energy.n_readings
    return held(updates >= MIN_UPDATES, f"{updates} of {MIN_UPDATES}", updates)


def _enough_prompts(draft: ExperimentResult) -> Held:
    return held(draft.n_prompts >= MIN_PROMPTS, f"{draft.n_prompts} of {MIN_PROMPTS}", draft.n_prompts)


def _baseline_fresh(draft: ExperimentResult) -> Held:
    """A run of a study reuses idle power that its process, or an earlier run, has measured within an hour."""
    baseline, age_s = draft.baseline, draft.baseline.age_sec
    if not draft.config.baseline.enabled:
        return held(False, "baseline.enabled is false")
    if baseline.provenance == "unavailable":
        return not_observed("not measured")
    if baseline.provenance == "cached" and draft.run_id is not None:
        return held(True, f"cached, {number(age_s, 's')} old", age_s)
    return held(baseline.provenance == "fresh", baseline.provenance, age_s)


def _energy_measured(draft: ExperimentResult) -> Held:
    method = draft.energy.method
    return not_observed("not measured") if method is None else held(draft.energy.is_measured, method)


def _crosscheck_agrees(draft: ExperimentResult) -> Held:
    gap = crosscheck_gap(draft.energy)
    if gap is None:
        return not_observed("no cross-check")
    kept = gap[0] <= gap[1]
    return held(kept, f"{number(gap[0], 'J')} {'within' if kept else 'above'} {number(gap[1], 'J')}", gap[0])


def _warmed_up(draft: ExperimentResult) -> Held:
    if draft.warmup is None:
        return held(False, "no warm-up")
    if draft.compilation is not None and draft.compilation.count:
        return held(False, f"{draft.compilation.count} compilations in the window", draft.compilation.count)
    cv = draft.warmup.final_cv
    if draft.warmup.converged is None:
        return not_observed("CV not computed, because warmup.convergence_detection is off")
    return held(draft.warmup.converged, f"CV {'not computed' if cv is None else f'{cv:.3g}'}", cv)


def _thermal_floor_kept(draft: ExperimentResult) -> Held:
    waited_s = draft.warmup.thermal_floor_wait_s if draft.warmup else 0.0
    return held(waited_s >= MIN_THERMAL_FLOOR_S, f"{waited_s:.3g} s of {MIN_THERMAL_FLOOR_S:g} s", waited_s)


def _not_throttled(draft: ExperimentResult) -> Held:
    seen = draft.thermal_throttle
    if seen is None:
        return not_observed()
    return held(not seen.detected, f"{seen.throttle_duration_sec:.3g} s", seen.throttle_duration_sec)


def _alone(draft: ExperimentResult) -> Held:
    """On the GPU, no other process; on the CPU, where there are always some, little of its time."""
    if not _on_cpu(draft):
        return _alone_on_gpu(draft)
    if draft.energy.is_shared:
        return _few_others(draft.host.other_share_of_used, "used CPU time")
    return _few_others(draft.host.other_cpu_share, "CPUs")


def _few_others(share: float | None, of: str) -> Held:
    if share is None:
        return not_observed()
    return held(share <= MAX_OTHER_CPU_SHARE, f"others used {100 * share:.3g} % of the {of}", share)


def _alone_on_gpu(draft: ExperimentResult) -> Held:
    if draft.foreign_processes is None:
        return not_observed()
    others = len(draft.foreign_processes)
    return held(others == 0, f"{others} foreign processes", others)


def _temperature_steady(draft: ExperimentResult) -> Held:
    every = temperature_drifts_c(draft)
    known = [drift_c for drift_c in every if drift_c is not None]
    largest_c = max(known, key=abs, default=0.0)
    if abs(largest_c) <= MAX_DRIFT_C and (not known or len(known) < len(every)):
        return not_observed("not observed on every GPU")
    return held(abs(largest_c) <= MAX_DRIFT_C, f"{largest_c:+.3g} C", largest_c)


def _limits_recorded(draft: ExperimentResult) -> Held:
    gpus = draft.environment_snapshot.gpus
    if not gpus:
        return not_observed()
    known = sum(gpu.power_limit_w is not None for gpu in gpus)
    return held(known == len(gpus), f"{known} of {len(gpus)} GPUs", known)


def _clocks_recorded(draft: ExperimentResult) -> Held:
    gpus = draft.gpu_conditions or ()
    if not gpus:
        return not_observed()
    known = sum(gpu.clock_mean_mhz is not None for gpu in gpus)
    return held(known == len(gpus), f"{known} of {len(gpus)} GPUs", known)


def _real_weights(draft: ExperimentResult) -> Held:
    if draft.model_info.random_weights:
        seed = draft.config.seed_of_weights
        return held(False, "random" if seed is None else f"random from seed {seed}", seed)
    if draft.server is not None:
        return not_observed("the weights of a server are not seen")
    return held(True, "real")


def _revision_pinned(draft: ExperimentResult) -> Held:
    pinned = draft.config.section.revision
    if draft.model_info.revision is None:
        return not_observed("no commit hash, as of a local directory")
    return held(pinned is not None, f"revision {pinned or 'not given'}")


def _dataset_hashed(draft: ExperimentResult) -> Held:
    return held(draft.dataset.sha256 is not None, draft.dataset.sha256 or "no hash")


def _work_stated(draft: ExperimentResult) -> Held:
    return held(draft.output_tokens > 0, f"{draft.output_tokens} output tokens", draft.output_tokens)


def _no_sampling_gap(draft: ExperimentResult) -> Held:
    if draft.sampler is None:
        return not_observed()
    return held(draft.sampler.gaps == 0, f"{draft.sampler.gaps} gaps", draft.sampler.gaps)


RULES = (
    Rule("window_at_least_60_s", _window_long_enough),
    Rule("at_least_100_sensor_updates", _enough_updates, _no_sensor),
    Rule("at_least_30_prompts", _enough_prompts),
    Rule("baseline_fresh", _baseline_fresh, _energy_off),
    Rule("energy_measured", _energy_measured, _energy_off),
    Rule("crosscheck_within_uncertainty", _crosscheck_agrees, _no_second_meter),
    Rule("warmed_up", _warmed_up),
    Rule("thermal_floor_kept", _thermal_floor_kept),
    Rule("not_throttled", _not_throttled, _no_gpu),
    Rule("no_foreign_process", _alone),
    Rule("temperature_within_10_c", _temperature_steady, _no_gpu),
    Rule("clocks_recorded", _clocks_recorded, _no_gpu),
    Rule("power_limit_recorded", _limits_recorded, _no_gpu),
    Rule("real_weights", _real_weights),
    Rule("revision_pinned", _revision_pinned, _is_packaged),
    Rule("dataset_hashed", _dataset_hashed),
    Rule("work_stated", _work_stated),
    Rule("no_sampling_gap", _no_sampling_gap, _nothing_sampled),
)
