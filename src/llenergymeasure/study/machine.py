"""This machine as a study uses it: its environment, its temperatures, and what measures an experiment."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial

from llenergymeasure.core.devices import MeterContext, driver_version, gpu_infos, open_devices
from llenergymeasure.core.machine.environment import take_snapshot
from llenergymeasure.domain.study.design import Protocol, StudyDesign
from llenergymeasure.exceptions import MeterError
from llenergymeasure.launch.fresh import FreshProcesses
from llenergymeasure.launch.open import measure_once
from llenergymeasure.launch.runners.ask import snapshots_elsewhere
from llenergymeasure.orchestration.orchestrator import Session
from llenergymeasure.progress import NotesOnce
from llenergymeasure.study.environment import environment_of
from llenergymeasure.study.files.manifest import StudyEnvironment
from llenergymeasure.study.gaps import Thermometer
from llenergymeasure.study.table import Measure


@dataclass(frozen=True)
class Machine:
    """A machine on which runs are made.

    Attributes:
        host: its name.
        environment: its GPUs, driver and versions.
        gpus: names of the visible GPUs with their UUIDs, as in the row of a run.
        thermometer: reads the temperatures of these GPUs.
    """

    host: str
    environment: StudyEnvironment
    gpus: tuple[str, ...]
    thermometer: Thermometer


@contextmanager
def opened_machine(design: StudyDesign, session: Session) -> Iterator[Machine]:
    """This machine, with the GPUs that a study of this design sees."""
    on_cpu = all(cell.config.gpus_wanted == 0 for cell in design.cells)
    with open_devices(session.clock, session.environ, 0 if on_cpu else None) as devices:
        gpus = gpu_infos(devices)
        snapshot = take_snapshot(gpus, None, driver_version(devices))
        backends = {cell.config.backend for cell in design.cells}
        elsewhere = snapshots_elsewhere(backends, session.settings(), session.environ)
        yield Machine(
            host=platform.node(),
            environment=environment_of(snapshot, backends, elsewhere),
            gpus=tuple(f"{gpu.name} ({gpu.uuid})" for gpu in gpus),
            thermometer=partial(_temperatures, devices),
        )


def _temperatures(devices: MeterContext) -> dict[str, float]:
    """Temperature of each GPU in C by UUID; a GPU that reports none is left out."""
    found: dict[str, float] = {}
    for gpu in devices.gpus:
        with suppress(MeterError):
            celsius = None if devices.door is None else devices.door.conditions(gpu).temperature_c
            found |= {} if celsius is None else {gpu.uuid: celsius}
    return found


@contextmanager
def measuring(protocol: Protocol, session: Session) -> Iterator[Measure]:
    """What measures one experiment, as isolated as the protocol says. A note that several runs have is shown once."""
    session = replace(session, progress=NotesOnce(session.progress))
    if protocol.isolation == "none":
        yield lambda config, log: measure_once(config, session)
        return
    with FreshProcesses(session, protocol.isolation) as fresh:
        yield lambda config, log: fresh.measure(config, timeout_s=protocol.timeout_s, log=log)
