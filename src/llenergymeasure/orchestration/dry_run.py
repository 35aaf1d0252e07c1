"""The checks before a run, with the same findings, where torch is not imported and the network is not asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.machine.torch_build import built_for_cuda
from llenergymeasure.exceptions import Finding, PreFlightError
from llenergymeasure.orchestration.preflight import Request, findings_of, refuse
from llenergymeasure.orchestration.ulimits import limit_findings


def check_without_torch(configs: Sequence[ExperimentConfig], output_dir: Path, environ: Mapping[str, str]) -> None:
    """Look for everything that would make any of the experiments fail here, as far as files and NVML tell.

    Raises:
        PreFlightError: with every finding; where there are several experiments, each finding names its own.
    """
    found = tuple(limit_findings())
    if found:
        raise PreFlightError(found)
    refuse([findings_without_torch(config, output_dir, environ) for config in configs])


def findings_without_torch(
    config: ExperimentConfig, output_dir: Path, environ: Mapping[str, str]
) -> tuple[Finding, ...]:
    """What would make one experiment fail here."""
    request = Request(config, output_dir, online=False, environ=environ, cuda_devices=partial(_cuda_devices, environ))
    return findings_of(request) if config.energy.backend in ("auto", "null") else _with_meter(request)


def _with_meter(request: Request) -> tuple[Finding, ...]:
    """A meter was named: whether it works is asked of the GPUs that the run would use."""
    from llenergymeasure.core.devices import open_devices  # noqa: PLC0415 - takes time that most checks need not spend
    from llenergymeasure.core.energy.select import meter_findings  # noqa: PLC0415 - the same
    from llenergymeasure.core.machine.clock import SystemClock  # noqa: PLC0415 - the same

    section = request.config.pytorch_settings
    none = section.device == "cpu" or built_for_cuda() is False
    how_many = 0 if none else None if section.device_map is not None else 1
    with open_devices(SystemClock(), request.environ, how_many) as devices:
        return findings_of(replace(request, meters=partial(meter_findings, context=devices)))


def _cuda_devices(environ: Mapping[str, str]) -> int | None:
    """How many devices CUDA would show to this process; None where that is not known without torch."""
    from llenergymeasure.core.devices import open_devices  # noqa: PLC0415 - takes time that most checks need not spend
    from llenergymeasure.core.machine.clock import SystemClock  # noqa: PLC0415 - the same

    usable = built_for_cuda()
    if not usable:
        return None if usable is None else 0
    # The order of the devices changes which are shown, and not how many.
    with open_devices(SystemClock(), {**environ, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}) as devices:
        return len(devices.gpus)
