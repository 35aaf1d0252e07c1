"""The protocols of an inference backend and of its CUDA devices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.harness import OpenExperiment
from llenergymeasure.core.nvml.door import GpuDoor
from llenergymeasure.core.nvml.gpu import Gpu
from llenergymeasure.domain.results import ExperimentResult


class BackendDevices(Protocol):
    """The CUDA devices as a backend's library reports them, without a model. A module can implement it."""

    def is_available(self) -> bool:
        """Whether the library finds a CUDA device."""

    def device_count(self) -> int:
        """Number of CUDA devices visible to this process."""

    def uuids(self) -> list[str]:
        """UUIDs of CUDA's devices in CUDA's order, as NVML writes them."""

    def gpus_used(self, config: ExperimentConfig) -> int | None:
        """Number of GPUs that an experiment uses: 0 = none, None = all visible ones."""


@runtime_checkable
class ServerDevices(BackendDevices, Protocol):
    """The devices of a backend whose model is in other processes, which this one need not have started."""

    def measured_gpus(self, config: ExperimentConfig, door: GpuDoor) -> Sequence[Gpu] | None:
        """The GPUs to measure; None = all visible ones, empty = none.

        Raises:
            ConfigError: the configuration names a GPU that this machine does not have.
        """

    def own_processes(self, config: ExperimentConfig) -> Iterable[int]:
        """The processes whose use of a GPU belongs to the experiment."""


@runtime_checkable
class InferenceBackend(Protocol):
    """Measures configurations: it takes a configuration and returns a result."""

    @property
    def name(self) -> str:
        """Its name in configurations."""

    def open(self, config: ExperimentConfig) -> AbstractContextManager[OpenExperiment]:
        """Load and warm up once, for one or more measurements.

        Raises:
            ExperimentError: the experiment failed; `cause` is the original error.
        """

    def run(self, config: ExperimentConfig) -> ExperimentResult:
        """Measure one experiment.

        Raises:
            ExperimentError: the experiment failed; `cause` is the original error.
        """
