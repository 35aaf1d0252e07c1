"""What the results of several processes must share before they are combined."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.exceptions import AggregationError

_ALIKE: dict[str, Callable[[ExperimentResult], Any]] = {
    "configuration": lambda result: result.measurement_config_hash,
    "release": lambda result: result.tool_version,
    "schema": lambda result: result.schema_version,
    "model revision": lambda result: result.model_info.revision,
    "precision": lambda result: result.model_info.dtype,
    "attention": lambda result: result.model_info.attn_implementation,
    "meter": lambda result: result.energy.meter,
    "energy method": lambda result: result.energy.method,
    "dataset": lambda result: result.dataset.sha256,
    "Python": lambda result: result.environment_snapshot.python,
    "torch": lambda result: result.environment_snapshot.packages.get("torch"),
    "transformers": lambda result: result.environment_snapshot.packages.get("transformers"),
    "driver": lambda result: result.environment_snapshot.driver_version,
}


def check_alike(results: Sequence[ExperimentResult]) -> None:
    """Refuse results that differ in what must be the same.

    Args:
        results: in order of rank.

    Raises:
        AggregationError: names the first difference, with both values and ranks.
    """
    for what, look in _ALIKE.items():
        for rank, result in enumerate(results):
            if look(result) != look(results[0]):
                raise AggregationError(
                    f"results are not alike and are not combined: {what} is {look(results[0])!r} on rank 0 and "
                    f"{look(result)!r} on rank {rank}"
                )
