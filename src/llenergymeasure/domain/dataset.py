"""The source of the measured prompts, in a separate module so that datasets need not import the other result types."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from llenergymeasure.domain.base import Frozen


class DatasetInfo(Frozen):
    """Where the prompts came from."""

    name: str
    source: Literal["builtin", "jsonl", "synthetic"]
    version: str | None = Field(None, description="None where the source has no version.")
    sha256: str | None = Field(
        None, description="SHA-256 of the file's bytes, or of the synthetic set's canonical JSON."
    )
    n_available: int
    n_used: int
    note: str | None = None
