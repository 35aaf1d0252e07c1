"""A backend or a meter stands in several lists: whoever adds one is told by these tests which are left."""

from __future__ import annotations

from typing import get_args

from llenergymeasure.cli import installed
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.ssot import BACKENDS, DECODING_SUPPORT, PRECISION_SUPPORT, EnergyBackendName
from llenergymeasure.config.user_config import RunnerSettings
from llenergymeasure.core.backends import registry
from llenergymeasure.core.energy.select import REGISTRY
from pytest_llem import settings


def test_every_backend_can_be_named_in_a_configuration_and_has_a_section_a_runner_and_its_limits():
    names = set(registry.BACKENDS)
    assert set(BACKENDS) == names
    assert set(RunnerSettings.model_fields) == names
    assert set(PRECISION_SUPPORT) == set(DECODING_SUPPORT) == names
    assert names <= set(ExperimentConfig.model_fields)


def test_every_meter_can_be_named_in_a_configuration_and_at_the_plugin_and_tells_its_version():
    names = set(REGISTRY)
    assert set(get_args(EnergyBackendName)) == names | {"auto", "null"}
    assert set(settings.METERS) == names | {"auto", "null"}
    assert set(installed.METERS) == names
