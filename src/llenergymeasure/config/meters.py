"""The registry of energy meters: what is known about a meter without importing it.

It is read by the configuration (valid names), by the selection of a meter and `llem config` (probe and fix), by
`llem --version`, by the notes on accuracy and by the pytest plugin. A new meter needs one module with `probe(context)`
and `create(context)`, and one entry: here, or in a package of its own with an entry point in `llenergymeasure.meters`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from llenergymeasure.config.extensions.table import METER_GROUP, Table


@dataclass(frozen=True)
class MeterEntry:
    """One meter of the registry.

    Attributes:
        module: the module with `probe(context)` and `create(context)`. `probe` returns None when the meter is available,
            else the reason; it imports nothing heavy and never raises. `create` makes the meter. `context` is a
            `MeterContext`.
        distributions: package-index names of the packages whose versions are recorded for the meter.
        fix: what to do when the meter is not available. Where the module has a function `fix(context)` that returns a
            command for this machine, the command takes its place.
        accuracy: the accuracy of the energy values, for the notes of a result.
        covers_gpus: whether it measures GPUs. For an experiment on GPUs, `auto` chooses only among these.
        gpus_alone: whether its total for an experiment on GPUs is that of the GPUs alone. The CPUs of the host are then
            measured beside it.
        models_cpus: whether it estimates the energy of CPUs from their load where it reads no counters.
    """

    module: str
    distributions: tuple[str, ...]
    fix: str
    accuracy: str
    covers_gpus: bool = True
    gpus_alone: bool = False
    models_cpus: bool = False

    def probe(self, context: Any) -> str | None:
        """None when the meter is available, else the reason."""
        why_not: str | None = import_module(self.module).probe(context)
        return why_not

    def create(self, context: Any) -> Any:
        """Make the meter, an `EnergyBackend`."""
        return import_module(self.module).create(context)

    def fix_on(self, context: Any) -> str:
        """What to do on this machine when the meter is not available."""
        return self.command_on(context) or self.fix

    def command_on(self, context: Any) -> str | None:
        """The command that makes the meter available on this machine; None when none is known."""
        fix_of_module = getattr(import_module(self.module), "fix", None)
        return None if fix_of_module is None else fix_of_module(context)


@dataclass(frozen=True)
class MeterSetting:
    """Where a meter is named, for messages: the name of the setting, and how it is set to `auto`."""

    name: str
    to_auto: str

    def switched_off(self, declared: str) -> str:
        """Why energy is not measured: the meter is null in the configuration, or in the user config."""
        return f"{self.name} is null: energy measurement is switched off" if declared == "null" else OFF_BY_USER


# Where Linux shows the energy counters of CPUs.
POWERCAP = Path("/sys/class/powercap")
OFF_BY_USER = "measurement.energy_backend of the user config is null: energy measurement is switched off"
IN_CONFIG = MeterSetting("energy.backend", "energy.backend: auto")

_NVML_ACCURACY = (
    "Power sensors read through NVML are documented as accurate within 5 W or 5 %, whichever the device states; "
    "the error is mostly a stable gain of the card, so comparisons on one card are better than absolute numbers."
)

_RAPL_ACCURACY = (
    "Energy is that of the CPU packages and of the memory where it has a counter, read from their RAPL counters. The "
    "manufacturer states no accuracy; 5 % is assumed. It includes what other processes used. Disks, fans and the power "
    "supply are not included."
)

# In the order of `auto`, which docs/accuracy.md explains.
_BUILT_IN: Mapping[str, MeterEntry] = {
    "nvml": MeterEntry(
        module="llenergymeasure.core.energy.nvml",
        distributions=("nvidia-ml-py",),
        fix="check the driver with: nvidia-smi",
        accuracy=_NVML_ACCURACY,
        gpus_alone=True,
    ),
    "zeus": MeterEntry(
        module="llenergymeasure.core.energy.zeus",
        distributions=("zeus",),
        fix='pip install "llenergymeasure[zeus]"',
        accuracy=_NVML_ACCURACY,
        gpus_alone=True,
    ),
    "rapl": MeterEntry(
        module="llenergymeasure.core.energy.rapl.meter",
        distributions=(),
        fix="run on a Linux machine, not a virtual one, where this lists counters: ls /sys/class/powercap",
        accuracy=_RAPL_ACCURACY,
        covers_gpus=False,
    ),
    "codecarbon": MeterEntry(
        module="llenergymeasure.core.energy.codecarbon.meter",
        distributions=("codecarbon",),
        fix='pip install "llenergymeasure[codecarbon]"',
        accuracy=_NVML_ACCURACY,
        gpus_alone=True,
        models_cpus=True,
    ),
}

METERS: Table[MeterEntry] = Table(_BUILT_IN, METER_GROUP, MeterEntry, "meter")

# Valid values of `energy.backend`: the first available meter, a meter by name, or no meter on purpose. Packages may add names.
METER_NAMES = ("auto", *METERS, "null")
