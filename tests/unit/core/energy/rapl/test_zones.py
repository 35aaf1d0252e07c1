"""The zones of powercap: which there are, which are summed, and why they cannot be read."""

from __future__ import annotations

import pytest

from llenergymeasure.core.energy.rapl.zones import find_zones, permission, working_zones
from llenergymeasure.exceptions import ReadingFailed, SensorAbsent, SensorFault
from llenergymeasure.testing import FakeClock
from powercapsim import FINE_RANGE_UJ, Draw, SimClock, SimPowercap, SimZone, only_for_root, package, part


@pytest.fixture
def a_tree(tmp_path):
    """Writes a tree, and returns its root and a clock that moves its counters."""

    def make(*zones):
        clock = SimClock()
        tree = SimPowercap(tmp_path / "powercap", zones, clock.seconds)
        clock.moved = tree.update
        return tree.root, clock

    return make


def names(zones):
    return {zone.name: zone.counted for zone in zones}


def test_packages_and_their_memory_are_summed_and_what_they_contain_is_not(a_tree):
    root, _ = a_tree(package(), part("core"), part("uncore", number=1), part("dram", number=2))
    assert names(find_zones(root)) == {
        "package-0": True, "package-0/core": False, "package-0/uncore": False, "package-0/dram": True,
    }  # fmt: skip


def test_the_platform_contains_the_packages_and_is_not_summed(a_tree):
    root, _ = a_tree(package(), SimZone("intel-rapl:1", "psys", Draw()))
    assert names(find_zones(root)) == {"package-0": True, "psys": False}


def test_two_sockets_are_in_the_order_of_their_numbers(a_tree):
    root, _ = a_tree(package(10), package(2), part("dram", of=10), part("dram", of=2))
    assert list(names(find_zones(root))) == ["package-2", "package-2/dram", "package-10", "package-10/dram"]


def test_an_amd_processor_has_packages_with_cores_and_no_memory(a_tree):
    root, _ = a_tree(*(zone for n in (0, 1) for zone in (package(n), part("core", of=n))))
    assert [name for name, counted in names(find_zones(root)).items() if counted] == ["package-0", "package-1"]


def test_the_dies_of_a_package_are_summed(a_tree):
    root, _ = a_tree(
        SimZone("intel-rapl:0", "package-0-die-0", Draw()), SimZone("intel-rapl:1", "package-0-die-1", Draw())
    )
    assert all(names(find_zones(root)).values())


def test_zones_that_share_a_name_are_named_with_their_folders(a_tree):
    packages = [SimZone(f"intel-rapl:{number}", "package-0", Draw()) for number in (0, 1)]
    root, _ = a_tree(*packages, SimZone("intel-rapl:2", "psys", Draw()))
    assert names(find_zones(root)) == {
        "package-0 (intel-rapl:0)": True, "package-0 (intel-rapl:1)": True, "psys": False,
    }  # fmt: skip


def test_the_second_view_of_a_package_is_not_read(a_tree):
    root, _ = a_tree(package(), SimZone("intel-rapl-mmio:0", "package-0", Draw()))
    (root / "intel-rapl").mkdir()
    assert [zone.folder.name for zone in find_zones(root)] == ["intel-rapl:0"]


def test_a_folder_without_a_name_or_a_range_is_no_zone(a_tree):
    root, _ = a_tree(package(0), package(1), package(2))
    (root / "intel-rapl:0" / "name").unlink()
    (root / "intel-rapl:1" / "max_energy_range_uj").write_text("unknown\n")
    assert list(names(find_zones(root))) == ["package-2"]


def test_the_resolution_follows_from_the_range(a_tree):
    root, _ = a_tree(package(0), package(1, range_uj=FINE_RANGE_UJ))
    assert [zone.step_j * 1e6 for zone in find_zones(root)] == pytest.approx([61.035, 15.3], rel=1e-3)


def test_a_machine_without_powercap_has_no_counter(tmp_path):
    with pytest.raises(SensorAbsent, match=r"there is no .*powercap, as on most virtual machines"):
        working_zones(tmp_path / "powercap", FakeClock())


def test_a_masked_powercap_has_no_package(tmp_path):
    with pytest.raises(SensorAbsent, match="shows no CPU package, as in most containers"):
        working_zones(tmp_path, FakeClock())


def test_a_package_whose_counter_stands_still_is_absent(a_tree):
    root, clock = a_tree(package(stops_at_s=0.0))
    with pytest.raises(SensorAbsent, match="the counter of package-0 does not advance"):
        working_zones(root, clock)


def test_memory_whose_counter_stands_still_is_left_out(a_tree):
    root, clock = a_tree(package(), part("dram", stops_at_s=0.0))
    assert names(working_zones(root, clock)) == {"package-0": True}


def test_a_counter_without_a_number_fails(a_tree):
    root, _ = a_tree(package())
    (root / "intel-rapl:0" / "energy_uj").write_text("\n")
    with pytest.raises(ReadingFailed, match=r"shows no number \(.*energy_uj\)"):
        find_zones(root)[0].read_uj()


def test_a_counter_that_vanished_is_a_fault(a_tree):
    root, _ = a_tree(package())
    (root / "intel-rapl:0" / "energy_uj").unlink()
    with pytest.raises(SensorFault, match=r"can no longer be read \(.*energy_uj: No such file"):
        find_zones(root)[0].read_uj()


def test_a_counter_that_only_root_may_read_has_the_command_that_opens_it():
    with only_for_root() as root:
        with pytest.raises(SensorFault, match=r"intel-rapl:0/energy_uj can be read by root only"):
            working_zones(root, FakeClock())
        fix = permission(root)
    files = f"{root}/intel-rapl:*/energy_uj"
    assert fix == f"sudo chgrp $(id -gn) {files} && sudo chmod g+r {files}"


def test_there_is_no_command_where_permission_is_not_the_problem(a_tree, tmp_path):
    root, _ = a_tree(package())
    assert permission(root) is None
    assert permission(tmp_path / "nothing") is None
