"""What one asks of a serving library: the view from outside."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.harness import OpenExperiment
from llenergymeasure.domain.results import ExperimentResult


class BackendDevices(Protocol):
    """What a backend's library says of CUDA's devices, without a model; a module may answer."""

    def is_available(self) -> bool:
        """Whether it sees a CUDA device."""

    def device_count(self) -> int:
        """How many CUDA devices this process sees."""

    def uuids(self) -> list[str]:
        """UUIDs of CUDA's devices in its order, as NVML writes them."""

    def gpus_used(self, config: ExperimentConfig) -> int | None:
        """How many GPUs an experiment uses: 0 = none, None = all that are visible."""


@runtime_checkable
class InferenceBackend(Protocol):
    """A configuration goes in, a result comes out."""

    @property
    def name(self) -> str:
        """Its name in configurations."""

    def open(self, config: ExperimentConfig) -> AbstractContextManager[OpenExperiment]:
        """Load and warm up once, to measure as often as wanted.

        Raises:
            ExperimentError: it failed; `cause` says why.
        """

    def run(self, config: ExperimentConfig) -> ExperimentResult:
        """Measure one experiment.

        Raises:
            ExperimentError: it failed; `cause` says why.
        """
