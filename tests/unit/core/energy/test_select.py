"""Choosing a meter."""

from __future__ import annotations

import pytest

from fake_gpu import FakeDoor, FakeGpu, a_gpu
from llenergymeasure.config.meters import METERS, MeterSetting
from llenergymeasure.core.devices import MeterContext
from llenergymeasure.core.energy import nvml, zeus
from llenergymeasure.core.energy.select import choose_meter, foreseen_meter, meter_findings, meter_states
from llenergymeasure.core.machine.clock import SystemClock
from llenergymeasure.exceptions import MeterError, PreFlightError, ReadingFailed
from llenergymeasure.testing import FakeClock, FakeMeter
from powercapsim import SimClock, SimPowercap, package

CONTEXT = MeterContext(FakeClock(), no_gpu_reason="NVML: library not found")


class Entry:
    """A meter that is available or not, or that fails although its probe found no problem."""

    gpus_alone = False

    def __init__(self, why_not=None, fails=None, covers_gpus=True):
        self._why_not, self._fails, self.covers_gpus = why_not, fails, covers_gpus
        self.created = 0

    def fix_on(self, context):
        return self.command_on(context) or "pip install it"

    def command_on(self, context):
        return "sudo chmod it" if self._why_not == "root only" else None

    def probe(self, context):
        return self._why_not

    def create(self, context):
        if self._fails:
            raise MeterError(self._fails)
        self.created += 1
        return FakeMeter()


def registry(**why_not):
    return {name: Entry(reason) for name, reason in why_not.items()}


def test_auto_takes_the_first_available_and_keeps_every_probe():
    entries = registry(zeus="not installed", nvml=None, codecarbon=None)
    metering = choose_meter("auto", "auto", CONTEXT, entries)
    assert metering.choice.name == "nvml"
    assert metering.choice.probes == {"zeus": "not installed", "nvml": "available"}
    assert [entry.created for entry in entries.values()] == [0, 1, 0]


def test_auto_without_a_meter_continues_without_energy_and_has_the_reason():
    metering = choose_meter("auto", "auto", CONTEXT, registry(zeus="not installed", nvml="no GPU"))
    reading = metering.meter.open_window().close(0.0, 1.0)
    assert reading.energy_j is None
    assert reading.reason == "no meter is available: zeus: not installed; nvml: no GPU"


def test_on_a_gpu_auto_passes_over_meters_of_the_cpu():
    entries = {"rapl": Entry(covers_gpus=False), "codecarbon": Entry()}
    on_a_gpu = MeterContext(FakeClock(), gpus=(a_gpu(),))
    metering = choose_meter("auto", "auto", on_a_gpu, entries)
    assert metering.choice.name == "codecarbon"
    assert metering.choice.reason == "the first available of codecarbon"
    assert choose_meter("auto", "auto", CONTEXT, entries).choice.name == "rapl"
    assert choose_meter("rapl", "auto", on_a_gpu, entries).choice.name == "rapl"


def test_a_better_meter_that_a_command_makes_available_is_kept_with_the_command():
    entries = registry(nvml="no GPU", rapl="root only", codecarbon=None)
    assert choose_meter("auto", "auto", CONTEXT, entries).choice.fixes == {"rapl": "sudo chmod it"}


def test_the_order_of_auto_is_that_of_the_accuracy():
    assert list(METERS) == ["nvml", "zeus", "rapl", "codecarbon"]


def test_a_cpu_without_readable_counters_falls_to_codecarbon_and_keeps_the_reason(tmp_path):
    pytest.importorskip("codecarbon")
    context = MeterContext(SystemClock(), no_gpu_reason="no GPU", powercap=tmp_path / "powercap")
    metering = choose_meter("auto", "auto", context)
    metering.meter.release()
    assert metering.choice.name == "codecarbon"
    assert metering.choice.probes["rapl"].startswith(f"there is no {tmp_path / 'powercap'}")


def test_a_cpu_with_readable_counters_is_measured_by_rapl(tmp_path):
    clock = SimClock()
    tree = SimPowercap(tmp_path / "powercap", [package()], clock.seconds)
    clock.moved = tree.update
    context = MeterContext(clock, no_gpu_reason="no GPU", powercap=tree.root)
    assert choose_meter("auto", "auto", context).choice.name == "rapl"
    assert meter_findings("rapl", context) == []


def test_rapl_that_is_not_available_has_the_fix_of_this_machine(tmp_path):
    (found,) = meter_findings("rapl", MeterContext(FakeClock(), powercap=tmp_path / "powercap"))
    assert found.problem.startswith("energy.backend 'rapl' is not available: there is no ")
    assert found.fix.startswith("run on a Linux machine, not a virtual one")


def test_null_is_off_without_a_probe():
    metering = choose_meter("null", "auto", CONTEXT, registry(zeus=None))
    assert metering.choice.name == "null"
    assert "switched off" in metering.meter.open_window().close(0.0, 1.0).reason


def test_auto_that_the_user_switched_off_names_the_user_config():
    metering = choose_meter("auto", "null", CONTEXT, registry(zeus=None))
    assert metering.choice.name == "null"
    assert "user config is null" in metering.choice.reason
    assert metering.meter.open_window().close(0.0, 1.0).reason == metering.choice.reason


