"""Chooses every part of a measurement, in one place, and starts it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.user_config import UserConfig, load_user_config, resolve_measurement, resolve_runner
from llenergymeasure.core.backends.protocol import InferenceBackend
from llenergymeasure.core.backends.registry import create_backend
from llenergymeasure.core.baseline import BaselineCache
from llenergymeasure.core.clock import SystemClock
from llenergymeasure.core.energy.select import choose_meter
from llenergymeasure.core.environment import take_snapshot
from llenergymeasure.core.flops_collectors import ExactFlopsCollector, PalmFlopsCollector
from llenergymeasure.core.harness import Carbon, Instruments, OpenExperiment
from llenergymeasure.core.host import HostCollector
from llenergymeasure.core.metrics import LatencyCollector, MemoryCollector, PhaseCollector, TokenCollector
from llenergymeasure.datasets.loader import open_dataset
from llenergymeasure.domain.environment import EnvironmentSnapshot
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.orchestration.preflight import Request, preflight, torch_sees_cuda
from llenergymeasure.progress import Logged, Progress
from llenergymeasure.protocols import Clock, InferenceEngine, Metering


@dataclass
class Session:
    """What experiments of one process share.

    Attributes:
        user_config: settings of this machine; read when first needed.
        environ: environment variables.
        progress: told of each step.
        clock: time.
        baselines: idle power measured so far.
    """

    progress: Progress = field(default_factory=Logged)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    clock: Clock = field(default_factory=SystemClock)
    baselines: BaselineCache = field(default_factory=BaselineCache)
    user_config: UserConfig | None = None

    def with_progress(self, progress: Progress) -> Session:
        """The same session, telling its steps to somebody else."""
        return replace(self, progress=progress)

    def settings(self) -> UserConfig:
        """The user's settings.

        Raises:
            ConfigError: the user config is broken.
        """
        if self.user_config is None:
            self.user_config = load_user_config()
        return self.user_config


def measure(config: ExperimentConfig, session: Session, output_dir: Path | None = None) -> ExperimentResult:
    """Check, measure once, and give everything back.

    Raises:
        PreFlightError: the experiment cannot run here.
        ExperimentError: it failed on the way.
    """
    with opened(config, session, output_dir) as experiment:
        return experiment.measure()


@contextmanager
def opened(
    config: ExperimentConfig, session: Session, output_dir: Path | None = None, metering: Metering | None = None
) -> Iterator[OpenExperiment]:
    """An experiment that is checked, loaded and warm, to measure as often as wanted.

    A meter that is handed in stays the caller's; one that is chosen here is released here.

    Raises:
        PreFlightError: the experiment cannot run here.
        ExperimentError: it failed on the way.
    """
    resolve_runner(config.backend, session.settings(), session.environ)
    preflight(Request(config, output_dir, environ=session.environ, cuda_available=torch_sees_cuda))
    using = metering or metering_for(config.energy.backend, session)
    try:
        with backend_for(config, session, using).open(config) as experiment:
            yield experiment
    finally:
        if metering is None:
            using.meter.release()


def metering_for(declared: str, session: Session) -> Metering:
    """The meter that a configuration asks for, within what the user's settings allow `auto`."""
    return choose_meter(declared, session.settings().measurement.energy_backend)


def backend_for(config: ExperimentConfig, session: Session, metering: Metering) -> InferenceBackend:
    """The backend with all its instruments."""
    return create_backend(config.backend, instruments_for(config, session, metering))


def instruments_for(config: ExperimentConfig, session: Session, metering: Metering) -> Instruments:
    """Everything beside the model."""
    machine = resolve_measurement(session.settings(), session.environ)
    return Instruments(
        metering=metering,
        prompts=open_dataset(config.dataset, config.n, config.random_seed),
        snapshot=_snapshot,
        collectors=(
            TokenCollector(), LatencyCollector(), PhaseCollector(), MemoryCollector(), HostCollector(),
            PalmFlopsCollector(), ExactFlopsCollector(),
        ),
        clock=session.clock,
        progress=session.progress,
        baselines=session.baselines,
        carbon=Carbon(machine.carbon_intensity_gco2_kwh, machine.datacenter_pue),
    )  # fmt: skip


def _snapshot(engine: InferenceEngine) -> EnvironmentSnapshot:
    return take_snapshot()
