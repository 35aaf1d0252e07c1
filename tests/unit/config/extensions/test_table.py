"""A table of built-in parts that also finds those of installed packages, and looks for them only when it has to."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from llenergymeasure.config.extensions.table import METER_GROUP, Table
from llenergymeasure.config.meters import MeterEntry
from llenergymeasure.exceptions import ConfigError

NVML = MeterEntry("core.nvml", (), "", "")
STRIP = MeterEntry("strip.meter", ("strip",), "plug it in", "1 %")


class Point:
    """An entry point of a package."""

    def __init__(self, name, entry, package="strip"):
        self.name, self.value, self._entry = name, f"{package}:METER", entry
        self.dist = SimpleNamespace(name=package, version="1.2")

    def load(self):
        if isinstance(self._entry, BaseException):
            raise self._entry
        return self._entry


def table(*points):
    asked = []

    def read(group):
        asked.append(group)
        return points

    return Table({"nvml": NVML}, METER_GROUP, MeterEntry, "meter", read), asked


def test_a_built_in_name_is_found_without_reading_entry_points():
    found, asked = table(Point("strip", STRIP))
    assert (found["nvml"], list(found), len(found)) == (NVML, ["nvml"], 1)
    assert asked == []


def test_another_name_is_that_of_a_package():
    found, asked = table(Point("strip", STRIP))
    assert "strip" in found
    assert found["strip"] is STRIP
    assert set(asked) == {"llenergymeasure.meters"}
    assert found.installed_names() == ("strip",)
    assert found.everything() == {"nvml": NVML, "strip": STRIP}


def test_a_name_that_nothing_offers_is_not_in_the_table():
    found, _ = table()
    assert "strip" not in found
    with pytest.raises(KeyError):
        found["strip"]


UNUSABLE = {
    "meter 'strip' of package strip 1.2 cannot be loaded (ImportError: no module named usb); repair or uninstall the package": [
        Point("strip", ImportError("no module named usb"))
    ],
    "meter 'strip' of package strip 1.2 is int, not MeterEntry; its entry point strip:METER must name a MeterEntry": [
        Point("strip", 5)
    ],
    "meter 'strip' of packages other 1.2, strip 1.2 has several definitions; uninstall all but one": [
        Point("strip", STRIP),
        Point("strip", STRIP, "other"),
    ],
}


@pytest.mark.parametrize("words", UNUSABLE)
def test_a_package_that_cannot_be_used_is_one_message(words):
    found, _ = table(*UNUSABLE[words])
    with pytest.raises(ConfigError) as caught:
        found["strip"]
    assert str(caught.value) == words
    assert str(found.everything()["strip"]) == words


def test_a_built_in_part_keeps_its_name_and_the_list_reports_the_other():
    found, _ = table(Point("nvml", STRIP))
    assert found["nvml"] is NVML
    assert found.installed_names() == ()
    message = str(found.everything()["nvml of package strip 1.2"])
    assert message == (
        "meter 'nvml' of package strip 1.2 has the name of a built-in one and is not used; give it another name there"
    )
