"""A methods section for a paper, made from the protocol and the analysis of a study, with the sources of the methods."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from llenergymeasure._format import number
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.domain.energy import EnergySource
from llenergymeasure.domain.metrics import METRICS
from llenergymeasure.domain.study.curves import TrafficCurve
from llenergymeasure.domain.study.effects import LARGEST_USEFUL, MetricAnalysis
from llenergymeasure.domain.study.names import level_text
from llenergymeasure.domain.study.result import StudyData
from llenergymeasure.domain.study.runs import RunRow
from llenergymeasure.results.report.study.conditions import cooldown
from llenergymeasure.results.report.study.machine import device_groups, gpu_texts, libraries, most_at_once, releases
from llenergymeasure.results.study_tables.texts import limit_text, named, plain

SOURCES = {
    "blocks": "R. A. Fisher: The Design of Experiments. Oliver and Boyd, 1935.",
    "repeats": "T. Kalibera, R. Jones: Rigorous Benchmarking in Reasonable Time. ISMM 2013. doi:10.1145/2464157.2464160",
    "holm": "S. Holm: A Simple Sequentially Rejective Multiple Test Procedure. Scand. J. Statist. 6 (1979), 65-70.",
    "ranks": "J. L. Hodges, E. L. Lehmann: Rank Methods for Combination of Independent Experiments in Analysis of Variance. "
    "Ann. Math. Statist. 33 (1962), 482-497. doi:10.1214/aoms/1177704575",
    "shapley": "A. B. Owen: Sobol' Indices and Shapley Value. SIAM/ASA J. Uncertain. Quantif. 2 (2014), 245-251. "
    "doi:10.1137/130936233",
    "sensors": "Z. Yang, K. Adamek, W. Armour: Part-time Power Measurements: nvidia-smi's Lack of Attention. arXiv:2312.02741",
}
ORDERS = {
    "shuffled": "in an order that was shuffled for each cycle",
    "interleaved": "in the same order in each cycle",
    "sequential": "with all cycles of a configuration directly after each other",
    "grouped": "in an order that was shuffled for each cycle, in which runs that load the same model were adjacent",
}
PROCESSES = {
    "process": "Each run had a fresh process, forked from a prepared one that had not used a GPU.",
    "spawn": "Each run had a new interpreter.",
    "none": "All runs were made in one process.",
}


def paragraphs(study: StudyData) -> list[str]:
    """The text, with numbers of its sources in brackets."""
    cited = Citations()
    texts = [" ".join(_design(study, cited)), " ".join(_measurement(study, cited))]
    if study.effects is not None:
        texts.append(" ".join(_analysis(study, study.effects.metrics[0], cited)))
        texts += [" ".join(_traffic(curve)) for curve in study.curves[:1] if curve.limits]
    return [*texts, *cited.listed()]


class Citations:
    """Numbers sources in the order in which they are cited."""

    def __init__(self) -> None:
        self._names: list[str] = []

    def __call__(self, *names: str) -> str:
        """The numbers of the sources in brackets."""
        self._names += [name for name in names if name not in self._names]
        return f"[{', '.join(str(self._names.index(name) + 1) for name in names)}]"

    def listed(self) -> list[str]:
        """The cited sources."""
        return [f"[{at}] {SOURCES[name]}" for at, name in enumerate(self._names, 1)]


def _design(study: StudyData, cited: Citations) -> Iterator[str]:
    design, protocol = study.design, study.protocol
    models = " and ".join(dict.fromkeys(cell.config.model for cell in design.cells))
    factors = "; ".join(
        f"{factor.name}: {', '.join(level_text(level) for level in factor.levels)}" for factor in design.factors
    )
    varied = f" ({factors})" if factors else ""
    yield f"We compared {len(design.cells)} configurations of {models}{varied} with {_software(study.completed)}."
    yield from _work([cell.config for cell in design.cells])
    count = f"{protocol.n_cycles} {'cycle' if protocol.n_cycles == 1 else 'cycles'}"
    yield (
        f"The experiment had {count} {cited('blocks', 'repeats')}; each cycle ran every configuration once, "
        f"{ORDERS[protocol.order]} (seed {protocol.seed})."
    )
    groups = device_groups(study.completed)
    if groups:
        yield (
            f"Each cycle ran on one of {len(groups)} device groups, with at most {most_at_once(study.completed)} runs at the same "
            "time on a machine."
        )
    yield PROCESSES[protocol.isolation]
    yield _waits(study)
    if protocol.cooldown_celsius is not None and any(run.temperature_c is not None for run in study.runs):
        yield f"Each run then waited {cooldown(protocol)}."
    yield from _earlier(study)
    if protocol.control:
        yield "The reference configuration also ran first and last in each cycle, to show drift."


def _earlier(study: StudyData) -> Iterator[str]:
    for earlier in study.earlier_protocols:
        found = study.protocol.differences(earlier)
        if found:
            settings = ", ".join(f"{name} {value}" for name, value in found.items())
            yield f"The study was continued: runs before that had other settings ({settings})."


def _software(runs: Sequence[RunRow]) -> str:
    """The program and the libraries, with the versions that measured."""
    program = " ".join(["llenergymeasure", " and ".join(releases(runs))]).strip()
    used = ", ".join(f"{name} {version}" for name, version in libraries(runs).items())
    return f"{program} ({used})" if used else program


def _work(configs: Sequence[ExperimentConfig]) -> Iterator[str]:
    """What each run did, as far as it is the same in all."""
    prompts, lengths = ({config.n for config in configs}, {config.output_limit for config in configs})
    if len(prompts) > 1 or len(lengths) > 1:
        return
    least = {config.min_output_tokens for config in configs}
    most = "exactly" if least == lengths else "at most"
    longer = any(config.min_duration_seconds for config in configs)
    tokens = f"{most} {lengths.pop()} output tokens each"
    if all(config.backend == "server" for config in configs):
        yield f"Each run measured {'at least ' if longer else ''}{prompts.pop()} requests to a server, and asked for {tokens}."
    else:
        yield f"Each run answered {prompts.pop()} prompts with {tokens}{' in each pass over them' if longer else ''}."


def _waits(study: StudyData) -> str:
    gap_s, cycle_gap_s = study.protocol.experiment_gap_s, study.protocol.cycle_gap_s
    if not gap_s and not cycle_gap_s:
        return "There was no fixed wait between runs."
    skipped_s = math.fsum(run.skipped_s for run in study.runs)
    skipped = f"; {number(skipped_s, 's')} of these waits were skipped" if skipped_s else ""
    return f"The wait was {number(gap_s, 's')} before a run and {number(cycle_gap_s, 's')} before a cycle{skipped}."


def _measurement(study: StudyData, cited: Citations) -> Iterator[str]:
    planned = sum(run.role == "cell" for run in study.runs)
    yield f"{len(study.completed)} of {planned} runs were completed."
    gpus = gpu_texts(study.completed)
    yield f"They ran on {' and on '.join(gpus)}." if gpus else "They ran without a GPU."
    yield from _energy(study.completed, f" {cited('sensors')}" if gpus else "")
    yield "Loading, tokenising and warm-up were outside the window."
    if any(cell.config.is_windowed for cell in study.cells):
        yield (
            "The window of a server lay inside its traffic, without ramp-up and drain: its tokens and its energy are those of this "
            "stretch of time, also tokens of requests that were sent before it, and its latencies those of the answered requests "
            "that were sent in it."
        )


def _energy(runs: Sequence[RunRow], source: str) -> Iterator[str]:
    by_source: dict[EnergySource, list[RunRow]] = {}
    for run in runs:
        if run.energy_source is not None:
            by_source.setdefault(run.energy_source, []).append(run)
    if not by_source:
        yield "Energy was not measured."
    which = {found: f" of {len(of)} runs" if len(by_source) > 1 else "" for found, of in by_source.items()}
    if measured := by_source.get("measured"):
        text = f"was measured by {_meters(measured)} over the window in which tokens were generated{source}"
        yield f"Energy{which['measured']} {text}."
    if estimated := by_source.get("estimated"):
        yield f"Energy{which['estimated']} is an estimate by {_meters(estimated)}, not a measurement."
    if "replayed" in by_source:
        yield f"Energy{which['replayed']} is simulated: recorded joules were replayed."


def _meters(runs: Sequence[RunRow]) -> str:
    return " and ".join(dict.fromkeys(run.meter for run in runs if run.meter))


def _analysis(study: StudyData, analysis: MetricAnalysis, cited: Citations) -> Iterator[str]:
    if analysis.freedom == 0:
        yield "We report geometric means and their ratios, without intervals: too few runs to estimate the spread."
        return
    if analysis.method == "none":
        yield "We report geometric means, with 95 % intervals by the t distribution."
        return
    yield f"We analysed the logarithm of {named(analysis)} by least squares, with the cycle as a block{_terms(analysis)}."
    yield (
        f"Ratios are of geometric means, with 95 % intervals by the t distribution with {analysis.freedom} degrees of freedom "
        f"for the residuals ({analysis.n_runs} runs in {analysis.n_blocks} blocks)."
    )
    if analysis.residual_cv is not None:
        yield f"The residual coefficient of variation of a run was {number(100 * analysis.residual_cv, '%', 2)}."
    if analysis.factors:
        yield f"Factors were tested by F tests, corrected by Holm's method {cited('holm')},"
        yield f"and by the same fit on normal ranks, aligned by block and by the other factors {cited('ranks')}."
        yield (
            "The importance of a factor is the largest over the smallest mean of its levels, and its share of the explained "
            f"variance, in which each interaction is divided equally among its factors {cited('shapley')}."
        )
    if analysis.detectable is not None and analysis.detectable <= LARGEST_USEFUL:
        yield f"A ratio of {plain(analysis.detectable)} would have been found with a probability of 0.8."


def _traffic(curve: TrafficCurve) -> Iterator[str]:
    limits = ", ".join(limit_text(name, value) for name, value in curve.limits.items())
    yield f"A {curve.name} kept the limits ({limits}) if the geometric mean of its runs was inside each of them, at most 1 % of"
    yield "its requests failed, and each of its runs had a result. A failed request counted as later than every answered one."
    better = "lowest" if METRICS[curve.cost].better == "lower" else "highest"
    yield f"Of those, we chose the one with the {better} {METRICS[curve.cost].title}."


def _terms(analysis: MetricAnalysis) -> str:
    return {
        "factorial": " and a mean for each configuration, of which the effects of factors are contrasts",
        "main_effects": " and the factors, as if they did not interact",
        "cells": " and the configurations",
        "none": "",
    }[analysis.method]
