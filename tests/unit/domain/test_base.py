"""Data as JSON."""

from __future__ import annotations

import json

import pytest
from pydantic import computed_field

from llenergymeasure.domain.base import Derived, Frozen, json_of


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


class Total(Derived):
    """Data with a computed field."""

    text: str

    @computed_field
    @property
    def total(self) -> int:
        return 1


def test_data_with_computed_fields_is_written_as_pydantic_would():
    data = Total(text="\u00fc")
    assert data.model_dump_json(indent=2, ensure_ascii=True) == '{\n  "text": "\\u00fc",\n  "total": 1\n}'
    assert data.model_dump_json(exclude={"total"}) == '{"text":"\u00fc"}'


class Interrupted(Derived):
    """An interrupt arrives while its field is computed."""

    @computed_field
    @property
    def total(self) -> int:
        raise KeyboardInterrupt


class Holder(Frozen):
    """Holds one."""

    held: Interrupted


@pytest.mark.parametrize(
    "written", [json_of, lambda data: data.model_dump_json(), lambda data: json_of(Holder(held=data))]
)
def test_an_interrupt_while_a_field_is_computed_stays_an_interrupt(written):
    with pytest.raises(KeyboardInterrupt):
        written(Interrupted())
