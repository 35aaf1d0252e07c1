"""What the analysis of studies finds, and what it reports wrongly: simulated studies with known effects.

The studies are 2 x 3 x 2 cells unless something else is stated, and their runs deviate by 2 %. The simulation is seeded, so that
the figures of the documentation can be reproduced.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from benchmarks.judge import share_interval
from benchmarks.pairs import Line, Row
from benchmarks.simulated_study import Levels, Machine, Simulation, grid, protocol
from llenergymeasure.domain.study.effects import ALPHA, FactorEffect, MetricAnalysis
from llenergymeasure.study.analysis.analyse import analyse

STUDIES = 1500
# A machine that warms up during the study, and the differences between GPUs of one model (arXiv 2208.11035).
DRIFT, OF_GPUS = 0.04, 0.08
SMALL, BATCH = math.log(1.03), (0.0, -1.0, -1.8)
DESIGN = grid({"precision": ("bf16", "fp16"), "batch": (1, 8, 32), "cache": (True, False)})
QUIET, WARMING = Machine(), Machine(drift=DRIFT)


def nothing(levels: Levels) -> float:
    """No factor has an effect."""
    return 0.0


def one(levels: Levels) -> float:
    """Precision has an effect of 3 %."""
    return SMALL * levels["precision"]


def several(levels: Levels) -> float:
    """Precision has an effect of 3 %, batch size a large one."""
    return SMALL * levels["precision"] + BATCH[levels["batch"]]


def interacting(levels: Levels) -> float:
    """The effect of precision depends on batch size."""
    return several(levels) + 0.3 * levels["precision"] * levels["batch"]


TRUE_RATIOS = {
    "precision": (1.0, math.exp(SMALL)),
    "batch": tuple(math.exp(step) for step in BATCH),
    "cache": (1.0, 1.0),
}


def rows() -> Iterator[Row | Line]:
    """The figures of the documentation, with 95 % intervals of the simulation."""
    yield from orders()
    yield from gpus()
    yield from intervals()
    yield from findings()
    yield from outliers()
    yield from grouped()


def studies(simulation: Simulation, seed: int = 1, n: int = STUDIES) -> Iterator[MetricAnalysis]:
    """The analyses of simulated studies."""
    chance = random.Random(seed)
    made = protocol(simulation.n_cycles, simulation.order)
    for _ in range(n):
        effects = analyse(simulation.design, simulation.rows(chance), made)
        if effects is not None:
            yield effects.metrics[0]


@dataclass(frozen=True)
class Rate:
    """How often something happened."""

    count: int
    total: int

    def row(self, name: str, target: str, kept: Callable[[float], bool]) -> Row:
        """The rate in percent, with its interval."""
        percent = 100 * self.count / self.total
        return Row(name, percent, *share_interval(self.count, self.total), "%", target, kept(percent))


def rate(found: Sequence[bool]) -> Rate:
    """How often it is true."""
    return Rate(sum(found), len(found))


def at_most(limit: float) -> tuple[str, Callable[[float], bool]]:
    """A target."""
    return f"<= {limit:g}", lambda value: value <= limit


def at_least(limit: float) -> tuple[str, Callable[[float], bool]]:
    """A target."""
    return f">= {limit:g}", lambda value: value >= limit


NO_TARGET: tuple[str, Callable[[float], bool]] = ("-", lambda value: True)
COVERS: tuple[str, Callable[[float], bool]] = ("94 to 96", lambda value: 94 <= value <= 96)


def significant(effect: FactorEffect | None) -> bool:
    """Whether the F test of a factor is below 0.01."""
    return effect is not None and effect.p_value is not None and effect.p_value < ALPHA


def orders() -> Iterator[Row]:
    """False and true findings in each order of the runs, while the machine warms up."""
    for order in ("sequential", "interleaved"):
        simulation = Simulation(DESIGN, nothing, WARMING, order=order)
        first = [significant(analysis.factor("precision")) for analysis in studies(simulation)]
        yield rate(first).row(f"no effect: p < 0.01 of the first factor, order {order}, drift 4 %", *NO_TARGET)
    tests = [significant(effect) for found in studies(Simulation(DESIGN, nothing, WARMING)) for effect in found.factors]
    yield rate(tests).row("no effect: p < 0.01 of a factor, order shuffled, drift 4 %", *at_most(1.5))
    for n_cycles, target in ((3, at_least(85)), (5, at_least(98))):
        simulation = Simulation(DESIGN, one, WARMING, n_cycles=n_cycles)
        tests = [significant(analysis.factor("precision")) for analysis in studies(simulation)]
        yield rate(tests).row(f"effect of 3 %: p < 0.01, order shuffled, drift 4 %, {n_cycles} cycles", *target)


def gpus() -> Iterator[Row]:
    """False findings where each cell has a GPU of its own, and where each cycle has one."""
    chance = random.Random(2)
    tests = []
    for seed in range(STUDIES):
        own = {cell.id: chance.gauss(0, OF_GPUS) for cell in DESIGN.cells}
        place = {tuple(cell.levels.items()): own[cell.id] for cell in DESIGN.cells}
        simulation = Simulation(DESIGN, lambda levels, place=place: place[tuple(levels.items())])
        tests += [significant(effect) for analysis in studies(simulation, seed, 1) for effect in analysis.factors]
    yield rate(tests).row("no effect: p < 0.01, each cell on another GPU, GPUs differ by 8 %", *NO_TARGET)
    simulation = Simulation(DESIGN, nothing, Machine(of_cycles=OF_GPUS))
    tests = [significant(effect) for analysis in studies(simulation) for effect in analysis.factors]
    yield rate(tests).row("no effect: p < 0.01, each cycle on another GPU, GPUs differ by 8 %", *at_most(1.5))


def intervals() -> Iterator[Row]:
    """How often intervals hold the true ratio."""
    holes = frozenset(f"12.c{cycle}" for cycle in (1, 2, 3))
    cases = {
        "full grid": Simulation(DESIGN, several, QUIET),
        "5 cycles": Simulation(DESIGN, several, QUIET, n_cycles=5),
        "a cell without runs": Simulation(DESIGN, several, QUIET, lost=holes),
        "5 % of the runs lost": Simulation(DESIGN, several, Machine(lost=0.05)),
        "one cycle per GPU": Simulation(DESIGN, several, Machine(of_cycles=OF_GPUS)),
        "drift 4 %": Simulation(DESIGN, several, WARMING),
    }
    for name, simulation in cases.items():
        held = [inside for analysis in studies(simulation) for inside in covered(analysis)]
        yield rate(held).row(f"intervals of levels with the true ratio, {name}", *COVERS)
    held = [_holds(effect.span.low, math.exp(-BATCH[2]), effect.span.high) for effect in _effects("batch")]
    yield rate(held).row("intervals of a span with the true ratio", *COVERS)
    yield from shares()


def _effects(name: str) -> Iterator[FactorEffect]:
    for analysis in studies(Simulation(DESIGN, several, QUIET), seed=3):
        effect = analysis.factor(name)
        if effect is not None:
            yield effect


def covered(analysis: MetricAnalysis) -> Iterator[bool]:
    """Whether the interval of each level against the reference's holds the true ratio."""
    for effect in analysis.factors:
        true = dict(zip(next(f.levels for f in DESIGN.factors if f.name == effect.factor), TRUE_RATIOS[effect.factor]))
        for each in effect.levels:
            if each.ratio.low != each.ratio.high:
                yield _holds(each.ratio.low, true[each.level], each.ratio.high)


