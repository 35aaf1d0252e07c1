"""A methods section for a paper, made from the protocol and the analysis of a study, with the sources of the methods."""

from __future__ import annotations

import math
from collections.abc import Iterator

from llenergymeasure._format import number
from llenergymeasure.domain.study.effects import MetricAnalysis
from llenergymeasure.domain.study.names import level_text
from llenergymeasure.domain.study.result import StudyData
from llenergymeasure.results.report.study.conditions import cooldown
from llenergymeasure.results.study_tables.texts import name_of, plain

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
    "grouped": "in an order that was shuffled for each cycle, in which runs that load the same model stood together",
}
PROCESSES = {
    "process": "Each run had a fresh process, forked from a server that had never used the GPU.",
    "spawn": "Each run had a new interpreter.",
    "none": "All runs were made in one process.",
}


def paragraphs(study: StudyData, version: str) -> list[str]:
    """The text, with numbers of its sources in brackets."""
    cited = Citations()
    texts = [" ".join(_design(study, version, cited)), " ".join(_measurement(study, cited))]
    if study.effects is not None:
        texts.append(" ".join(_analysis(study, study.effects.metrics[0], cited)))
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


def _design(study: StudyData, version: str, cited: Citations) -> Iterator[str]:
    design, protocol = study.design, study.protocol
    models = " and ".join(dict.fromkeys(cell.config.model for cell in design.cells))
    factors = "; ".join(
        f"{factor.name}: {', '.join(level_text(level) for level in factor.levels)}" for factor in design.factors
    )
    varied = f" ({factors})" if factors else ""
    yield f"We compared {len(design.cells)} configurations of {models}{varied} with llenergymeasure {version}."
    count = f"{protocol.n_cycles} {'cycle' if protocol.n_cycles == 1 else 'cycles'}"
    yield (
        f"The experiment had {count} {cited('blocks', 'repeats')}; each cycle ran every configuration once, "
        f"{ORDERS[protocol.order]} (seed {protocol.seed})."
    )
    yield PROCESSES[protocol.isolation]
    gaps = number(protocol.experiment_gap_s, "s"), number(protocol.cycle_gap_s, "s")
    skipped_s = math.fsum(run.skipped_s for run in study.runs)
    skipped = f"; {number(skipped_s, 's')} of these waits were skipped" if skipped_s else ""
    yield f"The wait was {gaps[0]} before a run and {gaps[1]} before a cycle{skipped}."
    if protocol.cooldown_celsius is not None and any(run.temperature_c is not None for run in study.runs):
        yield f"Each run then waited {cooldown(protocol)}."
    if protocol.control:
        yield "The reference configuration also ran first and last in each cycle, to show drift."


def _measurement(study: StudyData, cited: Citations) -> Iterator[str]:
    planned = sum(run.role == "cell" for run in study.runs)
    yield f"{len(study.completed)} of {planned} runs were completed."
    gpus = ", ".join(dict.fromkeys(gpu for run in study.completed for gpu in run.gpus))
    yield f"They ran on {gpus}." if gpus else "They ran without a GPU."
    meters = ", ".join(dict.fromkeys(run.meter for run in study.completed if run.meter))
    if not meters:
        yield "Energy was not measured."
    elif any(run.energy_estimated for run in study.completed):
        yield f"Energy is an estimate by {meters}, not a measurement."
    else:
        yield f"Energy was measured by {meters} over the window in which tokens were generated {cited('sensors')}."
    yield "Loading, tokenising and warm-up were outside the window."


def _analysis(study: StudyData, analysis: MetricAnalysis, cited: Citations) -> Iterator[str]:
    if analysis.freedom == 0:
        yield "We report geometric means and their ratios; so few runs do not show the spread, so there are no intervals."
        return
    if analysis.method == "none":
        yield "We report geometric means, with 95 % intervals by the t distribution."
        return
    yield f"We analysed the logarithm of {name_of(analysis.metric)} by least squares, with the cycle as a block{_terms(analysis)}."
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
    if analysis.detectable is not None:
        yield f"A ratio of {plain(analysis.detectable)} would have been found with a probability of 0.8."


def _terms(analysis: MetricAnalysis) -> str:
    return {
        "factorial": " and a mean for each configuration, of which the effects of factors are contrasts",
        "main_effects": " and the factors, as if they did not interact",
        "cells": " and the configurations",
        "none": "",
    }[analysis.method]
