"""What this machine offers, as values."""

from __future__ import annotations

import platform

import pytest

from another_environment import environment
from llenergymeasure._api.machine import Settings, describe_machine
from llenergymeasure.config.meters import METERS
from llenergymeasure.core.backends.registry import BACKENDS
from llenergymeasure.exceptions import ConfigError
from powercapsim import only_for_root


@pytest.fixture(autouse=True)
def user_config(tmp_path, monkeypatch):
    """A machine without visible GPUs, and the place of its user config."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    place = tmp_path / "llenergymeasure"
    place.mkdir()
    return place / "config.yaml"


def test_every_backend_and_every_meter_of_the_registries_is_there():
    machine = describe_machine()
    assert [each.name for each in machine.backends] == list(BACKENDS)
    assert list(machine.meters.states) == list(METERS)


def test_counters_that_root_alone_may_read_have_the_command_that_opens_them():
    with only_for_root() as root:
        meters = describe_machine(root).meters
    assert meters.states["rapl"] == f"{root}/intel-rapl:0/energy_uj can be read by root only"
    assert meters.commands["rapl"].startswith(f"sudo chgrp $(id -gn) {root}/intel-rapl:*/energy_uj && ")
    assert "CVE-2020-8694" in meters.commands["rapl"]


def test_a_machine_without_counters_has_no_command(tmp_path):
    meters = describe_machine(tmp_path / "powercap").meters
    assert meters.states["rapl"].startswith("there is no ")
    assert meters.commands == {}


def test_without_a_gpu_there_is_a_reason():
    machine = describe_machine()
    assert machine.gpus == ()
    assert machine.no_gpu_reason


def test_without_a_user_config_its_place_and_the_defaults_are_known(user_config):
    settings = describe_machine().settings
    assert isinstance(settings, Settings)
    assert (settings.file, settings.exists, settings.results_dir) == (user_config, False, "./results")


def test_a_meter_that_the_user_switched_off_is_not_chosen(user_config):
    user_config.write_text("measurement: {energy_backend: 'null'}\n")
    meters = describe_machine().meters
    assert meters.chosen is None
    assert "energy measurement is switched off" in meters.reason


def test_a_broken_user_config_is_a_finding_and_the_rest_is_there(user_config):
    user_config.write_text("measurement: [\n")
    machine = describe_machine()
    assert isinstance(machine.settings, ConfigError)
    assert machine.backends


def backend(name):
    (found,) = [each for each in describe_machine().backends if each.name == name]
    return found


def test_backends_run_here_without_a_runner():
    assert backend("pytorch").elsewhere is None


def test_an_environment_that_cannot_be_used_is_described_with_its_findings(monkeypatch):
    monkeypatch.setenv("LLEM_RUNNER_VLLM", "python:/nowhere/python")
    there = backend("vllm").elsewhere
    assert (there.runner, there.python) == ("python:/nowhere/python", "")
    assert [finding.problem for finding in there.findings] == [
        "runner python:/nowhere/python: there is no file /nowhere/python"
    ]


def test_a_runner_that_cannot_be_understood_is_a_finding_of_its_backend(monkeypatch):
    monkeypatch.setenv("LLEM_RUNNER_VLLM", "cloud")
    (finding,) = backend("vllm").elsewhere.findings
    assert "runner 'cloud' is unknown" in finding.problem


def test_an_environment_is_described_with_its_versions(monkeypatch, tmp_path):
    monkeypatch.setenv("LLEM_RUNNER_PYTORCH", f"python:{environment(tmp_path / 'v')}")
    there = backend("pytorch").elsewhere
    assert there.python == platform.python_version()
    assert set(there.versions) <= {"torch", "transformers"}
