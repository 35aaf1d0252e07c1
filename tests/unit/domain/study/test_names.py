"""Names of factors and levels for people."""

from __future__ import annotations

import pytest

from llenergymeasure.domain.study import names
from llenergymeasure.domain.study.design import Factor


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        (("pytorch.batch_size",), "batch size"),
        (("precision",), "precision"),
        (("pytorch.attn_implementation",), "attention"),
        (("max_input_tokens", "max_output_tokens"), "input length and output length"),
        (("decoder.top_k",), "top k"),
    ],
)
def test_a_factor(fields, name):
    assert names.factor_name(Factor(name=", ".join(fields), fields=fields, levels=(1, 2))) == name


@pytest.mark.parametrize(
    ("level", "text"), [(True, "on"), (False, "off"), (None, "default"), (32, "32"), ((128, None), "128/default")]
)
def test_a_level(level, text):
    assert names.level_text(level) == text


def test_lists():
    assert [names.listed(each) for each in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]


def test_a_whole_number_has_no_decimals():
    assert (names.level_text(4.0), names.level_text(0.5), names.level_text(4)) == ("4", "0.5", "4")
