"""The base of all configuration models: they are frozen, refuse unknown keys and convert no value silently."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue

# A day. A longer window, or a longer pause between two runs, would be an oversight.
MOST_SECONDS = 86400.0


class FieldError(ValueError):
    """A validator refused a value.

    Attributes:
        problem: what is wrong, with the value.
        fix: what to do; empty where the problem states it.
        fields: dotted names of the fields concerned, relative to the validated model. The problem is located at the
            first of them that is written in the file.
    """

    def __init__(self, problem: str, fix: str = "", *fields: str) -> None:
        self.problem, self.fix, self.fields = problem, fix, fields
        super().__init__(f"{problem}; {fix}" if fix else problem)


class ContradictionError(FieldError):
    """Values that are valid alone do not go together. In a grid, such a cell is skipped; any other error is one of the file."""


def effective(default: str) -> dict[str, JsonValue]:
    """The schema entry `effective_default`: what None means for a field, in words."""
    return {"effective_default": default}


class ConfigModel(BaseModel):
    """Base of every configuration model: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False, defer_build=True)


def _refuse_conversion(value: Any) -> Any:
    """Refuse what Python would convert: YAML's `yes` to 1, and text that looks like a number to that number."""
    if isinstance(value, (bool, str, bytes)):
        raise FieldError(f"a number is needed, not {str(value).lower() if isinstance(value, bool) else repr(value)}")
    return value


Integer = Annotated[int, Field(strict=True)]
Number = Annotated[float, BeforeValidator(_refuse_conversion)]
Flag = Annotated[bool, Field(strict=True)]
