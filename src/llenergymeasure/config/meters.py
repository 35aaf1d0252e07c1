"""The energy meters, one entry each: all that is known of a meter without importing it.

Read by the configuration (which names may be written), by the choice of a meter and `llem config` (probe and cure), by
`llem --version`, by the notes on accuracy and by the pytest plugin. A new meter is one module with `probe(context)` and
`create(context)`, and its entry here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class MeterEntry:
    """What is known of a meter.

    Attributes:
        module: has `probe(context)`, which answers None when the meter is available, else why not, imports nothing heavy
            and never raises; and `create(context)`, which makes the meter. `context` is a `MeterContext`.
        distributions: packages whose versions tell it, by their names at the package index.
        cure: what to do when it is not available.
        accuracy: what a reader should know about the joules that it measures.
    """

    module: str
    distributions: tuple[str, ...]
    cure: str
    accuracy: str

    def probe(self, context: Any) -> str | None:
        """None when it is available, else why not."""
        why_not: str | None = import_module(self.module).probe(context)
        return why_not

    def create(self, context: Any) -> Any:
        """Make the meter, an `EnergyBackend`."""
        return import_module(self.module).create(context)


_NVML_ACCURACY = (
    "Power sensors read through NVML are documented as accurate within 5 W or 5 %, whichever the device states; "
    "the error is mostly a stable gain of the card, so comparisons on one card are better than absolute numbers."
)

# In the order of `auto`.
METERS: Mapping[str, MeterEntry] = {
    "zeus": MeterEntry(
        module="llenergymeasure.core.energy.zeus",
        distributions=("zeus",),
        cure='pip install "llenergymeasure[zeus]"',
        accuracy=_NVML_ACCURACY,
    ),
    "nvml": MeterEntry(
        module="llenergymeasure.core.energy.nvml",
        distributions=("nvidia-ml-py",),
        cure="check the driver with: nvidia-smi",
        accuracy=_NVML_ACCURACY,
    ),
    "codecarbon": MeterEntry(
        module="llenergymeasure.core.energy.codecarbon.meter",
        distributions=("codecarbon",),
        cure='pip install "llenergymeasure[codecarbon]"',
        accuracy=_NVML_ACCURACY,
    ),
}

# What `energy.backend` may be: the first available, one by its name, or none on purpose.
METER_NAMES = ("auto", *METERS, "null")
