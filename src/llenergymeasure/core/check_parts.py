"""Whether a part that is handed in can play its role: found before anything is loaded, not in the window."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.exceptions import BackendError
from llenergymeasure.protocols import InferenceEngine, MetricsCollector

# Blocks without which there is no result.
NEEDED = ("tokens", "memory", "host", "flops")
# Fields of the result that are no collector's.
OF_THE_HARNESS = frozenset(
    (
        "schema_version", "tool_version", "started_at", "finished_at", "config", "measurement_config_hash",
        "measurement_methodology", "steady_state_window", "duration_sec", "window_utc", "meter", "energy", "baseline",
        "phase_energy", "timeline", "warmup", "thermal_throttle", "gpu_conditions", "sampler", "model_info", "dataset",
        "environment_snapshot", "co2", "warnings", "reproducibility_notes", "publication_check", "multi_gpu", "timeseries",
        "foreign_processes",
    )
)  # fmt: skip


def lacks(part: object, role: type) -> tuple[str, ...]:
    """The members of a protocol that a part does not have, by name."""
    return tuple(name for name in dir(role) if not name.startswith("_") and not hasattr(part, name))


def check_part(part: object, role: type) -> None:
    """Hold a part against its protocol.

    Raises:
        TypeError: members are missing; names them.
    """
    missing = lacks(part, role)
    if missing:
        raise TypeError(f"{type(part).__name__} is no {role.__name__}: it lacks {', '.join(missing)}")


def check_engine(engine: object) -> None:
    """Hold what a loader returned against the protocol of engines.

    Raises:
        BackendError: members are missing; names them.
    """
    try:
        check_part(engine, InferenceEngine)
    except TypeError as error:
        raise BackendError(f"the loader returned what cannot generate: {error}") from error


def check_collectors(collectors: Sequence[MetricsCollector]) -> None:
    """Hold collectors against their protocol, and their blocks against the result.

    Raises:
        TypeError: a member is missing.
        ValueError: a block is no field of the result, the harness' own, filled twice, or needed and filled by nobody.
    """
    for collector in collectors:
        check_part(collector, MetricsCollector)
        if collector.block not in ExperimentResult.model_fields:
            raise ValueError(f"{type(collector).__name__} fills '{collector.block}', no field of ExperimentResult")
        if collector.block in OF_THE_HARNESS:
            raise ValueError(f"{type(collector).__name__} fills '{collector.block}', which the harness fills itself")
    blocks = Counter(collector.block for collector in collectors)
    twice = [block for block, count in blocks.items() if count > 1]
    if twice:
        raise ValueError(f"more than one collector fills {', '.join(twice)}")
    missing = [block for block in NEEDED if block not in blocks]
    if missing:
        raise ValueError(f"no collector fills {', '.join(missing)}, which every result needs")
