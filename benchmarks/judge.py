"""False alarms and detection rates of the pytest plugin's verdict, compared with the rules of other tools.

The simulation is seeded, so that the figures of the documentation can be reproduced. Every session has its own deviation, every
repeat its own noise; a change is the same for all repeats. All rules get the same random values.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from benchmarks.pairs import Line, Row
from benchmarks.rivals import mann_whitney, mean_threshold, welch
from llenergymeasure.stats.comparison import compare

CVS = (0.01, 0.03, 0.10)
SPREADS = (0.0, 0.01)
SESSIONS = (1, 5, 10)
CHANGES = (0.0, 0.02, 0.05, 0.10, 0.20)
REPEATS = 5
ALPHA = 0.01
LIMIT = 0.05
RIVALS = {"mean": mean_threshold, "Welch": welch, "M-W": mann_whitney}
# The documentation's figures rest on these cells, so they get more runs.
KEY_CV, KEY_SPREAD = 0.03, 0.01
RUNS, RUNS_UNCHANGED, RUNS_KEY, RUNS_KEY_UNCHANGED = 150, 500, 600, 4000


@dataclass(frozen=True)
class Cell:
    """One kind of test: noise of repeats, deviation of sessions, size of the baseline, true change."""

    cv: float
    spread: float
    sessions: int
    change: float

    @property
    def runs(self) -> int:
        """Number of simulations: rare alarms and documented figures need many."""
        if (self.cv, self.spread) == (KEY_CV, KEY_SPREAD):
            return RUNS_KEY if self.change else RUNS_KEY_UNCHANGED
        return RUNS if self.change else RUNS_UNCHANGED


@dataclass(frozen=True)
class Rates:
    """Numbers of runs: verdicts, alarms that a second look confirms, and alarms of the other rules."""

    runs: int
    verdicts: Counter[str]
    confirmed: int
    rivals: Counter[str]

    def percent(self, count: int) -> float:
        """Percentage of all runs."""
        return 100 * count / self.runs


def rows() -> Iterator[Row | Line]:
    """The wide table, then the figures that the documentation gives."""
    yield Line(
        "\nalarms in % of runs, limit 5 %, alpha 0.01, n = m = 5; `open` = inconclusive, `twice` = confirmed when re-measured"
    )
    heads = "".join(f"{name:>8}" for name in ("judge", "twice", "open", *RIVALS))
    yield Line(f"{'CV':>5}{'sessions':>10}{'K':>4}{'change':>8}{'runs':>7}{heads}")
    found = {}
    for cell in cells():
        found[cell] = simulate(cell, cell.runs)
        yield Line(_wide(cell, found[cell]))
    yield Line("")
    yield from figures(found)


def cells() -> Iterator[Cell]:
    """Every combination."""
    for cv in CVS:
        for spread in SPREADS:
            for sessions in SESSIONS:
                yield from (Cell(cv, spread, sessions, change) for change in CHANGES)


def simulate(cell: Cell, runs: int, seed: int = 1) -> Rates:
    """Judge the runs of a cell by every rule."""
    chance = random.Random(f"{seed} {cell}")
    verdicts: Counter[str] = Counter()
    rivals: Counter[str] = Counter()
    confirmed = 0
    for _ in range(runs):
        baseline = [session(chance, cell) for _ in range(cell.sessions)]
        current = session(chance, cell, cell.change)
        verdict = compare(baseline, current, limit=LIMIT, alpha=ALPHA).verdict
        verdicts[verdict] += 1
        if verdict == "regression":
            again = [*current, *session(chance, cell, cell.change)]
            confirmed += compare(baseline, again, limit=LIMIT, alpha=ALPHA).verdict == "regression"
        rivals.update(name for name, rule in RIVALS.items() if rule(baseline, current, LIMIT, ALPHA))
    return Rates(runs, verdicts, confirmed, rivals)


def session(chance: random.Random, cell: Cell, change: float = 0.0) -> list[float]:
    """Repeats of one process around 1 J per token."""
    luck = math.log1p(change) + chance.gauss(0, cell.spread)
    return [math.exp(luck + chance.gauss(0, cell.cv)) for _ in range(REPEATS)]


def _wide(cell: Cell, rates: Rates) -> str:
    counts = [rates.verdicts["regression"], rates.confirmed, rates.verdicts["inconclusive"]]
    counts += [rates.rivals[name] for name in RIVALS]
    shown = "".join(f"{rates.percent(count):>8.3g}" for count in counts)
    return f"{cell.cv:>5.0%}{cell.spread:>10.0%}{cell.sessions:>4}{cell.change:>+8.0%}{rates.runs:>7}{shown}"


def figures(found: Mapping[Cell, Rates]) -> Iterator[Row]:
    """The figures of the documentation, with 95 % intervals of the simulation."""
    for sessions in SESSIONS:
        rates = found[Cell(KEY_CV, KEY_SPREAD, sessions, 0.0)]
        alarms = rates.verdicts["regression"]
        yield _row(f"false alarms at CV 3 %, K = {sessions}", rates, alarms, "<= 0.5", lambda x: x <= 0.5)
    for change, least in ((0.10, (65, 90, 90)), (0.20, (99.5, 99.5, 99.5))):
        for sessions, bar in zip(SESSIONS, least):
            rates = found[Cell(KEY_CV, KEY_SPREAD, sessions, change)]
            name = f"+{change:.0%} caught at CV 3 %, K = {sessions}"
            yield _row(name, rates, rates.verdicts["regression"], f">= {bar:g}", lambda x, bar=bar: x >= bar)
    noisy = found[Cell(0.10, KEY_SPREAD, 1, 0.0)]
    yield _row("inconclusive at CV 10 %, K = 1", noisy, noisy.verdicts["inconclusive"], ">= 50", lambda x: x >= 50)
    yield _row("false alarms of a mean threshold at CV 10 %, K = 1", noisy, noisy.rivals["mean"], "-", lambda x: True)


def _row(name: str, rates: Rates, count: int, target: str, kept: Callable[[float], bool]) -> Row:
    value = rates.percent(count)
    return Row(name, value, *_interval(count, rates.runs), "%", target, kept(value))


def _interval(count: int, runs: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share, in percent."""
    z2 = 1.96**2
    middle = (count + z2 / 2) / (runs + z2)
    reach = 1.96 * math.sqrt(count * (runs - count) / runs + z2 / 4) / (runs + z2)
    return 100 * max(middle - reach, 0.0), 100 * min(middle + reach, 1.0)
