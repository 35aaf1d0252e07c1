"""The snapshot, on machines made of files."""

from __future__ import annotations

import json

import pytest

from llenergymeasure.core.environment import installed_packages, take_snapshot
from llenergymeasure.domain.environment import CudaFacts, EnvironmentSnapshot


def snapshot(root, environ=None, answers=None, **options):
    def run(command):
        return (answers or {}).get(command[0] if command[0] != "git" else " ".join(command[:2]))

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


def test_installed_packages_have_versions_and_no_local_paths():
    packages = installed_packages()
    assert packages["pydantic"][0].isdigit()
    assert not any("file:" in version for version in packages.values())
