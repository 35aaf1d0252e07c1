"""The built-in prompt set keeps what its description promises, and the script writes exactly what is committed."""

from __future__ import annotations

import importlib
import json
import re
import statistics
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from llenergymeasure.datasets.loader import BUILTIN_DATASETS, open_dataset
from llenergymeasure.models.builtin import BUILTIN_MODELS

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
BUILTIN = BUILTIN_DATASETS["aienergyscore"]

# When the file changes, its version goes up and a line is added: results name both.
SHA256_OF_VERSION = {"1.0": "fbcba2b7f31b374f78c222584d8d3ce68a2798484926d3ca0219d48b4d662e63"}
WORDS_AT_PERCENT = {5: 7, 25: 36, 50: 98, 75: 248, 90: 603, 95: 1057}


@pytest.fixture(scope="module")
def rows():
    return [json.loads(line) for line in BUILTIN.file.read_text(encoding="utf-8").splitlines()]


def words_at(percent, rows):
    return statistics.quantiles([row["n_words"] for row in rows], n=100, method="inclusive")[percent - 1]


def longest_shared_prefix(sequences):
    """Of all pairs; after sorting, the closest pair stands side by side."""
    ordered = sorted(sequences)
    return max(shared(one, two) for one, two in pairwise(ordered))


def shared(one, two):
    return next((i for i, (a, b) in enumerate(zip(one, two)) if a != b), min(len(one), len(two)))


@pytest.mark.parametrize("hash_seed", ["0", pytest.param("4242", marks=pytest.mark.slow)])
def test_the_script_writes_the_committed_bytes_whatever_the_hash_seed(tmp_path, hash_seed):
    output = tmp_path / "prompts.jsonl"
    command = [sys.executable, "-B", str(SCRIPTS / "make_prompts.py"), "--output", str(output)]
    subprocess.run(command, check=True, env={"PYTHONHASHSEED": hash_seed})
    assert output.read_bytes() == BUILTIN.file.read_bytes()


def test_at_most_two_percent_of_the_prompts_come_from_one_template():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SCRIPTS))
        made = list(importlib.import_module("make_prompts").make_prompts())
    per_template = Counter((prompt.kind, prompt.template) for prompt in made)
    assert len(made) == 1000
    assert len(per_template) >= 50
    assert max(per_template.values()) <= 20


def test_the_published_version_has_the_published_hash():
    info = open_dataset("aienergyscore", 1, 0).info
    assert info.sha256 == SHA256_OF_VERSION[info.version]


def test_a_thousand_prompts_have_exactly_the_documented_fields(rows):
    assert len(rows) == 1000
    assert {tuple(row) for row in rows} == {("id", "prompt", "kind", "n_words")}
    assert len({row["id"] for row in rows}) == 1000


def test_the_three_kinds_are_interleaved(rows):
    assert [row["kind"] for row in rows] == [("reference", "notice", "chat")[i % 3] for i in range(1000)]


def test_the_word_counts_are_true(rows):
    assert all(row["n_words"] == len(row["prompt"].split()) for row in rows)


@pytest.mark.parametrize(("percent", "words"), WORDS_AT_PERCENT.items())
def test_the_lengths_lie_within_three_percent_of_the_shape(rows, percent, words):
    assert words_at(percent, rows) == pytest.approx(words, rel=0.03)


@pytest.mark.parametrize("kind", ["reference", "notice", "chat"])
def test_every_kind_has_short_and_long_prompts(rows, kind):
    of_kind = [row for row in rows if row["kind"] == kind]
    assert words_at(50, of_kind) == pytest.approx(98, rel=0.1)
    assert words_at(5, of_kind) < 10
    assert words_at(95, of_kind) > 900


def test_the_first_hundred_prompts_have_the_shape_of_all(rows):
    for percent in (25, 50, 75, 90):
        assert words_at(percent, rows[:100]) == pytest.approx(WORDS_AT_PERCENT[percent], rel=0.15)


def test_the_longest_prompts_are_cut_at_2048_words(rows):
    assert max(row["n_words"] for row in rows) == 2048
    assert sum(row["n_words"] == 2048 for row in rows) < 30


def test_no_prompt_comes_twice(rows):
    assert len({row["prompt"] for row in rows}) == 1000


def test_no_prompt_repeats_a_sentence(rows):
    for row in rows:
        sentences = [s for s in re.split(r"(?<=[.!?])\s+|\n+", row["prompt"]) if len(s.split()) > 5]
        again = [sentence for sentence, count in Counter(sentences).items() if count > 1]
        assert not again, f"{row['id']}: {again}"


def test_no_slot_of_a_template_was_left_open(rows):
    assert [row["id"] for row in rows if re.search(r"\{=?\w+(-\d+)?\}|\[[^\]]*\|", row["prompt"])] == []


def test_no_two_prompts_share_more_than_sixteen_words(rows):
    assert longest_shared_prefix(row["prompt"].split() for row in rows) <= 16


@pytest.mark.torch
def test_no_two_prompts_share_more_than_sixteen_tokens(rows):
    tokenizers = pytest.importorskip("tokenizers")
    tokenizer = tokenizers.Tokenizer.from_file(str(BUILTIN_MODELS["builtin/tiny-llama"] / "tokenizer.json"))
    encoded = tokenizer.encode_batch([row["prompt"] for row in rows])
    assert longest_shared_prefix(entry.ids for entry in encoded) <= 16


def test_the_result_states_that_these_are_not_the_leaderboard_prompts():
    info = open_dataset("aienergyscore", 30, 0).info
    assert (info.name, info.source, info.n_available, info.n_used) == ("aienergyscore", "builtin", 1000, 30)
    assert "not the AI Energy Score prompts" in info.note
    assert "not leaderboard scores" in info.note