def _holds(low: float | None, value: float, high: float | None) -> bool:
    return low is not None and high is not None and low <= value <= high


def shares() -> Iterator[Row]:
    """How often the interval of a share holds the true one, which a study without noise shows."""
    simulation = Simulation(DESIGN, interacting, QUIET)
    exact = next(studies(replace(simulation, machine=Machine(cv=0.0)), n=1))
    true = {effect.factor: effect.share or 0.0 for effect in exact.factors}
    for name in ("precision", "batch"):
        found = [analysis.factor(name) for analysis in studies(simulation)]
        held = [each is not None and _holds(each.share_low, true[name], each.share_high) for each in found]
        yield rate(held).row(f"intervals of the share of {name} with the true share", *COVERS)


def findings() -> Iterator[Row]:
    """What the summary would report: p corrected by Holm's method."""
    for name, machine in (("", QUIET), (", 5 % outliers of +30 %", Machine(outliers=0.05))):
        simulation = Simulation(DESIGN, nothing, machine)
        wrong = [any(each.finding == "matters" for each in analysis.factors) for analysis in studies(simulation)]
        yield rate(wrong).row(f"no effect: studies that report a factor{name}", *at_most(1.5))
    simulation = Simulation(DESIGN, several, QUIET)
    right = [effect is not None and effect.finding == "matters" for effect in _of("precision", simulation)]
    yield rate(right).row("effect of 3 %: reported, 3 cycles", *at_least(85))
    quiet = [bool(analysis.outliers) for analysis in studies(simulation)]
    yield rate(quiet).row("studies that call a normal run outlying", *at_most(1.5))


def _of(name: str, simulation: Simulation) -> Iterator[FactorEffect | None]:
    return (analysis.factor(name) for analysis in studies(simulation))


def outliers() -> Iterator[Row]:
    """Power of both tests where some runs are far too high."""
    simulation = Simulation(DESIGN, several, Machine(outliers=0.05))
    found = [effect for effect in _of("precision", simulation) if effect is not None]
    yield rate([significant(each) for each in found]).row(
        "effect of 3 %: p < 0.01, 5 % outliers of +30 %, test on logarithms", *NO_TARGET
    )
    by_ranks = [each.p_ranks is not None and each.p_ranks < ALPHA for each in found]
    yield rate(by_ranks).row("effect of 3 %: p < 0.01, 5 % outliers of +30 %, test on ranks", *at_least(50))
    null = [each.p_ranks is not None and each.p_ranks < ALPHA for each in _of("cache", simulation) if each is not None]
    yield rate(null).row("no effect: p < 0.01, 5 % outliers of +30 %, test on ranks", *at_most(1.5))


def grouped() -> Iterator[Row]:
    """A split plot whose groups of runs differ by 2 %."""
    for name in ("precision", "cache"):
        simulation = Simulation(
            DESIGN, nothing, Machine(of_groups=0.02), n_cycles=5, order="grouped", grouped=("precision",)
        )
        tests = [significant(effect) for effect in _of(name, simulation)]
        what = "the grouped factor" if name == "precision" else "another factor"
        yield rate(tests).row(f"no effect: p < 0.01, order grouped, {what}", *at_most(1.5))
