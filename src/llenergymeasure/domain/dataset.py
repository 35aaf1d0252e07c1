"""Which prompts were measured. A file of its own: who only asks for prompts need not load the blocks of a result."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from llenergymeasure.domain.base import Frozen


class DatasetInfo(Frozen):
    """Where the prompts came from."""

    name: str
    source: Literal["builtin", "jsonl", "synthetic"]
    version: str | None = Field(None, description="None where the source has no version.")
    sha256: str | None = Field(None, description="Of the file's bytes, or of the synthetic set's canonical JSON.")
    n_available: int
    n_used: int
    note: str | None = None
