"""The command of a container: what it shows, as whom it runs, and what is in no argument."""

from __future__ import annotations

import json
import os

import pytest

from fake_engine import PODMAN, ROOTLESS_PODMAN, FakeEngine
from llenergymeasure import ExperimentConfig
from llenergymeasure.config.user_config import ContainerSettings, UserConfig
from llenergymeasure.exceptions import PreFlightError
from llenergymeasure.launch.exchange.environ_file import environ_file
from llenergymeasure.launch.request import Request, write_request
from llenergymeasure.launch.runners.choose import runner_for
from llenergymeasure.launch.runners.container.runner import ContainerRunner

TOKEN, PASSWORD = "hf_AbCdEfGhIjKlMnOp0123", "pr0xy-Passw0rd"
GPU = "GPU-8c1a9c60-1111-2222-3333-444455556666"


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "llem-launch-0123abcd-77-xyz"
    made.mkdir()
    return made


@pytest.fixture
def environ(tmp_path):
    FakeEngine(tmp_path / "bin")
    return {
        "PATH": str(tmp_path / "bin"), "HOME": str(tmp_path), "HF_TOKEN": TOKEN,
        "https_proxy": f"http://me:{PASSWORD}@proxy.example.org",
    }  # fmt: skip


def a_runner(tmp_path, **settings):
    return ContainerRunner("docker:llem:test", "llem:test", ContainerSettings(**settings), devices=tmp_path / "dev")


def with_gpus(tmp_path):
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "nvidiactl").touch()


def asks_for(folder, processes=1, **fields):
    config = ExperimentConfig(**{"model": "builtin/tiny-llama", **fields})
    write_request(folder, Request(config=config, processes=processes, user_config=UserConfig()))


def value_of(arguments, option):
    return arguments[arguments.index(option) + 1]


def test_one_container_per_run_that_the_engine_removes(tmp_path, folder, environ):
    asks_for(folder)
    command = a_runner(tmp_path).command(["-m", "llenergymeasure.launch.child", str(folder)], folder, environ)
    assert command.arguments[:3] == (str(tmp_path / "bin/docker"), "run", "--rm")
    assert command.arguments[-5:] == ("python", "sha256:aaaa", "-m", "llenergymeasure.launch.child", "/run/llem")
    assert f"type=bind,source={folder},target=/run/llem" in command.arguments
    assert value_of(command.arguments, "--shm-size") == "8g"
    assert value_of(command.arguments, "--pull") == "never"


def test_its_name_is_that_of_the_folder_and_the_command_that_ends_it_names_it(tmp_path, folder, environ):
    command = a_runner(tmp_path).command(["-c", ""], folder, environ)
    name = value_of(command.arguments, "--name")
    assert name.startswith(f"{folder.name}_")
    assert command.ended == (str(tmp_path / "bin/docker"), "rm", "--force", name)


def test_no_token_and_no_password_is_in_an_argument_or_a_variable_of_the_engine(tmp_path, folder, environ):
    asks_for(folder)
    command = a_runner(tmp_path).command(["-c", ""], folder, environ)
    for secret in (TOKEN, PASSWORD):
        assert not any(secret in each for each in (*command.arguments, *command.environ.values()))
        assert secret in environ_file(folder, 0).read_text()


def test_each_rank_gets_its_variables(tmp_path, folder, environ):
    asks_for(folder, processes=2, n=4, pytorch={"num_processes": 2})
    a_runner(tmp_path).command(["-c", ""], folder, {**environ, "OMP_NUM_THREADS": "4"})
    assert [json.loads(environ_file(folder, rank).read_text())["OMP_NUM_THREADS"] for rank in (0, 1)] == ["4", "4"]


def test_the_cache_of_the_hub_has_the_same_path_there(tmp_path, folder, environ):
    command = a_runner(tmp_path).command(["-c", ""], folder, environ)
    cache = tmp_path / ".cache/huggingface"
    assert f"type=bind,source={cache},target={cache}" in command.arguments
    assert json.loads(environ_file(folder, 0).read_text())["HF_HOME"] == str(cache)


def test_files_belong_to_the_user(tmp_path, folder, environ):
    own = f"{os.getuid()}:{os.getgid()}"
    assert value_of(a_runner(tmp_path).command(["-c", ""], folder, environ).arguments, "--user") == own
    FakeEngine(tmp_path / "rootless", "podman", info=ROOTLESS_PODMAN)
    rootless = a_runner(tmp_path).command(["-c", ""], folder, {**environ, "PATH": str(tmp_path / "rootless")})
    assert value_of(rootless.arguments, "--user") == "0:0"


