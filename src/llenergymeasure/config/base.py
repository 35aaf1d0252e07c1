"""What every part of a configuration has in common: frozen, closed, and no silent conversions."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


class ConfigModel(BaseModel):
    """Base of every configuration model: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False, defer_build=True)


def _refuse_conversion(value: Any) -> Any:
    """Python would take YAML's `yes` for 1, and text that looks like a number for that number."""
    if isinstance(value, (bool, str, bytes)):
        raise ValueError(f"a number is needed, not {str(value).lower() if isinstance(value, bool) else repr(value)}")
    return value


Integer = Annotated[int, Field(strict=True)]
Number = Annotated[float, BeforeValidator(_refuse_conversion)]
Flag = Annotated[bool, Field(strict=True)]
