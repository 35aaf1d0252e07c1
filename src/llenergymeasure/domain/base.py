"""The base types of results: frozen, and without unknown keys."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic.functional_validators import ModelWrapValidatorHandler
from pydantic_core import PydanticSerializationError, to_json
from typing_extensions import Self


def json_of(data: BaseModel, indent: int | None = None, *, ensure_ascii: bool = False, **how: Any) -> bytes:
    """Data as JSON in UTF-8. A lone surrogate, as in the name of a file that is not UTF-8, is escaped.

    pydantic's own `model_dump_json` would put an error of pydantic into the place of an interrupt in a computed field.

    Args:
        data: the data.
        indent: of nested values; None = one line.
        ensure_ascii: whether all other characters than those of ASCII are escaped.
        how: arguments of pydantic's `model_dump`.
    """
    content = data.model_dump(mode="json", **how)
    try:
        return to_json(content, indent=indent, ensure_ascii=ensure_ascii)
    except PydanticSerializationError:  # pydantic writes no surrogates
        return json.dumps(content, indent=indent, allow_nan=False).encode("ascii")


class Frozen(BaseModel):
    """Base of every result type: frozen, an unknown key is an error, NaN and infinity are refused.

    Validators are built when a type is first used, because most commands use few of them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)


class Derived(Frozen):
    """A type with computed fields. They are written to JSON, and compared with recomputed values when it is read.

    Attributes:
        derived_sentences: computed fields with text for people, which another release may word differently.
    """

    derived_sentences: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="wrap")
    @classmethod
    def _derived_values_agree(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if not isinstance(data, dict):
            return handler(data)
        derived = {name: value for name, value in data.items() if name in cls.model_computed_fields}
        stored = cls._with_new_fields(data)
        result = handler({name: value for name, value in stored.items() if name not in derived})
        expected = result.model_dump(mode="json", include=set(derived)) if derived else {}
        for name, value in derived.items():
            if value != expected[name] and name not in cls.derived_sentences:
                raise ValueError(f"{name} is {value!r} in the file, but its parts give {expected[name]!r}")
        return result

    def model_dump_json(self, *, indent: int | None = None, **how: Any) -> str:
        """The data as JSON."""
        return json_of(self, indent, **how).decode()

    @classmethod
    def _with_new_fields(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Data of an older release, with fields added that newer computed fields need."""
        return data
