"""Names in configurations that an installed package may add to the built-in ones."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import PydanticCustomError

from llenergymeasure.config.extensions.table import Table


def or_installed(table: Table[Any], *valid: str) -> WrapValidator:
    """Accepts, beside the valid names of a field, those of installed packages. They are looked for when a name is not valid."""

    def check(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except ValidationError:
            if isinstance(value, str) and value in table:
                return value
            others = table.installed_names()
            if not others:
                raise
            names = (*valid, *others)
            facts = {"expected": ", ".join(map(repr, names)), "valid": names}
            raise PydanticCustomError("literal_error", "Input should be {expected}", facts) from None

    return WrapValidator(check)
