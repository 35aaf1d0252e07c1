"""Chooses every part of a measurement, in one place, and starts it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from llenergymeasure.config.backends.server import ELSEWHERE
from llenergymeasure.config.meters import IN_CONFIG, POWERCAP, MeterSetting
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.runners import LOCAL
from llenergymeasure.config.sections import EnergyConfig
from llenergymeasure.config.user_config import UserConfig, load_user_config, resolve_measurement, resolve_runner
from llenergymeasure.core.backends.protocol import ServerDevices
from llenergymeasure.core.backends.registry import backend_devices, create_backend, gpus_used
from llenergymeasure.core.baseline import BaselineCache
from llenergymeasure.core.collect.host import HostCollector
from llenergymeasure.core.collect.latency import LatencyCollector, MemoryCollector, PhaseCollector, TokenCollector
from llenergymeasure.core.collect.traffic.collector import TrafficCollector
from llenergymeasure.core.devices import (
    MeterContext,
    ServerGpus,
    driver_version,
    gpu_infos,
    gpu_processes,
    open_devices,
)
from llenergymeasure.core.energy.null import NoMeter
from llenergymeasure.core.energy.select import choose_meter, meter_findings
from llenergymeasure.core.flops.collectors import ExactFlopsCollector, PalmFlopsCollector
from llenergymeasure.core.harness import OpenExperiment
from llenergymeasure.core.instruments import Carbon, Instruments
from llenergymeasure.core.machine.clock import SystemClock
from llenergymeasure.core.machine.environment import take_snapshot
from llenergymeasure.core.model_cache import ModelCache, NoModelCache
from llenergymeasure.core.sampling.no_sensors import NoSensors
from llenergymeasure.core.window import Alone
from llenergymeasure.datasets.loader import open_dataset
from llenergymeasure.domain.energy import MeterChoice
from llenergymeasure.exceptions import Finding, PreFlightError
from llenergymeasure.orchestration.model.hub import hub_findings
from llenergymeasure.orchestration.model.required_files import AskHub
from llenergymeasure.orchestration.notes import notes
from llenergymeasure.orchestration.preflight import Request, findings_of
from llenergymeasure.orchestration.ulimits import limit_findings
from llenergymeasure.progress import Logged, Progress
from llenergymeasure.protocols import Clock, Metering, ProcessGroup


@dataclass
class Session:
    """The state that experiments of one process share.

    Attributes:
        user_config: settings of this machine; read when first needed.
        meter_setting: the setting with a meter that replaces the configured one.
        environ: environment variables.
        progress: receives each step.
        clock: time.
        powercap: where Linux shows the energy counters of CPUs.
        baselines: idle power measured so far.
        model_cache: keeps the model between experiments that load it in the same way.
        runner: the runner that started this process, as written.
        image: the container image that this process runs in, by its digest; None without one of a runner.
    """

    progress: Progress = field(default_factory=Logged)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    clock: Clock = field(default_factory=SystemClock)
    powercap: Path = POWERCAP
    baselines: BaselineCache = field(default_factory=BaselineCache)
    model_cache: ModelCache = field(default_factory=NoModelCache)
    user_config: UserConfig | None = None
    runner: str = LOCAL
    image: str | None = None
    meter_setting: MeterSetting = IN_CONFIG

    def setting(self, meter_name: str | None) -> MeterSetting:
        """The setting with the meter of an experiment; None = its configuration."""
        return IN_CONFIG if meter_name is None else self.meter_setting

    def settings(self) -> UserConfig:
        """The user's settings.

        Raises:
            ConfigError: the user config is invalid.
        """
        if self.user_config is None:
            self.user_config = load_user_config()
        return self.user_config


@contextmanager
def opened(
    config: ExperimentConfig,
    session: Session,
    metering: Metering | None = None,
    *,
    meter_name: str | None = None,
    process_group: ProcessGroup | None = None,
    only_gpu: int | None = None,
) -> Iterator[OpenExperiment]:
    """An experiment that is loaded and warm in this process, for any number of measurements. Call `findings_with_torch` first.

    The caller releases a meter that it passes; a meter that is chosen here, by `meter_name` or by the configuration, is
    released here. A process of a group uses only the visible GPU with the number `only_gpu`.

    Raises:
        PreFlightError: the meter that was named is not available.
        ExperimentError: the experiment failed.
    """
    with (
        devices_of(config, session, only_gpu, sampling=True) as devices,
        metered(
            meter_name or config.energy.backend,
            session,
            devices,
            metering or _unmeasured(config),
            session.setting(meter_name),
        ) as using,
    ):
        for note in notes(config, session.environ, using.choice, gpu_infos(devices)):
            session.progress.note(note)
        instruments = instruments_for(config, session, using, devices, process_group or Alone())
        with create_backend(config.backend, instruments).open(config) as experiment:
            yield experiment


def findings_with_torch(
    config: ExperimentConfig,
    session: Session,
    output_dir: Path | None = None,
    meter_name: str | None = None,
    processes: int | None = None,
    local_processes: int | None = None,
    ask_hub: AskHub = hub_findings,
) -> tuple[Finding, ...]:
    """Everything that would make an experiment fail here, found without starting it.

    Args:
        config: the experiment.
        session: the session that it shares with other experiments.
        output_dir: the directory for results; None when nothing is written.
        meter_name: the meter that will be used, null for a meter of the caller; None = as configured.
        processes: number of processes that a launcher has started; None = as configured.
        local_processes: number of them on this machine; None = all.
        ask_hub: asks the hub about files that are not on this machine.
    """
    named = config if meter_name is None else _with_meter(config, meter_name)
    return findings_of(
        Request(
            named,
            output_dir,
            processes=processes,
            local_processes=local_processes,
            environ=session.environ,
            cuda_devices=lambda: backend_devices(config.backend).device_count(),
            meters=partial(_meter_findings, config, session, session.setting(meter_name)),
            hub=ask_hub,
        )
    )


def _with_meter(config: ExperimentConfig, name: str) -> ExperimentConfig:
    return config.model_copy(update={"energy": EnergyConfig.model_validate({"backend": name})})


def _meter_findings(config: ExperimentConfig, session: Session, setting: MeterSetting, name: str) -> list[Finding]:
    """Findings about a meter; the devices are opened only for a named meter, because that takes time."""
    if name in ("auto", "null"):
        return []
    with devices_of(config, session) as devices:
        return meter_findings(name, devices, setting=setting)


def check_machine(config: ExperimentConfig, session: Session) -> None:
    """Read the user's settings and the environment, so that an error there is reported before anything starts.

    Raises:
        ConfigError: the user config or a variable is invalid.
        PreFlightError: a limit on this process leaves less memory than torch needs to be imported.
    """
    resolve_runner(config.backend, session.settings(), session.environ)
    resolve_measurement(session.settings(), session.environ)
    found = tuple(limit_findings())
    if found:
        raise PreFlightError(found)


def devices_of(
    config: ExperimentConfig, session: Session, only_gpu: int | None = None, *, sampling: bool = False
) -> AbstractContextManager[MeterContext]:
    """The GPUs that an experiment will use; each of several processes has its own GPU."""
    how_many = gpus_used(config)
    if how_many == 0:
        return open_devices(session.clock, session.environ, how_many=0, powercap=session.powercap)
    return open_devices(
        session.clock,
        session.environ,
        how_many,
        backend_devices(config.backend).uuids,
        first=0 if how_many is None or only_gpu is None else only_gpu,
        sampling=sampling,
        powercap=session.powercap,
        server=_server_gpus(config),
    )


def _server_gpus(config: ExperimentConfig) -> ServerGpus | None:
    """How to find the GPUs of a model in other processes; None for a backend that has it in its own."""
    devices = backend_devices(config.backend)
    if not isinstance(devices, ServerDevices):
        return None
    return ServerGpus(partial(devices.measured_gpus, config), partial(devices.own_processes, config))


def _unmeasured(config: ExperimentConfig) -> Metering | None:
    """The meter of a server on another machine, which measures nothing; None for every other experiment."""
    if config.backend != "server" or config.server_settings.effective_energy == "local":
        return None
    return Metering(NoMeter(ELSEWHERE), MeterChoice(name=NoMeter.name, reason=ELSEWHERE))


@contextmanager
def metered(
    declared: str,
    session: Session,
    devices: MeterContext,
    given: Metering | None = None,
    setting: MeterSetting = IN_CONFIG,
) -> Iterator[Metering]:
    """The requested meter, or one that the user's settings allow for `auto`; released at the end.

    Raises:
        PreFlightError: a meter named explicitly is not available.
    """
    if given is not None:
        yield given
        return
    metering = choose_meter(declared, session.settings().measurement.energy_backend, devices, setting=setting)
    try:
        yield metering
    finally:
        metering.meter.release()


def instruments_for(
    config: ExperimentConfig, session: Session, metering: Metering, devices: MeterContext, process_group: ProcessGroup
) -> Instruments:
    """All parts of the measurement except the model."""
    machine = resolve_measurement(session.settings(), session.environ)
    return Instruments(
        metering=metering,
        prompts=open_dataset(config.dataset, config.n, config.random_seed, config.apply_chat_template),
        snapshot=lambda engine: take_snapshot(
            gpu_infos(devices),
            engine.cuda_facts(),
            driver_version(devices),
            runner=session.runner,
            image=session.image,
        ),
        collectors=(
            TokenCollector(), LatencyCollector(), PhaseCollector(), MemoryCollector(),
            HostCollector(instrument_cpu=devices.sampler.cpu_seconds if devices.sampler else lambda: None),
            PalmFlopsCollector(), ExactFlopsCollector(), TrafficCollector(),
        ),
        sampler=devices.sampler or NoSensors(),
        clock=session.clock,
        progress=session.progress,
        baselines=session.baselines,
        model_cache=session.model_cache,
        process_group=process_group,
        gpu_processes=partial(gpu_processes, devices),
        carbon=Carbon(machine.carbon_intensity_gco2_kwh, machine.datacenter_pue),
    )  # fmt: skip
