"""Axes become cells, in the order of the file; an axis of a backend's section multiplies only that backend's cells."""

from __future__ import annotations

import pytest

from llenergymeasure.config.study.grid import MAX_CELLS
from llenergymeasure.config.study.load import load_study_config
from llenergymeasure.exceptions import ConfigError


@pytest.fixture
def study(tmp_path):
    def load(text, overrides=None, sweeps=()):
        path = tmp_path / "study.yaml"
        path.write_text(text, encoding="utf-8")
        return load_study_config(path, overrides, sweeps)

    return load


@pytest.fixture
def complaint(study, tmp_path):
    def load(*arguments):
        with pytest.raises(ConfigError) as caught:
            study(*arguments)
        return str(caught.value).replace(str(tmp_path / "study.yaml"), "study.yaml")

    return load


def test_axes_multiply_in_the_order_of_the_file_and_the_last_changes_fastest(study):
    found = study("model: m\nsweep:\n  precision: [fp16, bf16]\n  pytorch.batch_size: [1, 8]\n").experiments
    assert [(each.precision, each.pytorch.batch_size) for each in found] == [
        ("fp16", 1),
        ("fp16", 8),
        ("bf16", 1),
        ("bf16", 8),
    ]


def test_two_backends_with_their_own_axes_are_ten_cells(study):
    found = study(
        "model: m\nsweep:\n  backend: [pytorch, vllm]\n  precision: [fp16, bf16]\n"
        "  pytorch.batch_size: [1, 8, 32]\n  vllm.max_num_seqs: [64, 256]\n"
    ).experiments
    assert len(found) == 10
    assert [each.backend for each in found] == ["pytorch"] * 6 + ["vllm"] * 4
    assert all(each.vllm is None for each in found[:6])
    assert all(each.pytorch is None for each in found[6:])


def test_an_axis_of_a_backend_may_stand_before_the_backend(study):
    found = study("model: m\nsweep:\n  pytorch.batch_size: [1, 8]\n  backend: [pytorch, vllm]\n").experiments
    assert [(each.backend, each.pytorch and each.pytorch.batch_size) for each in found] == [
        ("pytorch", 1),
        ("vllm", None),
        ("pytorch", 8),
    ]


def test_more_cells_than_the_limit_are_refused_before_they_are_built(complaint):
    axes = "".join(
        f"  {name}: [{', '.join(map(str, range(1, 11)))}]\n" for name in ("n", "random_seed", "max_output_tokens")
    )
    axes += (
        "  max_input_tokens: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n  pytorch.batch_size: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n"
    )
    message = complaint(f"model: m\nsweep:\n{axes}")
    assert message == f"study.yaml: the sweep has 100,000 cells, more than {MAX_CELLS:,}; list fewer values"
