"""The identity of a study: a hash over its cells, its reference and its prompts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.ssot import BUILTIN_PROMPTS

BLOCK_BYTES = 2**20


def design_hash(cells: Sequence[str], reference: str, prompts: Mapping[str, str]) -> str:
    """16 hex digits; the same on every machine.

    Args:
        cells: hash of each cell's configuration, in order.
        reference: that of the reference.
        prompts: digest of each file of prompts, by its path; without one, prompts are known from the configurations.
    """
    parts = {"cells": cells, "reference": reference} | ({"prompts": dict(prompts)} if prompts else {})
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()[:16]


def prompt_digests(experiments: Iterable[ExperimentConfig]) -> dict[str, str]:
    """SHA-256 of each file of prompts, by its path as it is configured.

    A file that cannot be read is left out: the check before a run reports it.
    """
    names = dict.fromkeys(each.dataset for each in experiments if isinstance(each.dataset, str))
    digests = {name: _digest(Path(name)) for name in names if name not in BUILTIN_PROMPTS}
    return {name: digest for name, digest in digests.items() if digest is not None}


def _digest(path: Path) -> str | None:
    digest = hashlib.sha256()
    try:
        place = path.expanduser()
        if not place.is_file():
            return None
        with place.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                digest.update(block)
    except (OSError, ValueError, RuntimeError):  # also a name that is no path, or of a user that does not exist
        return None
    return digest.hexdigest()
