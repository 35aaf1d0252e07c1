"""What repeats a measurement: a file of the same experiment, the commands, and a citation that agrees with CITATION.cff."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")

from llenergymeasure.config.loader import load_experiment_config
from llenergymeasure.config.meters import METERS
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.ssot import BACKENDS
from llenergymeasure.results.report.repeat import citation, commands, yaml_text

ROOT = Path(__file__).resolve().parents[4]
CITATION = ROOT / "CITATION.cff"


@pytest.mark.parametrize(
    "fields",
    [
        {"model": "acme/model"},
        {"model": 'quotes " and: colons', "n": 7, "pytorch": {"batch_size": 4, "device": "cpu"}},
        {"model": "m", "dataset": {"n": 100, "input_len": 32}, "warmup": {"n_warmup": 2}, "energy": {"backend": None}},
        {"model": "m", "passthrough_kwargs": {"a.b": None}},
    ],
    ids=["default", "batch", "sections", "further arguments"],
)
def test_the_file_describes_the_same_experiment(fields, tmp_path):
    config = ExperimentConfig(**fields)
    file = tmp_path / "experiment.yaml"
    file.write_text(yaml_text(config), encoding="utf-8")
    assert load_experiment_config(file).config_hash == config.config_hash


def test_the_commands_install_the_source_of_the_release_and_the_libraries_that_were_used():
    libraries = {"torch": "2.13.0", "transformers": "5.23.0"}
    text = commands("2.0.0", "study.yaml", ["codecarbon", "pytorch", "nvml"], libraries)
    assert text.splitlines() == [
        "# in a clone of llenergymeasure at version 2.0.0, with study.yaml in it:",
        'pip install ".[pytorch,codecarbon,report]" "torch==2.13.0" "transformers==5.23.0"',
        "llem run study.yaml --report",
    ]


def test_the_build_of_torch_for_cpus_is_installed_from_its_index_first():
    text = commands("2.0.0", "study.yaml", ["pytorch"], {"torch": "2.13.0+cpu", "transformers": "5.23.0"})
    assert text.splitlines()[1:3] == [
        'pip install "torch==2.13.0" --index-url https://download.pytorch.org/whl/cpu',
        'pip install ".[pytorch,report]" "torch==2.13.0" "transformers==5.23.0"',
    ]


def test_a_library_that_is_not_from_an_index_is_not_pinned():
    text = commands("2.0.0", "study.yaml", ["pytorch"], {"torch": "2.14.0a0 @ file:///src", "transformers": "5.23.0"})
    assert 'pip install ".[pytorch,report]" "transformers==5.23.0"' in text


def test_no_page_installs_this_package_from_an_index_that_has_another_release():
    assert "llenergymeasure[" not in commands("2.0.0", "study.yaml", ["pytorch"], {})


def test_a_release_that_is_not_known_is_not_named():
    assert "in a clone of llenergymeasure, with study.yaml" in commands(None, "study.yaml", ["pytorch"], {})
    assert "version" not in citation(None)
    assert citation(None).endswith(",\n}")


def test_the_citation_is_that_of_the_citation_file():
    cited = yaml.safe_load(CITATION.read_text(encoding="utf-8"))
    text = citation("2.0.0")
    assert f"title = {{{cited['title']}}}" in text
    assert f"author = {{{{{' and '.join(author['name'] for author in cited['authors'])}}}}}" in text
    assert "version = {2.0.0}" in text


@pytest.mark.parametrize("name", sorted({*BACKENDS, *METERS}))
def test_a_backend_or_meter_is_installed_by_its_extra_if_it_has_one(name):
    with (ROOT / "pyproject.toml").open("rb") as file:
        extras = tomllib.load(file)["project"]["optional-dependencies"]
    asked = commands("2.1.0", "experiment.yaml", {name}, {})
    assert (f'".[{name},report]"' in asked) is (name in extras)
