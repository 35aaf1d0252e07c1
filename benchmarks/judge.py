"""False alarms and detection rates of the pytest plugin's verdict, compared with the rules of other tools.

The simulations are seeded, so that the figures of the documentation can be reproduced on any machine. Every session has its own
deviation, every repeat its own noise, which may be autocorrelated; a change is the same for all repeats. A suspected
regression is measured again: `both` is the rate of tests that fail then.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.stats import binomtest

from benchmarks.judge_many import checked, looks, sessions
from benchmarks.pairs import Line, Row
from benchmarks.rivals import mann_whitney, mean_threshold, welch
from llenergymeasure.stats.comparison import compare
from llenergymeasure.stats.variance import SESSIONS_TO_MEASURE

REPEATS = 5
ALPHA = 0.01
LIMIT = 0.05
NOISE_FLOOR = 0.02
# Largest share of false alarms with both looks, in percent.
MOST = 1.5
# Of each row: simulated tests without and with a change, and how many of them the judge of the plugin checks for each look.
RUNS, RUNS_CHANGED, SAMPLE = 100_000, 20_000, 20
SPREADS = (0.01, 0.02, 0.03, 0.05)
SESSIONS = (1, 2, 3, 5, 10)
CVS = (0.01, 0.03)
AUTOCORRELATIONS = (0.0, 0.6, 0.9)
CHANGES = (0.0, 0.10, 0.20)
# The rules of other tools are slower.
RIVALS = {"mean": mean_threshold, "Welch": welch, "M-W": mann_whitney}
RIVAL_RUNS = 400


@dataclass(frozen=True)
class Cell:
    """One kind of test: noise of repeats, deviation of sessions, size of the baseline, true change, autocorrelation."""

    cv: float
    spread: float
    sessions: int
    change: float = 0.0
    rho: float = 0.0

    @property
    def bounded(self) -> bool:
        """Whether the level holds: enough sessions show how much they differ, or they differ by the floor at most."""
        return self.sessions >= SESSIONS_TO_MEASURE or self.spread <= NOISE_FLOOR


@dataclass(frozen=True)
class Rates:
    """Numbers of runs: all, regressions at the first look, and regressions with both looks."""

    runs: int
    first: int
    both: int


def rows() -> Iterator[Row | Line]:
    """The tables, then the figures that the documentation gives."""
    yield Line(
        f"\nregressions in % of {RUNS} tests ({RUNS_CHANGED} with a change), first look alone / both looks; limit 5 %, alpha 0.01,"
        "\nnoise floor 2 %, 5 repeats; rho = autocorrelation of repeats, K = baseline sessions. More than 1.5 % false alarms with"
        "\nboth looks: * where alpha should hold, in brackets where it does not (one or two sessions that differ by more than 2 %)"
    )
    found: dict[Cell, Rates] = {}
    for change in CHANGES:
        yield Line(f"\n{'change':>6}{'CV':>4}{'rho':>5}{'spread':>8}" + "".join(f"{f'K = {k}':>14}" for k in SESSIONS))
        for cv, rho, spread in product(CVS, AUTOCORRELATIONS, SPREADS):
            cells = [Cell(cv, spread, k, change, rho) for k in SESSIONS]
            found.update((cell, simulate(cell, RUNS_CHANGED if change else RUNS)) for cell in cells)
            shown = "".join(f"{_pair(cell, found[cell]):>14}" for cell in cells)
            yield Line(f"{change:>+6.0%}{cv:>4.0%}{rho:>5.1f}{spread:>8.0%}{shown}")
    yield from compared_with_others()
    yield Line("")
    yield from figures(found)


def simulate(cell: Cell, runs: int, seed: int = 1) -> Rates:
    """Judge many tests of a cell; the judge of the plugin checks a sample.

    Raises:
        AssertionError: the judge of the plugin comes to other results.
    """
    chance = np.random.default_rng(
        [seed, *(round(1000 * part) for part in (cell.cv, cell.spread, cell.change, cell.rho)), cell.sessions]
    )
    before = sessions(chance, (runs, cell.sessions, REPEATS), cell.cv, cell.spread, cell.rho)
    now = sessions(chance, (runs, 2, REPEATS), cell.cv, cell.spread, cell.rho) + math.log1p(cell.change)
    checked(before, now, LIMIT, ALPHA, NOISE_FLOOR, SAMPLE)
    first, both = looks(before, now, LIMIT, ALPHA, math.log1p(NOISE_FLOOR))
    return Rates(runs, int(first.sum()), int(both.sum()))


def _pair(cell: Cell, rates: Rates) -> str:
    first, both = (100 * count / rates.runs for count in (rates.first, rates.both))
    text = f"{first:.2f} / {both:.2f}"
    if cell.change or both <= MOST:
        return f"{text} "
    return f"{text}*" if cell.bounded else f"({text})"


def figures(found: dict[Cell, Rates]) -> Iterator[Row]:
    """The figures of the documentation, with 95 % intervals of the simulation."""
    unchanged = {cell: rates for cell, rates in found.items() if not cell.change and cell.bounded}
    for few, name in ((False, "K >= 3, spread <= 5 %"), (True, "K <= 2, spread <= 2 %")):
        some = {cell: rates for cell, rates in unchanged.items() if (cell.sessions < SESSIONS_TO_MEASURE) is few}
        worst = max(some.values(), key=lambda rates: rates.both)
        named = f"false alarms, both looks, {name}: worst of {len(some)} rows"
        yield _row(named, worst.both, worst.runs, f"<= {MOST}", lambda x: x <= MOST)
    usual = {k: found[Cell(0.03, 0.01, k)] for k in SESSIONS}
    for k, rates in usual.items():
        name = f"false alarms, both looks, CV 3 %, spread 1 %, K = {k}"
        yield _row(name, rates.both, rates.runs, "<= 0.5", lambda x: x <= 0.5)
    for change, least in ((0.10, (65, 65, 80, 90, 90)), (0.20, (99.5,) * len(SESSIONS))):
        for k, bar in zip(SESSIONS, least):
            rates = found[Cell(0.03, 0.01, k, change)]
            name = f"+{change:.0%} caught, both looks, CV 3 %, spread 1 %, K = {k}"
            yield _row(name, rates.both, rates.runs, f">= {bar:g}", lambda x, bar=bar: x >= bar)


def compared_with_others() -> Iterator[Line]:
    """The first look beside the rules of other tools, on the same values."""
    yield Line(
        f"\nalarms in % of {RIVAL_RUNS} runs, first look alone, beside the rules of other tools on the same values;"
        "\n`open` = inconclusive"
    )
    yield Line(
        f"{'CV':>5}{'spread':>8}{'K':>4}{'change':>8}" + "".join(f"{name:>8}" for name in ("judge", "open", *RIVALS))
    )
    for cv, spread, k, change in product((0.01, 0.03, 0.10), (0.0, 0.01), (1, 5, 10), (0.0, 0.05, 0.10)):
        counts = rivals(Cell(cv, spread, k, change), RIVAL_RUNS)
        shown = "".join(f"{100 * counts[name] / RIVAL_RUNS:>8.3g}" for name in ("judge", "open", *RIVALS))
        yield Line(f"{cv:>5.0%}{spread:>8.0%}{k:>4}{change:>+8.0%}{shown}")


def rivals(cell: Cell, runs: int, seed: int = 1) -> Counter[str]:
    """Number of alarms of each rule, and of inconclusive verdicts."""
    chance = random.Random(f"{seed} {cell}")
    counts: Counter[str] = Counter()
    for _ in range(runs):
        before = [session(chance, cell) for _ in range(cell.sessions)]
        now = session(chance, cell, cell.change)
        verdict = compare(before, [now], limit=LIMIT, alpha=ALPHA, noise_floor=NOISE_FLOOR).verdict
        counts.update({"judge": verdict == "regression", "open": verdict == "inconclusive"})
        counts.update(name for name, rule in RIVALS.items() if rule(before, now, LIMIT, ALPHA))
    return counts


def session(chance: random.Random, cell: Cell, change: float = 0.0) -> list[float]:
    """Repeats of one process around 1 J per token."""
    luck = math.log1p(change) + chance.gauss(0, cell.spread)
    return [math.exp(luck + chance.gauss(0, cell.cv)) for _ in range(REPEATS)]


def _row(name: str, count: int, runs: int, target: str, kept: Callable[[float], bool]) -> Row:
    value = 100 * count / runs
    return Row(name, value, *share_interval(count, runs), "%", target, kept(value))


def share_interval(count: int, runs: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share, in percent."""
    ends = binomtest(count, runs).proportion_ci(method="wilson")
    return 100 * ends.low, 100 * ends.high
