"""A meter stands in one registry; a backend in one registry and, for what a configuration may ask of it, in `config`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from llenergymeasure.config.introspection import parameters
from llenergymeasure.config.meters import METER_NAMES, METERS
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.ssot import BACKENDS, DECODING_SUPPORT, PRECISION_SUPPORT
from llenergymeasure.config.user_config import RunnerSettings, UserConfig
from llenergymeasure.core.backends import registry

DOCS = Path(__file__).parents[2] / "docs"


def test_every_backend_can_be_named_in_a_configuration_and_has_a_section_a_runner_and_its_limits():
    names = set(registry.BACKENDS)
    assert set(BACKENDS) == names
    assert set(RunnerSettings.model_fields) == names
    assert set(PRECISION_SUPPORT) == set(DECODING_SUPPORT) == names
    assert names <= set(ExperimentConfig.model_fields)


@pytest.mark.parametrize(
    ("model", "field"), [(ExperimentConfig, "energy.backend"), (UserConfig, "measurement.energy_backend")]
)
def test_every_meter_can_be_named_in_a_configuration(model, field):
    (parameter,) = [each for each in parameters(model) if each.name == field]
    assert parameter.choices == METER_NAMES


@pytest.mark.parametrize("name", METERS)
def test_every_meter_has_a_module_and_is_described(name):
    assert find_spec(METERS[name].module) is not None
    assert METERS[name].distributions or name == "rapl"  # it reads files of Linux
    assert f"| {name} |" in (DOCS / "methodology.md").read_text(encoding="utf-8")