def test_a_named_meter_that_is_not_available_is_a_finding_with_the_install_line():
    with pytest.raises(PreFlightError, match=r"'zeus' is not available: not installed") as caught:
        choose_meter("zeus", "auto", CONTEXT, registry(zeus="not installed"))
    assert caught.value.findings[0].fix == "pip install it"


@pytest.mark.parametrize("name", ["zeus", "nvml"])
def test_a_missing_gpu_is_not_fixed_by_installing_a_meter(name):
    (found,) = meter_findings(name, CONTEXT, {name: Entry(CONTEXT.no_gpu_reason)})
    assert "pip install" not in found.fix
    assert "energy.backend: auto" in found.fix
    assert "nvidia-smi" in found.fix


def test_a_meter_that_an_option_names_is_refused_with_that_option():
    option = MeterSetting("--llem-energy", "--llem-energy=auto")
    (found,) = meter_findings("nvml", CONTEXT, {"nvml": Entry(CONTEXT.no_gpu_reason)}, option)
    assert found.problem.startswith("--llem-energy 'nvml' is not available")
    assert found.fix.startswith("set --llem-energy=auto to measure the CPUs, or use a machine whose GPU")
    assert choose_meter("zeus", "auto", CONTEXT, registry(zeus=None), option).choice.reason == "--llem-energy is zeus"


def test_the_user_config_narrows_auto_only():
    entries = registry(zeus=None, nvml=None)
    assert choose_meter("auto", "nvml", CONTEXT, entries).choice.name == "nvml"
    assert choose_meter("zeus", "nvml", CONTEXT, entries).choice.name == "zeus"
    assert choose_meter("auto", "null", CONTEXT, entries).choice.name == "null"


def test_narrowed_to_a_meter_that_is_not_there_the_run_goes_on_without_energy():
    """Only the experiment's own choice stops a run: another machine's settings must not."""
    entries = registry(zeus="not installed", nvml=None)
    metering = choose_meter("auto", "zeus", CONTEXT, entries)
    assert metering.choice.name == "none"
    assert metering.choice.probes == {"zeus": "not installed"}
    assert entries["nvml"].created == 0


def test_a_meter_that_cannot_be_made_is_not_available_under_auto():
    entries = {"zeus": Entry(fails="zeus cannot be imported"), "nvml": Entry()}
    metering = choose_meter("auto", "auto", CONTEXT, entries)
    assert metering.choice.name == "nvml"
    assert metering.choice.probes == {"zeus": "zeus cannot be imported", "nvml": "available"}


def test_a_named_meter_that_cannot_be_made_is_a_finding():
    with pytest.raises(PreFlightError, match=r"'zeus' is not available: zeus cannot be imported") as caught:
        choose_meter("zeus", "auto", CONTEXT, {"zeus": Entry(fails="zeus cannot be imported")})
    assert caught.value.findings[0].fix == "pip install it"


def test_optional_meters_name_their_install_line():
    assert METERS["zeus"].fix_on(CONTEXT) == 'pip install "llenergymeasure[zeus]"'
    assert METERS["codecarbon"].fix_on(CONTEXT) == 'pip install "llenergymeasure[codecarbon]"'


def test_there_is_nothing_to_find_about_auto_and_null():
    assert meter_findings("auto", CONTEXT) == meter_findings("null", CONTEXT) == []


def test_without_a_gpu_the_real_probes_report_it():
    states = meter_states(CONTEXT)
    assert list(states) == list(METERS)
    assert states["nvml"] == "NVML: library not found"


def test_zeus_beside_its_old_name_is_broken_and_the_fix_is_reported(tmp_path, monkeypatch):
    place = tmp_path / "zeus_ml-0.1.dist-info"
    place.mkdir()
    (place / "METADATA").write_text("Metadata-Version: 2.1\nName: zeus-ml\nVersion: 0.1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "run: pip uninstall -y zeus-ml zeus && pip install zeus" in zeus.probe(CONTEXT)


@pytest.mark.parametrize(("failure", "words"), [(None, "has no energy counter"), (ReadingFailed("Timeout"), "Timeout")])
def test_zeus_is_offered_only_where_every_gpu_has_a_counter_that_answers(failure, words):
    pytest.importorskip("zeus")
    clock = FakeClock()
    model = FakeGpu(tick_s=None, fails=lambda call: failure is not None)
    context = MeterContext(clock, FakeDoor(clock, [model]), (a_gpu(),))
    assert words in zeus.probe(context)
    assert words in nvml.probe(context) if failure else nvml.probe(context) is None


@pytest.mark.parametrize(
    ("declared", "narrowed", "name"),
    [
        ("auto", "auto", "nvml"),
        ("auto", "codecarbon", "codecarbon"),
        ("codecarbon", "null", "codecarbon"),
        ("auto", "zeus", "none"),
    ],
)
def test_the_meter_is_foreseen_by_its_probes_without_making_one(declared, narrowed, name):
    entries = registry(zeus="not installed", nvml=None, codecarbon=None)
    foreseen = foreseen_meter(declared, narrowed, CONTEXT, entries)
    assert foreseen.name == name
    assert [entry.created for entry in entries.values()] == [0, 0, 0]
    chosen = choose_meter(declared, narrowed, CONTEXT, entries).choice
    assert chosen.name == foreseen.name
    assert name == "none" or chosen.reason == foreseen.reason
