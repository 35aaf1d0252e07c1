"""The checks of a container in their order; each has its own fix, and the first one that fails is reported."""

from __future__ import annotations

import tempfile

import pytest

from fake_engine import PODMAN, FakeEngine
from llenergymeasure.config.user_config import ContainerSettings
from llenergymeasure.launch.runners.container.runner import ContainerRunner

FINE = {"folder": True, "locked": True, "written": True, "gpus": 1, "nvml": True}


def findings(tmp_path, *, gpu=False, environ=(), name="docker", **answers):
    FakeEngine(tmp_path / "bin", name, **answers)
    devices = tmp_path / "dev"
    devices.mkdir(exist_ok=True)
    if gpu:
        (devices / "nvidiactl").touch()
    runner = ContainerRunner("docker:llem:test", "llem:test", ContainerSettings(), devices=devices)
    return runner.findings({"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path), **dict(environ)})


def the_finding(tmp_path, **answers):
    (found,) = findings(tmp_path, **answers)
    return found


def test_an_image_with_this_release_has_no_finding(tmp_path):
    assert findings(tmp_path) == ()


def test_first_the_engine(tmp_path):
    found = the_finding(tmp_path, info=None)
    assert "no container engine answers" in found.problem


def test_then_the_image(tmp_path):
    found = the_finding(tmp_path, images={})
    assert found.problem == "runner docker:llem:test: docker has no image llem:test on this machine"
    assert "docker pull llem:test" in found.fix


def test_then_that_a_container_starts(tmp_path):
    found = the_finding(tmp_path, refuses="--shm-size")
    assert "docker could not start a container (exit code 125): the engine refuses --shm-size" in found.problem
    assert "containers.arguments" in found.fix


def test_then_its_interpreter(tmp_path):
    found = the_finding(tmp_path, exit_code=127)
    assert "no program to run Python" in found.problem
    assert "containers.python" in found.fix


def test_a_limit_or_program_that_the_system_refuses_is_not_a_missing_program(tmp_path):
    found = the_finding(tmp_path, exit_code=126)
    assert "docker could not start a container (exit code 126)" in found.problem
    assert "correct containers.arguments" in found.fix
    assert "if the reason names the program, set containers.python" in found.fix


def test_then_the_gpu_toolkit_where_containers_start_without_gpus_only(tmp_path):
    found = the_finding(tmp_path, gpu=True, refuses="--gpus")
    assert "docker starts containers, but not with GPUs: the engine refuses --gpus" in found.problem
    assert "sudo nvidia-ctk runtime configure --runtime=docker" in found.fix


def test_podman_has_a_toolkit_command_of_its_own(tmp_path):
    found = the_finding(tmp_path, gpu=True, refuses="nvidia.com/gpu", name="podman", info=PODMAN)
    assert "nvidia-ctk cdi generate" in found.fix


def test_without_a_visible_gpu_no_toolkit_is_needed(tmp_path):
    assert findings(tmp_path, gpu=True, refuses="--gpus", environ={"CUDA_VISIBLE_DEVICES": ""}) == ()


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        ({"folder": False}, "cannot see the folder of a run"),
        ({"written": False}, "cannot write to the folder of a run"),
        ({"locked": False}, "does not see locks of this machine"),
    ],
)
def test_then_the_folder_of_the_run(tmp_path, seen, words):
    assert words in the_finding(tmp_path, replies=[{**FINE, **seen}]).problem


@pytest.mark.parametrize(("seen", "words"), [({"gpus": 0}, "see no GPU"), ({"nvml": False}, "but not NVML")])
def test_then_the_gpus_inside(tmp_path, seen, words):
    found = the_finding(tmp_path, gpu=True, replies=[{**FINE, **seen}])
    assert words in found.problem
    assert "NVIDIA_DRIVER_CAPABILITIES=compute,utility" in found.fix


def test_then_the_version(tmp_path):
    found = the_finding(tmp_path, replies=[FINE, {"python": [3, 12, 1], "version": "1.0.0", "problem": ""}])
    assert "has llenergymeasure 1.0.0" in found.problem


def test_the_checks_leave_no_file(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    findings(tmp_path)
    assert list((tmp_path / "tmp").iterdir()) == []
