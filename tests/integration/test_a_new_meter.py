"""A new meter is one module and one entry: a copy of the package that has both, in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

MODULE = '''"""Joules of a plug that measures."""

from llenergymeasure.domain.energy import EnergyReading


def probe(context):
    return None if context.clock.now() < 1000.0 else "the plug does not answer"


def create(context):
    return WallPlug()


class WallPlug:
    name = "wall-plug"
    devices = ("plug-1",)

    def open_window(self):
        return self

    def close(self, start_s, end_s):
        return EnergyReading(meter=self.name, energy_j=50.0 * (end_s - start_s), method="sampled", n_readings=20)

    def abandon(self):
        pass

    def release(self):
        pass
'''
ENTRY = """    "wall-plug": MeterEntry(
        module="llenergymeasure.core.energy.wall_plug",
        distributions=("wall-plug",),
        fix="plug it in",
        accuracy="The plug is accurate within 1 %.",
    ),
"""
FIRST_ENTRY = "_BUILT_IN: Mapping[str, MeterEntry] = {\n"
DISTRIBUTION = "Metadata-Version: 2.1\nName: wall-plug\nVersion: 4.2\n"

PROGRAM = """
import json

from fakes import FakeHost, FakePrompts, a_snapshot
from llenergymeasure.testing import FakeClock, FakeLoader
from llenergymeasure.cli.commands.version import lines
from llenergymeasure.config.introspection import parameters
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.user_config import UserConfig
from llenergymeasure.core.collect.latency import MemoryCollector, TokenCollector
from llenergymeasure.core.devices import MeterContext
from llenergymeasure.core.energy.select import meter_findings, meter_states
from llenergymeasure.core.flops.collectors import PalmFlopsCollector
from llenergymeasure.core.harness import open_experiment
from llenergymeasure.core.instruments import Instruments
from llenergymeasure.orchestration.orchestrator import Session, metered
from pytest_llem.settings import METER_NAMES

config = ExperimentConfig(
    model="builtin/tiny-llama", n=2, max_output_tokens=10, energy={"backend": "wall-plug"},
    baseline={"enabled": False}, warmup={"n_warmup": 1, "thermal_floor_seconds": 0},
)
clock, late = FakeClock(), FakeClock()
late.sleep(1000.0)
devices = MeterContext(clock)
with metered(config.energy.backend, Session(user_config=UserConfig()), devices) as metering:
    parts = Instruments(
        metering=metering, prompts=FakePrompts(2), snapshot=lambda engine: a_snapshot(), clock=clock,
        collectors=(TokenCollector(), MemoryCollector(), FakeHost(), PalmFlopsCollector()),
    )
    with open_experiment(config, FakeLoader(clock), parts) as experiment:
        result = experiment.measure()
print(json.dumps({
    "meter": result.meter.model_dump(),
    "joules": result.energy_total_j,
    "accuracy": result.reproducibility_notes,
    "state": meter_states(devices)["wall-plug"],
    "findings": [finding.fix for finding in meter_findings("wall-plug", MeterContext(late))],
    "version": lines()[-1],
    "choices": [p.choices for p in parameters() if p.name == "energy.backend"],
    "plugin": METER_NAMES,
}))
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What a process says whose package has the module and the entry."""
    place = tmp_path_factory.mktemp("with-a-new-meter")
    for package in ("llenergymeasure", "pytest_llem"):
        shutil.copytree(ROOT / "src" / package, place / package, ignore=shutil.ignore_patterns("__pycache__"))
    (place / "llenergymeasure" / "core" / "energy" / "wall_plug.py").write_text(MODULE)
    registry = place / "llenergymeasure" / "config" / "meters.py"
    assert registry.read_text().count(FIRST_ENTRY) == 1
    registry.write_text(registry.read_text().replace(FIRST_ENTRY, FIRST_ENTRY + ENTRY))
    (place / "wall_plug-4.2.dist-info").mkdir()
    (place / "wall_plug-4.2.dist-info" / "METADATA").write_text(DISTRIBUTION)
    environ = os.environ | {"PYTHONPATH": os.pathsep.join([str(place), str(ROOT / "tests")])}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environ, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_an_experiment_names_it_and_is_measured_by_it(found):
    assert found["meter"]["name"] == "wall-plug"
    assert found["meter"]["reason"] == "energy.backend is wall-plug"
    assert found["joules"] > 0
    assert found["accuracy"] == "The plug is accurate within 1 %."
    assert found["choices"] == [["auto", "wall-plug", "nvml", "zeus", "rapl", "codecarbon", "null"]]


def test_it_is_probed_and_what_it_lacks_is_found_with_its_fix(found):
    assert found["state"] == "available"
    assert found["findings"] == ["plug it in"]


def test_its_version_is_named_and_the_plugin_offers_it(found):
    assert "wall-plug (wall-plug 4.2)" in found["version"]
    assert "wall-plug" in found["plugin"]
