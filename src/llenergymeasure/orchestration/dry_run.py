"""The checks before a run, without importing torch and without the network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.backends.registry import BACKENDS
from llenergymeasure.core.machine.torch_build import built_for_cuda
from llenergymeasure.exceptions import Finding
from llenergymeasure.orchestration.preflight import Request, findings_of

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from llenergymeasure.core.devices import MeterContext


def findings_without_torch(
    config: ExperimentConfig, output_dir: Path | None, environ: Mapping[str, str]
) -> tuple[Finding, ...]:
    """Everything that would make an experiment fail here, as far as files and NVML show it.

    Args:
        config: the experiment.
        output_dir: the directory for results; None when nothing is written.
        environ: environment variables.
    """
    request = Request(config, output_dir, online=False, environ=environ, cuda_devices=partial(_cuda_devices, environ))
    return findings_of(request) if config.energy.backend in ("auto", "null") else _with_meter(request)


def _with_meter(request: Request) -> tuple[Finding, ...]:
    """Also check the meter that was named, with the GPUs that the run would use."""
    from llenergymeasure.core.energy.select import meter_findings  # noqa: PLC0415 - takes time that most checks need not spend

    with devices_without_torch(request.config, request.environ) as devices:
        return findings_of(replace(request, meters=partial(meter_findings, context=devices)))


def devices_without_torch(config: ExperimentConfig, environ: Mapping[str, str]) -> AbstractContextManager[MeterContext]:
    """The GPUs that the run would use."""
    from llenergymeasure.core.devices import open_devices  # noqa: PLC0415 - takes time that most checks need not spend
    from llenergymeasure.core.machine.clock import SystemClock  # noqa: PLC0415 - the same

    without_cuda = "torch" in BACKENDS[config.backend].needs and built_for_cuda() is False
    return open_devices(SystemClock(), environ, 0 if without_cuda else config.gpus_wanted)


def _cuda_devices(environ: Mapping[str, str]) -> int | None:
    """Number of CUDA devices that this process would see; None when it is not known without torch."""
    from llenergymeasure.core.devices import open_devices  # noqa: PLC0415 - takes time that most checks need not spend
    from llenergymeasure.core.machine.clock import SystemClock  # noqa: PLC0415 - the same

    usable = built_for_cuda()
    if not usable:
        return None if usable is None else 0
    # The order of the devices does not change their number.
    with open_devices(SystemClock(), {**environ, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}) as devices:
        return len(devices.gpus)
