"""Finds and reads the energy counters of Linux powercap, and states why they cannot be read.

```
/sys/class/powercap/intel-rapl:0      package-0    counted
/sys/class/powercap/intel-rapl:0:0    core         a part of package-0
/sys/class/powercap/intel-rapl:0:1    dram         counted: the memory is outside the package
/sys/class/powercap/intel-rapl:1      psys         the platform, which contains the packages
```

AMD processors have the same names since Linux 5.8. The zones `intel-rapl-mmio:N` show the same packages a second time and
are not read. Source: Documentation/power/powercap/powercap.rst of Linux.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from llenergymeasure.core.energy.ticks import polls
from llenergymeasure.exceptions import MeterError, ReadingFailed, SensorAbsent, SensorFault
from llenergymeasure.protocols import Clock

JOULES_PER_UJ = 1e-6
# The counter has 32 bits, so its range is this number of steps (Intel SDM volume 3, "RAPL interfaces").
COUNTER_STEPS = 2**32 - 1
# A decision: a working counter advances about every millisecond (Intel SDM volume 3, "RAPL interfaces"), so one that does not
# advance for a hundred of them is absent. A probe must not take longer.
STILL_S = 0.1
_POLL_S = 0.001
_FOLDER = re.compile(r"intel-rapl:(\d+)(?::(\d+))?")


@dataclass(frozen=True)
class Zone:
    """One energy counter.

    Attributes:
        name: `package-0`, `package-0/dram`, `package-0/core`, `psys`.
        folder: its folder below powercap.
        range_uj: the value after which the counter begins at 0 again, in uJ.
        counted: whether it is a part of the total; the others are contained in a counted zone, or contain one.
    """

    name: str
    folder: Path
    range_uj: int
    counted: bool

    @property
    def counter(self) -> Path:
        """The file of the counter."""
        return self.folder / "energy_uj"

    @property
    def is_package(self) -> bool:
        """Whether it is a whole CPU package."""
        return self.counted and "/" not in self.name

    @property
    def step_j(self) -> float:
        """The resolution of the counter in J."""
        return self.range_uj * JOULES_PER_UJ / COUNTER_STEPS

    def read_uj(self) -> int:
        """The counter in uJ.

        Raises:
            SensorFault: it has vanished, or may not be read.
            ReadingFailed: it shows no number.
        """
        try:
            with self.counter.open("rb", buffering=0) as file:
                return int(file.read(32))
        except OSError as error:
            raise SensorFault(f"can no longer be read ({self.counter}: {error.strerror})") from error
        except ValueError as error:
            raise ReadingFailed(f"shows no number ({self.counter})") from error


def find_zones(root: Path) -> tuple[Zone, ...]:
    """The zones below powercap, packages and platform in their order, each followed by its parts."""
    places = ((found, path) for path in root.glob("intel-rapl:*") if (found := _FOLDER.fullmatch(path.name)))
    in_order = sorted((int(found[1]), int(found[2] or -1), path) for found, path in places)
    above = {number: name for number, part, path in in_order if part < 0 and (name := _text(path / "name"))}
    zones = [_zone(above[number], part >= 0, path) for number, part, path in in_order if number in above]
    return _with_unique_names([zone for zone in zones if zone is not None])


def _with_unique_names(zones: Sequence[Zone]) -> tuple[Zone, ...]:
    """Zones that share a name, such as two platforms, are named with their folders too."""
    count = Counter(zone.name for zone in zones)
    return tuple(
        replace(zone, name=f"{zone.name} ({zone.folder.name})") if count[zone.name] > 1 else zone for zone in zones
    )


def _zone(above: str, is_part: bool, folder: Path) -> Zone | None:
    """The zone of a folder; None when its name or its range is not shown."""
    name, range_uj = _text(folder / "name"), _text(folder / "max_energy_range_uj")
    if not name or not range_uj.isdecimal():
        return None
    is_package = above.startswith("package")
    counted = is_package and (not is_part or name == "dram")
    return Zone(f"{above}/{name}" if is_part else name, folder, int(range_uj), counted)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def working_zones(root: Path, clock: Clock) -> tuple[Zone, ...]:
    """The zones whose counters can be read and advance.

    Raises:
        SensorAbsent: there is no package whose counter advances.
        SensorFault: the counter of a package or its memory may not be read.
    """
    zones = find_zones(root)
    if not any(zone.counted for zone in zones):
        raise SensorAbsent(_no_package(root))
    errors = {zone.name: _error_of(zone) for zone in zones}
    for zone in zones:
        error = errors[zone.name]
        if zone.counted and error is not None:
            raise SensorFault(_why_unreadable(zone, error)) from error
    readable = [zone for zone in zones if errors[zone.name] is None]
    still = _without_ticks(readable, clock)
    packages = [zone.name for zone in still if zone.is_package]
    if packages:
        raise SensorAbsent(f"the counter of {packages[0]} does not advance, as on some virtual machines")
    return tuple(zone for zone in readable if zone not in still)


def _no_package(root: Path) -> str:
    if not root.is_dir():
        return f"there is no {root}, as on most virtual machines and on other systems than Linux"
    return f"{root} shows no CPU package, as in most containers and virtual machines"


def _error_of(zone: Zone) -> MeterError | None:
    """The error of reading the counter once; None when it shows a number."""
    try:
        zone.read_uj()
    except MeterError as error:
        return error
    return None


def _why_unreadable(zone: Zone, error: MeterError) -> str:
    if isinstance(error.__cause__, PermissionError):
        return f"{zone.counter} can be read by root only"
    return f"the energy counter of {zone.name} {error}"


def _without_ticks(zones: Sequence[Zone], clock: Clock) -> list[Zone]:
    """The zones whose counters do not advance within `STILL_S`; it returns as soon as all have advanced."""
    before = {zone.name: zone.read_uj() for zone in zones}
    still = list(zones)
    for _ in polls(clock, _POLL_S, STILL_S):
        still = [zone for zone in still if zone.read_uj() == before[zone.name]]
        if not still:
            break
    return still


def permission(root: Path) -> str | None:
    """The command that lets this user read the counters; None when missing permission is not the problem."""
    errors = [_error_of(zone) for zone in find_zones(root) if zone.counted]
    if not any(error is not None and isinstance(error.__cause__, PermissionError) for error in errors):
        return None
    files = f"{root}/intel-rapl:*/energy_uj"
    return f"sudo chgrp $(id -gn) {files} && sudo chmod g+r {files}"


def counted_names(zones: Sequence[Zone]) -> Iterator[str]:
    """The names of the zones that are summed."""
    return (zone.name for zone in zones if zone.counted)