def test_podman_does_not_pass_the_proxies(tmp_path, folder, environ):
    assert "--http-proxy=false" not in a_runner(tmp_path).command(["-c", ""], folder, environ).arguments
    FakeEngine(tmp_path / "p", "podman", info=PODMAN)
    command = a_runner(tmp_path).command(["-c", ""], folder, {**environ, "PATH": str(tmp_path / "p")})
    assert "--http-proxy=false" in command.arguments


def test_further_arguments_and_the_interpreter_come_from_the_user_config(tmp_path, folder, environ):
    runner = a_runner(tmp_path, arguments=("--network", "host"), python="/opt/venv/bin/python")
    command = runner.command(["-c", ""], folder, environ)
    place = command.arguments.index("--network")
    assert command.arguments[place:] == (
        "--network",
        "host",
        "--entrypoint",
        "/opt/venv/bin/python",
        "sha256:aaaa",
        "-c",
        "",
    )


def test_the_gpus_of_the_experiment_are_given(tmp_path, folder, environ):
    with_gpus(tmp_path)
    asks_for(folder)
    command = a_runner(tmp_path).command(["-c", ""], folder, {**environ, "CUDA_VISIBLE_DEVICES": GPU})
    assert value_of(command.arguments, "--gpus") == f'"device={GPU}"'


def test_an_experiment_on_the_cpu_gets_no_gpu(tmp_path, folder, environ):
    with_gpus(tmp_path)
    asks_for(folder, pytorch={"device": "cpu"})
    assert "--gpus" not in a_runner(tmp_path).command(["-c", ""], folder, environ).arguments


def test_a_machine_without_a_gpu_gives_none(tmp_path, folder, environ):
    asks_for(folder)
    assert "--gpus" not in a_runner(tmp_path).command(["-c", ""], folder, environ).arguments


def test_the_image_of_the_result_is_its_digest_and_its_id_where_it_has_none(tmp_path, environ):
    assert a_runner(tmp_path).image(environ) == "registry.example.org/llem@sha256:dddd"
    FakeEngine(tmp_path / "bin", images={"llem:test": {"Id": "sha256:bbbb", "RepoDigests": []}})
    assert a_runner(tmp_path).image(environ) == "sha256:bbbb"


def test_a_missing_image_is_an_error_with_the_command_that_pulls_it(tmp_path, folder):
    FakeEngine(tmp_path / "bin", images={})
    with pytest.raises(PreFlightError) as caught:
        a_runner(tmp_path).command(["-c", ""], folder, {"PATH": str(tmp_path / "bin")})
    (finding,) = caught.value.findings
    assert finding.problem == "runner docker:llem:test: docker has no image llem:test on this machine"
    assert finding.fix.endswith("docker pull llem:test")


def test_an_engine_that_was_stopped_is_the_reason_and_not_its_images(tmp_path, folder, environ):
    runner = a_runner(tmp_path)
    assert runner.image(environ)
    FakeEngine(tmp_path / "bin", info=None, images={})
    with pytest.raises(PreFlightError, match="no container engine answers"):
        runner.image(environ)


def test_the_user_has_a_home_and_a_name_that_need_no_entry_in_the_image(tmp_path, folder, environ):
    arguments = a_runner(tmp_path).command(["-c", ""], folder, environ).arguments
    assert {"HOME=/run/llem/home", "USER=llem"} <= set(arguments)
    assert (folder / "home").is_dir()


def test_a_runner_is_chosen_by_a_variable_and_its_settings_by_the_user_config():
    user = UserConfig.model_validate({"containers": {"arguments": ["--network", "host"]}})
    runner = runner_for("pytorch", user, {"LLEM_RUNNER_PYTORCH": "docker:registry.example.org/llem:1"})
    assert runner.name == "docker:registry.example.org/llem:1"
    assert runner.reference == "registry.example.org/llem:1"
    assert runner.settings.arguments == ("--network", "host")
    assert (runner.is_local, runner.can_fork, runner.watches_owner) == (False, False, False)
    assert runner == runner_for("vllm", user, {"LLEM_RUNNER_VLLM": "docker:registry.example.org/llem:1"})
    assert hash(runner)
