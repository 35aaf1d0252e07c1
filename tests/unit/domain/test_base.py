"""Data as JSON."""

from __future__ import annotations

import json

import pytest

from llenergymeasure.domain.base import Frozen, json_of


class Note(Frozen):
    text: str
    other: float | None = None


@pytest.mark.parametrize("text", ["plain", "\u00fc\u4e2d\U0001f600", "p\udcff.jsonl", '"\\\n'])
@pytest.mark.parametrize("how", [{}, {"indent": 1}, {"exclude_defaults": True}])
def test_any_text_comes_back(text, how):
    note = Note(text=text)
    assert Note.model_validate(json.loads(json_of(note, **how))) == note


def test_it_is_as_pydantic_writes_it_where_that_can():
    note = Note(text="\u00fc", other=0.1)
    assert json_of(note, indent=1) == note.model_dump_json(indent=1).encode()
