"""A configuration names its dataset: a built-in name, a file, or parameters of a synthetic set."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from llenergymeasure.config.models import SyntheticDatasetConfig
from llenergymeasure.config.ssot import BUILTIN_PROMPTS
from llenergymeasure.datasets.loader import BUILTIN_DATASETS, open_dataset
from llenergymeasure.exceptions import ConfigError
from llenergymeasure.testing import FakeTokenizer


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "own.jsonl"
    path.write_text('{"text": "a bb ccc"}\n{"text": "dddd"}\n{"text": "e f"}\n', encoding="utf-8")
    return path


def complaint(dataset, n=1):
    with pytest.raises(ConfigError) as caught:
        open_dataset(dataset, n, random_seed=0)
    return str(caught.value)


def test_the_first_n_prompts_are_opened():
    few, many = open_dataset("aienergyscore", 3, 0), open_dataset("aienergyscore", 1000, 0)
    assert len(few) == 3
    assert len(many) == 1000
    assert few.texts == many.texts[:3]


def test_prompts_become_token_ids_cut_to_the_limit_at_the_end(own):
    prompts = open_dataset(str(own), 2, 0)
    assert prompts.token_ids(FakeTokenizer()) == [[11, 12, 13], [14]]


def test_a_file_is_described_by_path_hash_and_size(own):
    info = open_dataset(str(own), 2, 0).info
    assert (info.name, info.source, info.n_available, info.n_used) == (str(own), "jsonl", 3, 2)
    assert len(info.sha256) == 64
    assert (info.version, info.note) == (None, None)


def test_a_file_is_recognised_by_being_there(own, monkeypatch):
    monkeypatch.chdir(own.parent)
    own.rename("my-prompts")
    assert len(open_dataset("my-prompts", 3, 0)) == 3


def test_a_tilde_means_the_home_directory(own, monkeypatch):
    monkeypatch.setenv("HOME", str(own.parent))
    assert len(open_dataset("~/own.jsonl", 3, 0)) == 3


def test_the_built_in_name_wins_over_a_file_of_that_name(own, monkeypatch):
    monkeypatch.chdir(own.parent)
    own.rename("aienergyscore")
    assert open_dataset("aienergyscore", 1, 0).info.source == "builtin"


@pytest.mark.parametrize("name", ["AIEnergyScore", "aienergyscor", "ai-energy-score"])
def test_a_similar_name_is_suggested(name):
    assert f"unknown dataset '{name}', did you mean 'aienergyscore'?; " in complaint(name)


@pytest.mark.parametrize("name", ["wikitext", "", "x" * 5000, "a\0b"])
def test_an_unknown_name_names_what_there_is_and_how_to_give_a_file(name):
    message = complaint(name)
    assert "did you mean" not in message
    assert "built in: aienergyscore" in message
    assert "path of a file that ends with .jsonl" in message


@pytest.mark.parametrize("path", ["no/such/file", "missing.jsonl"])
def test_what_looks_like_a_path_is_reported_as_a_missing_file(path):
    assert f"dataset file {path} does not exist" in complaint(path)


def test_more_prompts_than_the_file_has_names_both_numbers_and_the_fix(own):
    assert complaint(str(own), n=4) == (
        f"dataset {own} has 3 prompts, but n is 4; set n to 3 or less, or use a larger dataset"
    )


def test_more_prompts_than_are_built_in_names_the_set():
    assert complaint("aienergyscore", n=1001).startswith("dataset aienergyscore has 1000 prompts, but n is 1001; ")


def test_more_prompts_than_a_synthetic_set_has_is_refused():
    assert "has 5 prompts, but n is 6; " in complaint(SyntheticDatasetConfig(n=5), n=6)


def test_opening_a_dataset_loads_no_heavy_library():
    code = (
        "import sys; from llenergymeasure.datasets.loader import open_dataset; open_dataset('aienergyscore', 1, 0);"
        "print(sorted({'torch', 'transformers', 'tokenizers', 'numpy', 'pyarrow', 'pandas'} & set(sys.modules)))"
    )
    source = Path(__file__).resolve().parents[3] / "src"
    found = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(source)}, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"


def test_the_home_of_an_unknown_user_is_refused():
    with pytest.raises(ConfigError, match="write the full path"):
        open_dataset("~nobody-of-that-name/p.jsonl", 1, 1)


def test_every_name_that_is_no_file_is_one_of_the_built_in_prompts():
    assert set(BUILTIN_DATASETS) == set(BUILTIN_PROMPTS)
