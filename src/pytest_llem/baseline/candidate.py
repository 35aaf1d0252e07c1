"""A candidate: the entries that a run would write into an empty folder. They can be accepted later, without measuring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pytest_llem.baseline.entries import BaselineFile

Key = tuple[str, str]  # test id and configuration hash


@dataclass(frozen=True)
class Source:
    """Where an entry comes from.

    Attributes:
        test: node id of its test.
        verdict: of its run.
        metrics: that were judged.
    """

    test: str
    verdict: str
    metrics: tuple[str, ...] = ()


@dataclass(frozen=True)
class Candidate:
    """Entries to accept, in the form of a baseline file, and their sources.

    Attributes:
        file: the entries.
        sources: by test id and configuration hash; none for the entries of a baseline file, which can be accepted too.
    """

    file: BaselineFile
    sources: Mapping[Key, Source] = field(default_factory=dict)

    def to_plain(self) -> dict[str, object]:
        """Plain values for JSON."""
        sources = [
            {
                "id": key[0],
                "config_hash": key[1],
                "test": each.test,
                "verdict": each.verdict,
                "metrics": list(each.metrics),
            }
            for key, each in sorted(self.sources.items())
        ]
        return {**self.file.to_plain(), "candidate": sources}
