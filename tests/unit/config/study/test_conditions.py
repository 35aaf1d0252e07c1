"""Partial assignments: how they are written, and what they match."""

from __future__ import annotations

import pytest

from llenergymeasure.config.study.conditions import flattened, listed, matches, path_of, why_none

CELLS = [
    {"precision": "bf16", "n": 1},
    {"precision": "fp16", "n": 2},
    {"precision": "fp16", "pytorch.batch_size": None},
]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"n": 1}, {"n": 1}),
        (
            {"pytorch": {"batch_size": 1, "max_memory": {"cpu": 2}}},
            {"pytorch.batch_size": 1, "pytorch.max_memory": {"cpu": 2}},
        ),
        ({"pytorch.max_memory": {"cpu": 2}}, {"pytorch.max_memory": {"cpu": 2}}),
        ({"server": {"arguments": {"a.b": 1}, "gpus": [0]}}, {"server.arguments.a.b": 1, "server.gpus": [0]}),
        ({"server.arguments": {"a": 1}, "traffic": {"rate": 2}}, {"server.arguments.a": 1, "traffic.rate": 2}),
        ({"passthrough_kwargs": {"a": {"b": 1}}}, {"passthrough_kwargs.a": {"b": 1}}),
        ({"n, random_seed": [1, 2]}, {"n": 1, "random_seed": 2}),
        ({"decoder": {}}, {"decoder": {}}),
        ({5: 6}, {"5": 6}),
    ],
)
def test_sections_and_fields_named_together_become_dotted_fields(written, expected):
    assert flattened(written) == expected


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("n", ("n",)),
        ("pytorch.max_memory.cpu", ("pytorch", "max_memory.cpu")),
        ("passthrough_kwargs.a.b", ("passthrough_kwargs", "a.b")),
        ("server.arguments", ("server", "arguments")),
        ("server.arguments.a.b", ("server", "arguments", "a.b")),
    ],
)
def test_a_name_is_split_at_its_first_dot_and_an_argument_at_its_second(name, path):
    assert path_of(name) == path


def test_all_values_must_agree_and_null_is_a_value():
    assert [matches({"precision": "fp16", "n": 2}, cell) for cell in CELLS] == [False, True, False]
    assert [matches({"pytorch.batch_size": None}, cell) for cell in CELLS] == [False, False, True]
    assert matches({}, {})


def test_the_first_name_or_value_that_does_not_occur_is_named():
    assert why_none({"precison": 1}, CELLS) == ("precison is not a field of these cells", "did you mean 'precision'?")
    assert why_none({"precision": "fp16", "n": 3}, CELLS) == ("no cell has n 3", "levels: 1, 2")
    assert why_none({"precision": "bf16", "n": 2}, CELLS) == ("no cell has these values together", "change one of them")


def test_many_levels_are_cut():
    assert listed(range(12)) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, and 2 more"
