"""The snapshot, on machines made of files."""

from __future__ import annotations

import json
import sys

import pytest

from llenergymeasure.core.machine.environment import installed_packages, run_command, take_snapshot
from llenergymeasure.domain.environment import CudaFacts, EnvironmentSnapshot


def snapshot(root, environ=None, answers=None, **options):
    def run(command):
        known = (answers or {}).items()
        return next((answer for words, answer in known if set(words.split()) <= set(command)), None)

    return take_snapshot(root=root, environ=environ or {}, run=run, **options)


def put(root, path, text):
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)


def test_a_bare_machine_gives_a_valid_snapshot(tmp_path):
    found = snapshot(tmp_path)
    assert found.cuda_version is None
    assert found.container is None
    assert found.git_commit is None
    assert found.git_dirty is None
    assert found.gpus == ()
    assert EnvironmentSnapshot.model_validate(found.model_dump(mode="json")) == found


def test_cpu_and_memory_come_from_proc(tmp_path):
    core = "processor: {0}\nmodel name\t: Some CPU\nphysical id\t: 0\ncore id\t\t: {1}\n\n"
    put(tmp_path, "proc/cpuinfo", core.format(0, 0) + core.format(1, 1) + core.format(2, 0) + core.format(3, 1))
    put(tmp_path, "proc/meminfo", "MemTotal:       1000000 kB\n")
    found = snapshot(tmp_path)
    assert (found.cpu_model, found.cpu_count_physical, found.ram_total_mb) == ("Some CPU", 2, 1024.0)


def test_cuda_is_asked_of_torch_then_of_files_then_of_nvcc(tmp_path):
    nvcc = {"nvcc": "Cuda compilation tools, release 12.1, V12.1.66"}
    assert snapshot(tmp_path, answers=nvcc).cuda_version_source == "nvcc"
    put(tmp_path, "usr/local/cuda/version.txt", "CUDA Version 12.2.0")
    assert snapshot(tmp_path, answers=nvcc).cuda_version == "12.2.0"
    put(tmp_path, "usr/local/cuda/version.json", json.dumps({"cuda": {"version": "12.3.1"}}))
    assert snapshot(tmp_path, answers=nvcc).cuda_version_source == "version.json"
    found = snapshot(tmp_path, answers=nvcc, cuda=CudaFacts(version="13.0", cudnn="91000"))
    assert (found.cuda_version, found.cuda_version_source, found.cudnn_version) == ("13.0", "torch", "91000")


def test_a_broken_version_file_is_passed_over(tmp_path):
    put(tmp_path, "usr/local/cuda/version.json", "{")
    assert snapshot(tmp_path).cuda_version is None


@pytest.mark.parametrize(
    ("environ", "file", "name"),
    [
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, ".dockerenv", "kubernetes"),
        ({"APPTAINER_CONTAINER": "x.sif"}, None, "singularity"),
        ({}, ".dockerenv", "docker"),
        ({}, "run/.containerenv", "podman"),
    ],
)
def test_containers_are_recognised(tmp_path, environ, file, name):
    if file:
        put(tmp_path, file, "")
    assert snapshot(tmp_path, environ).container == name


def test_a_repository_gives_its_commit_and_whether_it_is_clean(tmp_path):
    answers = {"git rev-parse": "abc123", "git status": " M file"}
    assert (snapshot(tmp_path, answers=answers).git_commit, snapshot(tmp_path, answers=answers).git_dirty) == (
        "abc123",
        True,
    )
    assert snapshot(tmp_path, answers={"git rev-parse": "abc123", "git status": ""}).git_dirty is False


def test_git_is_asked_without_touching_the_index(tmp_path):
    asked = []
    take_snapshot(root=tmp_path, environ={}, run=lambda command: asked.append(command) or "abc123")
    statuses = [command for command in asked if "status" in command]
    assert len(statuses) == 1
    assert "--no-optional-locks" in statuses[0]


def test_a_command_that_is_missing_or_fails_gives_none():
    assert run_command(["a-command-that-is-not-there"]) is None
    assert run_command([sys.executable, "-c", "raise SystemExit(1)"]) is None
    assert run_command([sys.executable, "-c", "print(' x ')"]) == "x"


def test_the_limits_of_the_clock_are_in_megahertz(tmp_path):
    put(tmp_path, "sys/devices/system/cpu/cpu0/cpufreq/scaling_min_freq", "800000")
    put(tmp_path, "sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq", "3600000")
    found = snapshot(tmp_path)
    assert (found.cpu_frequency_min_mhz, found.cpu_frequency_max_mhz) == (800.0, 3600.0)


def test_cores_without_numbers_are_distinguished_by_their_sibling_threads(tmp_path):
    for number, siblings in enumerate(("0,2", "1,3", "0,2", "1,3")):
        put(tmp_path, f"sys/devices/system/cpu/cpu{number}/topology/thread_siblings_list", siblings)
    assert snapshot(tmp_path).cpu_count_physical == 2


def test_installed_packages_have_versions_and_no_local_paths():
    packages = installed_packages()
    assert packages["pydantic"][0].isdigit()
    assert not any("file:" in version for version in packages.values())
