"""A field with valid names accepts those of installed packages, and its message lists them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Annotated, Literal

import pytest
from pydantic import TypeAdapter, ValidationError

from llenergymeasure.config.extensions.names import or_installed
from llenergymeasure.config.extensions.table import Table


def field(*names):
    points = [SimpleNamespace(name=name, value="x:Y", dist=None, load=lambda: 1) for name in names]
    table = Table({"a": 0, "b": 0}, "group", int, "part", lambda group: points)
    return TypeAdapter(Annotated[Literal["a", "b"], or_installed(table, "a", "b")])


def test_built_in_and_installed_names_are_accepted():
    assert [field("own").validate_python(name) for name in ("a", "own")] == ["a", "own"]


@pytest.mark.parametrize("value", ["c", 5, None, ["own"]])
def test_another_value_is_refused_with_all_names(value):
    with pytest.raises(ValidationError, match="Input should be 'a', 'b', 'own'") as caught:
        field("own").validate_python(value)
    (error,) = caught.value.errors()
    assert error["type"] == "literal_error"
    assert error["ctx"]["valid"] == ("a", "b", "own")


def test_without_packages_the_message_is_the_usual_one():
    with pytest.raises(ValidationError, match="Input should be 'a' or 'b'"):
        field().validate_python("c")


def test_the_schema_lists_the_built_in_names():
    assert field("own").json_schema()["enum"] == ["a", "b"]
