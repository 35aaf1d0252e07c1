"""What repeats a measurement: a file of the same experiment, the commands, and a citation that agrees with CITATION.cff."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from llenergymeasure.config.loader import load_experiment_config
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.results.report.repeat import citation, commands, yaml_text

CITATION = Path(__file__).resolve().parents[4] / "CITATION.cff"


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


def test_the_commands_install_what_was_used_in_the_release_that_measured():
    text = commands("2.0.0", "study.yaml", ["codecarbon", "pytorch", "nvml"])
    assert text.splitlines() == [
        'pip install "llenergymeasure[pytorch,codecarbon,report]==2.0.0"',
        "llem run study.yaml --report",
    ]


def test_a_release_that_is_not_known_is_not_named():
    assert 'pip install "llenergymeasure[pytorch,report]"' in commands(None, "study.yaml", ["pytorch"])
    assert "version" not in citation(None)
    assert citation(None).endswith(",\n}")


def test_the_citation_is_that_of_the_citation_file():
    cited = yaml.safe_load(CITATION.read_text(encoding="utf-8"))
    text = citation("2.0.0")
    assert f"title = {{{cited['title']}}}" in text
    assert f"author = {{{{{' and '.join(author['name'] for author in cited['authors'])}}}}}" in text
    assert "version = {2.0.0}" in text
