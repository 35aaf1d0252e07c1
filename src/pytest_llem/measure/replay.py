"""Recorded joules from a file: `{"windows": {"<node id or *>": [joules, ...]}, "fingerprint": {...}}`.

Every measured window of a test takes the next value of its list. A test without a list of its own reads the list `*`
from the beginning, so that its joules do not depend on which other tests run.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class ReplayError(ValueError):
    """A recording is invalid, or has no more joules."""


@dataclass
class Replay:
    """A recording, and the number of values that each test has read.

    Attributes:
        path: the file.
        windows: joules by node id.
        fingerprint: hard identity of the recorded machine; empty = this machine.
    """

    path: Path
    windows: Mapping[str, Sequence[float]]
    fingerprint: Mapping[str, Any]
    _read: dict[str, int] = field(default_factory=dict)

    def left(self, test: str) -> int:
        """The number of values that a test has left."""
        return len(self._of(test)) - self._read.get(test, 0)

    def next(self, test: str) -> float:
        """The joules of a test's next window.

        Raises:
            ReplayError: there are no more.
        """
        if self.left(test) < 1:
            count = len(self._of(test))
            raise ReplayError(
                f"{self.path.name} has {count} recorded windows for {test}, and all are used; record more windows"
            )
        place = self._read.get(test, 0)
        self._read[test] = place + 1
        return self._of(test)[place]

    def _of(self, test: str) -> Sequence[float]:
        return self.windows.get(test, self.windows.get("*", ()))


def read_replay(path: Path) -> Replay:
    """Read a recording.

    Raises:
        ReplayError: the file is missing, is not JSON, or is not a recording.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ReplayError(f"{path}: {error}") from error
    windows = content.get("windows") if isinstance(content, dict) else None
    if not isinstance(windows, dict) or not all(map(_is_joules, windows.values())):
        raise ReplayError(f'{path} is not {{"windows": {{"<node id or *>": [joules, ...]}}}}')
    fingerprint = content.get("fingerprint", {})
    if not isinstance(fingerprint, dict) or not all(
        value is None or isinstance(value, (str, int, float)) for value in fingerprint.values()
    ):
        raise ReplayError(f"{path}: fingerprint is not a mapping of names to plain values")
    return Replay(path, windows, fingerprint)


def _is_joules(values: object) -> bool:
    return isinstance(values, list) and all(
        isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) for value in values
    )
