"""What every part of a configuration has in common: frozen, closed, and no silent conversions."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue


class FieldError(ValueError):
    """What a validator refuses.

    Attributes:
        problem: what is wrong, with the value.
        cure: what to do; empty where the problem says it.
        fields: dotted names of the fields that it is about, below the model that is validated; the first of them that is
            written somewhere is the place of the problem.
    """

    def __init__(self, problem: str, cure: str = "", *fields: str) -> None:
        self.problem, self.cure, self.fields = problem, cure, fields
        super().__init__(f"{problem}; {cure}" if cure else problem)


def effective(default: str) -> dict[str, JsonValue]:
    """What a field's None means, in words; it stands in the schema as `effective_default`."""
    return {"effective_default": default}


class ConfigModel(BaseModel):
    """Base of every configuration model: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False, defer_build=True)


def _refuse_conversion(value: Any) -> Any:
    """Python would take YAML's `yes` for 1, and text that looks like a number for that number."""
    if isinstance(value, (bool, str, bytes)):
        raise FieldError(f"a number is needed, not {str(value).lower() if isinstance(value, bool) else repr(value)}")
    return value


Integer = Annotated[int, Field(strict=True)]
Number = Annotated[float, BeforeValidator(_refuse_conversion)]
Flag = Annotated[bool, Field(strict=True)]
