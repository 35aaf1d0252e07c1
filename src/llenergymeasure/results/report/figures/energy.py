"""The energy of one result: its reading with the uncertainty, and its parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llenergymeasure._format import number
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.domain.study.names import listed
from llenergymeasure.results.report.colours import LIGHT
from llenergymeasure.results.report.figures.axes import name_rows
from llenergymeasure.results.report.figures.canvas import Picture, plot, styled


@styled
def energy(result: ExperimentResult) -> Picture | None:
    """Energy in J with its error bar, the cross-check and the energy above idle; None when it was not measured."""
    reading = result.energy
    if reading.energy_j is None:
        return None
    rows = [(f"{reading.meter} ({reading.method})", reading.energy_j, reading.uncertainty_j)]
    if reading.crosscheck_j is not None:
        rows.append(("cross-check", reading.crosscheck_j, None))
    if result.energy_adjusted_j is not None:
        rows.append(("above idle", result.energy_adjusted_j, None))
    figure, (axes,) = plot(0.7 + 0.3 * len(rows))
    for at, (_, joules, spread) in enumerate(rows):
        axes.errorbar(joules, -at, xerr=spread, fmt="o", color=LIGHT["a"], capsize=4, linewidth=1.8, markersize=6)
    highest, lowest = max(j + (s or 0) for _, j, s in rows), min(j - (s or 0) for _, j, s in rows)
    axes.set_xlim(min(lowest * 1.05, 0.0), highest * 1.05 if highest > 0 else 1.0)
    name_rows(axes, [name for name, _, _ in rows])
    axes.set_ylim(0.5 - len(rows), 0.5)
    axes.grid(True, axis="x")
    uncertain = reading.uncertainty_j is not None
    axes.set_xlabel("energy in J; the bar is the expanded uncertainty, k = 2" if uncertain else "energy in J")
    text = "; ".join(f"{name}: {number(joules, 'J')}{_spread(spread)}" for name, joules, spread in rows)
    return Picture("energy", "Energy with its error bar", text, figure, _caption(result))


def _caption(result: ExperimentResult) -> str:
    """What the points of the figure are."""
    reading = result.energy
    points = ["the estimate of the meter" if reading.method == "estimated" else "the reading of the meter"]
    if reading.crosscheck_j is not None:
        points.append("a second method as a check")
    if result.energy_adjusted_j is not None:
        points.append("the energy above idle power")
    known = "its expanded uncertainty" if reading.uncertainty_j is not None else "no known uncertainty"
    return f"Energy of the window: {listed(points)}. The reading has {known}."


def _spread(joules: float | None) -> str:
    return "" if joules is None else f" ± {number(joules, 'J', 2)}"


_SHADES = {"prefill": "e", "decode": "bar", "idle": "modelled", "modelled": "modelled"}


@dataclass(frozen=True)
class Parts:
    """The parts of an energy.

    Attributes:
        title: what kind of parts they are.
        caption: what they are, for the text below the figure.
        parts: name, energy in J and kind (measured, modelled, ...) of each.
    """

    title: str
    caption: str
    parts: Sequence[tuple[str, float, str]]


@styled
def split(energy: Parts, name: str) -> Picture:
    """One bar per part with its energy."""
    parts = energy.parts
    figure, (axes,) = plot(0.65 + 0.27 * len(parts))
    for at, (_, joules, kind) in enumerate(parts):
        axes.barh(-at, joules, height=0.6, color=LIGHT[_SHADES.get(kind, "a")])
        axes.annotate(number(joules, "J"), (max(joules, 0.0), -at), (5, 0), textcoords="offset points", va="center")
    highest = max(0.0, *(joules for _, joules, _ in parts))
    axes.set_xlim(min(0.0, *(joules for _, joules, _ in parts)), highest * 1.15 if highest > 0 else 1.0)
    name_rows(axes, [part for part, _, _ in parts])
    axes.set_ylim(0.55 - len(parts), 0.55)
    axes.set_xlabel("energy in J")
    text = "; ".join(f"{part}: {number(joules, 'J')}" for part, joules, _ in parts)
    return Picture(name, energy.title, text, figure, energy.caption)
