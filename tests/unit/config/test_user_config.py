"""Settings of this machine: the file may be absent, an invalid file is an error with its line, variables override it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from llenergymeasure.config.runners import RunnerSetting
from llenergymeasure.config.user_config import (
    ContainerSettings,
    UserConfig,
    load_user_config,
    resolve_measurement,
    resolve_runner,
    user_config_path,
)
from llenergymeasure.exceptions import ConfigError


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "config.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def complaint(call, *arguments):
    with pytest.raises(ConfigError) as caught:
        call(*arguments)
    return str(caught.value)


def test_the_defaults_are_those_of_the_contract():
    assert UserConfig().model_dump() == {
        "output": {"results_dir": "./results"},
        "runners": {"pytorch": "local", "vllm": "local", "tensorrt": "local", "server": "local"},
        "containers": {"engine": "auto", "python": "python", "arguments": ()},
        "measurement": {"energy_backend": "auto", "carbon_intensity_gco2_kwh": None, "datacenter_pue": 1.0},
        "execution": {"config_gap_seconds": 60.0, "cycle_gap_seconds": 300.0},
        "executor": {"name": None, "parallel": None, "gpus_per_run": None, "options": {}},
    }


def test_it_is_looked_for_in_the_users_configuration_directory():
    path = user_config_path()
    assert path.name == "config.yaml"
    assert path.parent.name == "llenergymeasure"


def test_absent_means_every_default(tmp_path, capfd):
    assert load_user_config(tmp_path / "absent.yaml") == UserConfig()
    assert load_user_config(tmp_path / "no" / "such" / "directory" / "config.yaml") == UserConfig()
    assert capfd.readouterr() == ("", "")


def test_a_place_that_cannot_exist_means_every_default(written):
    assert load_user_config(written("") / "below" / "a" / "file.yaml") == UserConfig()


@pytest.mark.parametrize("text", ["", "# all commented out\n", "output:\n  results_dir: ./results\n"])
def test_what_is_not_set_has_its_default(written, text):
    assert load_user_config(written(text)) == UserConfig()


def test_what_is_set_counts(written):
    path = written(
        "output: {results_dir: /data}\nmeasurement: {carbon_intensity_gco2_kwh: 380, energy_backend: null}\n"
    )
    config = load_user_config(path)
    assert config.output.results_dir == "/data"
    assert config.measurement.carbon_intensity_gco2_kwh == 380.0
    assert config.measurement.energy_backend == "null"


def test_a_tilde_is_the_home_directory():
    config = UserConfig.model_validate({"output": {"results_dir": "~/results"}})
    assert config.output.results_dir == str(Path.home() / "results")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("output: [\n", "line 2, column 1: broken YAML"),
        ("output: {}\noutput: {}\n", "line 2, column 1: 'output' is given twice"),
        ("output: {}\noutputs: {}\n", "line 2: outputs: there is no such field; did you mean 'output'?"),
        (
            "measurement:\n  datacenter_pue: 0.5\n",
            "line 2: measurement.datacenter_pue: 0.5: must be greater than or equal to 1",
        ),
        ("measurement:\n  energy_backend: nvlm\n", "did you mean 'nvml'?"),
        ("runners:\n  vllm: 5\n", 'line 2: runners.vllm: 5: text is needed; quote it: "5"'),
        ("executor:\n  options: {partition: gpu}\n", "line 1: executor: options are of no executor; set its name"),
        ("runners: local\n", 'line 1: runners: "local": a mapping is needed'),
        ("- output\n", "not a mapping; write lines such as `output: {results_dir: ./results}`"),
    ],
)
def test_a_broken_one_is_named_with_line_and_field(written, text, words):
    path = written(text)
    message = complaint(load_user_config, path)
    assert str(path) in message
    assert words in message


def test_a_directory_in_its_place_is_refused(tmp_path):
    assert "is a directory" in complaint(load_user_config, tmp_path)


def test_backends_run_locally_by_default():
    assert resolve_runner("pytorch", UserConfig(), {}) == RunnerSetting("local")
    assert resolve_runner("vllm", UserConfig(), {"LLEM_RUNNER_VLLM": "local"}) == RunnerSetting("local")


def test_the_environment_chooses_the_runner_before_the_user_config():
    user = UserConfig.model_validate({"runners": {"pytorch": "docker:image"}})
    assert resolve_runner("pytorch", user, {"LLEM_RUNNER_PYTORCH": "local"}) == RunnerSetting("local")
    assert resolve_runner("pytorch", user, {"LLEM_RUNNER_VLLM": "local"}) == RunnerSetting("docker", "image")


def test_an_image_may_have_a_registry_and_a_tag():
    found = resolve_runner("vllm", UserConfig(), {"LLEM_RUNNER_VLLM": "docker:registry.example:5000/llem:2.1"})
    assert (found.kind, found.target) == ("docker", "registry.example:5000/llem:2.1")


def test_singularity_is_understood_and_not_in_this_release():
    user = UserConfig.model_validate({"runners": {"pytorch": "singularity:/images/a.sif"}})
    message = complaint(resolve_runner, "pytorch", user, {})
    assert message.startswith("runners.pytorch of the user config is 'singularity:/images/a.sif'")
    assert "this release cannot use singularity; set it to local, python:INTERPRETER or docker:IMAGE" in message


def test_containers_have_an_engine_an_interpreter_and_arguments():
    assert UserConfig().containers == ContainerSettings(engine="auto", python="python", arguments=())
    user = UserConfig.model_validate({"containers": {"engine": "podman", "arguments": ["--network", "host"]}})
    assert user.containers.arguments == ("--network", "host")
    with pytest.raises(ValidationError, match="engine"):
        UserConfig.model_validate({"containers": {"engine": "containerd"}})


def test_an_interpreter_may_have_a_colon_in_its_path():
    setting = resolve_runner("vllm", UserConfig(), {"LLEM_RUNNER_VLLM": "python:/a:b/python"})
    assert (setting, str(setting)) == (RunnerSetting("python", "/a:b/python"), "python:/a:b/python")


@pytest.mark.parametrize("text", ["", "podman:x", "docker", "docker:", "singularity: ", "python:", "Local", "local:x"])
def test_an_unknown_runner_is_named_with_the_valid_ones(text):
    message = complaint(resolve_runner, "pytorch", UserConfig(), {"LLEM_RUNNER_PYTORCH": text})
    assert f"LLEM_RUNNER_PYTORCH: runner '{text}' is unknown; valid: local, python:INTERPRETER, docker:IMAGE" in message


def test_measurement_settings_come_from_the_user_config():
    user = UserConfig.model_validate({"measurement": {"carbon_intensity_gco2_kwh": 380, "datacenter_pue": 1.2}})
    machine = resolve_measurement(user, {})
    assert (machine.carbon_intensity_gco2_kwh, machine.datacenter_pue) == (380.0, 1.2)


def test_the_environment_wins_over_the_user_config():
    user = UserConfig.model_validate({"measurement": {"carbon_intensity_gco2_kwh": 380, "datacenter_pue": 1.2}})
    environ = {"LLEM_CARBON_INTENSITY": "0", "LLEM_DATACENTER_PUE": "1", "LLEM_NO_PROMPT": "1"}
    machine = resolve_measurement(user, environ)
    assert (machine.carbon_intensity_gco2_kwh, machine.datacenter_pue) == (0.0, 1.0)


def test_no_intensity_is_none_and_never_zero():
    assert resolve_measurement(UserConfig(), {}).carbon_intensity_gco2_kwh is None


@pytest.mark.parametrize("text", ["", "green", "-1", "nan", "inf", "-inf", "1e999", "380 g", "1,5"])
def test_an_intensity_that_is_no_number_is_refused(text):
    message = complaint(resolve_measurement, UserConfig(), {"LLEM_CARBON_INTENSITY": text})
    assert (
        message
        == f"environment variable LLEM_CARBON_INTENSITY is '{text}'; set a decimal number of at least 0, or unset it"
    )


@pytest.mark.parametrize("text", ["", "0.99", "0", "-2", "nan", "inf", "high", "010", "1_0", "0x10"])
def test_a_pue_below_one_is_refused(text):
    message = complaint(resolve_measurement, UserConfig(), {"LLEM_DATACENTER_PUE": text})
    assert (
        message
        == f"environment variable LLEM_DATACENTER_PUE is '{text}'; set a decimal number of at least 1, or unset it"
    )


@pytest.mark.parametrize("text", ["1", "TRUE", "on", "0", "no"])
def test_a_switch_with_yes_or_no_is_accepted(text):
    assert resolve_measurement(UserConfig(), {"LLEM_NO_PROMPT": text}) == resolve_measurement(UserConfig(), {})


@pytest.mark.parametrize("text", ["", "2", "maybe"])
def test_a_switch_with_another_value_is_refused(text):
    message = complaint(resolve_measurement, UserConfig(), {"LLEM_NO_PROMPT": text})
    assert message == f"environment variable LLEM_NO_PROMPT is '{text}'; set 1 or 0, or unset it"


def test_a_user_without_a_home_directory_has_no_user_config():
    def nowhere(name):
        raise RuntimeError("could not determine the home directory")

    assert user_config_path(nowhere) is None
