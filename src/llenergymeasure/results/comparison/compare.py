"""Compares sides with the first of them."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from llenergymeasure.exceptions import ConfigError
from llenergymeasure.results.comparison import differences
from llenergymeasure.results.comparison.ratios import metric_ratios
from llenergymeasure.results.comparison.sides import Side, SideCell, kinds_text
from llenergymeasure.results.comparison.types import CellComparison, Comparison, Difference, Machines

Pairs = list[tuple[SideCell, SideCell]]


def compare(first: Side, second: Side, *, different_work: bool = False) -> Comparison:
    """The second side against the first.

    Args:
        first, second: two results, or two studies.
        different_work: whether to compare different work too.

    Raises:
        ConfigError: a result and a study, no common cell, or different work.
    """
    if first.single != second.single:
        raise ConfigError(
            f"cannot compare a result with a study: {first.name}, {second.name}",
            "compare results with results, or studies with studies",
        )
    pairs = _pairs(first, second)
    unlike = _unlike(pairs)
    if unlike and not different_work:
        raise ConfigError(_refusal(first, second, unlike), "add --allow-different-work to compare them anyway")
    sample = pairs[0]
    where = differences.machines(*sample)
    return Comparison(
        first=first.name,
        second=second.name,
        work=unlike,
        configuration=_common([differences.configuration(*pair) for pair in pairs]),
        settings=differences.settings(*sample),
        environment=differences.environment(*sample),
        machines=where,
        energy_kinds=(first.energy, second.energy),
        per_pass=first.per_pass or second.per_pass,
        windowed=any(cell.config.is_windowed for pair in pairs for cell in pair),
        cells=tuple(_cell(pair, where, first.single) for pair in pairs),
        only_first=_without([cell for cell, _ in pairs], first),
        only_second=_without([cell for _, cell in pairs], second),
    )


def _pairs(first: Side, second: Side) -> Pairs:
    """The cells of both sides that belong together: of equal configuration, or else with the same settings varied."""
    if first.single:
        return [(first.cells[0], second.cells[0])]
    by_hash = {cell.config.config_hash: cell for cell in second.cells}
    by_label = {cell.label: cell for cell in second.cells}
    found = [(cell, by_hash.get(cell.config.config_hash) or by_label.get(cell.label)) for cell in first.cells]
    pairs = [(one, other) for one, other in found if other is not None]
    if not pairs:
        raise ConfigError(
            f"the studies {first.name} and {second.name} have no common cell",
            f"the first has {first.cells[0].label}, the second {second.cells[0].label}",
        )
    return pairs


def _unlike(pairs: Pairs) -> tuple[Difference, ...]:
    fields = dict.fromkeys(each for pair in pairs for each in differences.work(*pair))
    return tuple(fields) or differences.prompts(*pairs[0])


def _refusal(first: Side, second: Side, unlike: Sequence[Difference]) -> str:
    fields = "; ".join(f"{each.name} is {each.first} and {each.second}" for each in unlike)
    return f"{first.name} and {second.name} did different work: {fields}"


def _common(found: Sequence[tuple[Difference, ...]]) -> tuple[Difference, ...]:
    """The differences of all cells, in order."""
    return tuple(dict.fromkeys(each for cell in found for each in cell))


def _without(paired: Sequence[SideCell], side: Side) -> tuple[str, ...]:
    labels = {cell.label for cell in paired}
    return tuple(cell.label for cell in side.cells if cell.label not in labels)


def _cell(pair: tuple[SideCell, SideCell], where: Machines, single: bool) -> CellComparison:
    return CellComparison(
        label=pair[0].label,
        n_first=len(pair[0].runs),
        n_second=len(pair[1].runs),
        energy_kinds=(kinds_text(pair[0].energy), kinds_text(pair[1].energy)),
        tokens_per_request=_means(*(cell.tokens_per_request for cell in pair)),
        failed_shares=_means(*(cell.failed_shares for cell in pair)),
        metrics=tuple(metric_ratios(pair, where, single)),
    )


def _means(*of_cells: Sequence[float | None]) -> tuple[float, float] | None:
    """The means of both cells; None where one of them is not known."""
    first, second = ([each for each in values if each is not None] for values in of_cells)
    return (fmean(first), fmean(second)) if first and second else None
