"""Whether each meter could measure here: real probes, that import nothing heavy and never raise.

A probe answers None when the meter is available, else why not.
"""

from __future__ import annotations

import os
import shutil
from importlib import metadata
from importlib.util import find_spec

from llenergymeasure.core.devices import MeterContext
from llenergymeasure.core.energy.zeus import zeus_numbers
from llenergymeasure.exceptions import MeterError


def zeus(context: MeterContext) -> str | None:
    """Installed, not beside its old name, finds every GPU by its number, and each has a counter that answers."""
    if _installed("zeus-ml"):
        return "zeus-ml, the old name of zeus, is installed and breaks it; run: pip uninstall -y zeus-ml zeus && pip install zeus"
    if find_spec("zeus") is None or not _installed("zeus"):
        return "zeus is not installed"
    return _no_gpu(context) or _hidden_from_zeus(context) or _no_counter(context)


def nvml(context: MeterContext) -> str | None:
    """A GPU that tells energy or power."""
    return _no_gpu(context) or _tells_nothing(context)


def codecarbon(context: MeterContext) -> str | None:
    """Installed. Without nvidia-smi it does not see the GPUs, which would make its total a modelled CPU."""
    if find_spec("codecarbon") is None:
        return "codecarbon is not installed"
    if context.gpus and shutil.which("nvidia-smi") is None:
        return "codecarbon ignores the GPUs because nvidia-smi is not on the PATH"
    return None


def _installed(distribution: str) -> bool:
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def _no_gpu(context: MeterContext) -> str | None:
    return None if context.gpus else context.no_gpu_reason


def _hidden_from_zeus(context: MeterContext) -> str | None:
    try:
        zeus_numbers(context.gpus, os.environ.get("CUDA_VISIBLE_DEVICES"))
    except MeterError as error:
        return str(error)
    return None


def _no_counter(context: MeterContext) -> str | None:
    for gpu in context.gpus:
        try:
            if context.door is None or context.door.energy_j(gpu) is None:
                return f"GPU {gpu.index} ({gpu.name}) has no energy counter"
        except MeterError as error:
            return f"GPU {gpu.index} ({gpu.name}): {error}"
    return None


def _tells_nothing(context: MeterContext) -> str | None:
    for gpu in context.gpus:
        try:
            if context.door is None:
                return context.no_gpu_reason
            context.door.power(gpu)
        except MeterError as error:
            return f"GPU {gpu.index} ({gpu.name}): {error}"
    return None
