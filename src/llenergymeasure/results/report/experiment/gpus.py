"""Names of the GPUs of a result: their number and model; the UUID where the snapshot does not know it."""

from __future__ import annotations

from llenergymeasure.domain.environment import GpuInfo
from llenergymeasure.domain.results import ExperimentResult

_LONGEST_UUID = 20


class Gpus:
    """The GPUs of a result."""

    def __init__(self, result: ExperimentResult) -> None:
        self._gpus = result.environment_snapshot.gpus

    def named(self, index: int) -> str:
        """The name of a GPU by its number."""
        return next((_name(gpu) for gpu in self._gpus if gpu.index == index), f"GPU {index}")

    def with_uuid(self, uuid: str) -> str:
        """The name of a GPU by its UUID."""
        known = next((_name(gpu) for gpu in self._gpus if gpu.uuid == uuid), None)
        return known or (uuid if len(uuid) <= _LONGEST_UUID else f"{uuid[: _LONGEST_UUID - 3]}...")


def _name(gpu: GpuInfo) -> str:
    return f"GPU {gpu.index}, {gpu.name}"
