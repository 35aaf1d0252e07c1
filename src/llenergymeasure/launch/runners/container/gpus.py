"""Which GPUs a container gets: those that CUDA_VISIBLE_DEVICES shows to this process."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from llenergymeasure.launch.runners.container.engine import EngineName

# The device of NVIDIA's driver, on Linux and in WSL.
DEVICES = ("nvidiactl", "dxg")
# A whole UUID of a GPU or of a MIG instance. CUDA also takes its beginning, which the engines do not.
_UUID = re.compile(r"(GPU|MIG)-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ALL = ("all",)


def has_gpus(devices: Path = Path("/dev")) -> bool:
    """Whether this machine has a driver for NVIDIA GPUs."""
    return any((devices / name).exists() for name in DEVICES)


def gpus_shown(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The GPUs to give to a container: their UUIDs, `all`, or none.

    Numbers depend on the order of CUDA, which is the same in the container only if it has all GPUs. Then CUDA_VISIBLE_DEVICES
    chooses there, as it does here.
    """
    text = environ.get("CUDA_VISIBLE_DEVICES")
    if text is None:
        return _ALL
    entries = tuple(entry.strip() for entry in text.split(","))
    if all(map(_UUID.fullmatch, entries)):
        return entries
    return _ALL if entries[0] and not entries[0].startswith("-") else ()


def gpu_options(engine: EngineName, gpus: tuple[str, ...]) -> tuple[str, ...]:
    """The options of the command `run` that give these GPUs to the container."""
    if engine == "podman":
        return tuple(option for gpu in gpus for option in ("--device", f"nvidia.com/gpu={gpu}"))
    if not gpus:
        return ()
    # The engine reads the value as CSV; the quotes keep the list of devices together.
    return ("--gpus", "all" if gpus == _ALL else f'"device={",".join(gpus)}"')
