"""Checks that a given part implements its protocol, before anything is loaded and not first in the window."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.exceptions import BackendError
from llenergymeasure.protocols import InferenceEngine, MetricsCollector

# Blocks that every result needs.
NEEDED = ("tokens", "memory", "host", "flops")
# Fields of the result that the harness fills and no collector may fill.
OF_THE_HARNESS = frozenset(
    (
        "schema_version", "tool_version", "started_at", "finished_at", "config", "measurement_config_hash",
        "measurement_methodology", "steady_state_window", "duration_sec", "window_utc", "meter", "energy", "baseline",
        "phase_energy", "timeline", "compilation", "warmup", "thermal_throttle", "gpu_conditions", "sampler", "model_info",
        "dataset", "environment_snapshot", "co2", "warnings", "reproducibility_notes", "publication_check", "multi_gpu",
        "timeseries", "foreign_processes",
    )
)  # fmt: skip


def lacks(part: object, role: type) -> tuple[str, ...]:
    """Names of the protocol's members that the part lacks."""
    return tuple(name for name in dir(role) if not name.startswith("_") and not hasattr(part, name))


def check_part(part: object, role: type) -> None:
    """Check that a part has all members of its protocol.

    Raises:
        TypeError: members are missing; the message names them.
    """
    missing = lacks(part, role)
    if missing:
        raise TypeError(f"{type(part).__name__} does not implement {role.__name__}: it lacks {', '.join(missing)}")


def check_engine(engine: object) -> None:
    """Check that the object returned by a loader has all members of `InferenceEngine`.

    Raises:
        BackendError: members are missing; the message names them.
    """
    try:
        check_part(engine, InferenceEngine)
    except TypeError as error:
        raise BackendError(f"the loader returned an object that is not an engine: {error}") from error


def check_collectors(collectors: Sequence[MetricsCollector]) -> None:
    """Check that collectors implement their protocol and together fill the blocks that a result needs.

    Raises:
        TypeError: a member is missing.
        ValueError: a block is no field of the result, is filled by the harness, is filled twice, or is needed and missing.
    """
    for collector in collectors:
        check_part(collector, MetricsCollector)
        if collector.block not in ExperimentResult.model_fields:
            raise ValueError(
                f"{type(collector).__name__} fills '{collector.block}', which is not a field of ExperimentResult"
            )
        if collector.block in OF_THE_HARNESS:
            raise ValueError(f"{type(collector).__name__} fills '{collector.block}', which the harness fills itself")
    blocks = Counter(collector.block for collector in collectors)
    twice = [block for block, count in blocks.items() if count > 1]
    if twice:
        raise ValueError(f"more than one collector fills {', '.join(twice)}")
    missing = [block for block in NEEDED if block not in blocks]
    if missing:
        raise ValueError(f"no collector fills {', '.join(missing)}, which every result needs")
