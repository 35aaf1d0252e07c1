"""What every finding has in common: frozen and closed."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """Base of every result type: frozen, an unknown key is an error, NaN and infinity are refused.

    Validators are built when a type is first used: most commands never use most of them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)
