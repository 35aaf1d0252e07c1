"""A table of the results of a study: the fields that distinguish them, and their headline numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from llenergymeasure.config.messages.fields import differences
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.domain.metrics import METRICS
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.domain.summary import energy_per_token

# The columns after the energy per output token, which is shown with its uncertainty.
COMPARED = tuple(METRICS[name] for name in ("tokens_per_second", "request_p50_ms"))
HEAD = ("experiment", METRICS["energy_per_output_token"].title, *(metric.title for metric in COMPARED))
ONE_WINDOW = "one window gives no spread: run each experiment several times before you rank them"


def labels_of(configs: Sequence[ExperimentConfig]) -> dict[str, str]:
    """By configuration hash: the hash, and the fields that distinguish the configuration from the others."""
    pairs = zip(configs, differences(configs), strict=True)
    return {each.config_hash: f"{each.config_hash} {fields}".rstrip() for each, fields in pairs}


def side_by_side(results: Sequence[ExperimentResult], labels: Mapping[str, str]) -> str:
    """One line per result, in the order in which they ran, and notes on the limits of the comparison."""
    rows = [HEAD, *(_row(result, labels) for result in results)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join([*lines, *_kinds(results), ONE_WINDOW])


def _kinds(results: Sequence[ExperimentResult]) -> Iterator[str]:
    """A note when energies come from different parts of machines or meters, or when some are modelled."""
    found = list(dict.fromkeys(_kind(result) for result in results if result.energy_total_j is not None))
    if len(found) > 1:
        yield f"energy is of more than one kind: {'; '.join(found)}; compare it within one kind only"


def _kind(result: ExperimentResult) -> str:
    how = "measured" if result.energy.is_measured else result.energy_method
    return f"{how} by {result.energy.meter} on the {'CPU' if result.model_info.device == 'cpu' else 'GPU'}"


def _row(result: ExperimentResult, labels: Mapping[str, str]) -> tuple[str, ...]:
    label = labels[result.measurement_config_hash]
    return label, energy_per_token(result), *(metric.text(result) for metric in COMPARED)
