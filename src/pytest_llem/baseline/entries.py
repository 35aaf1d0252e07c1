"""The content of a baseline file: frozen types, and their plain form for JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone

from pytest_llem.baseline.fingerprint import Plain

# 1  first version
SCHEMA = 1


def moment(text: str) -> datetime:
    """The time of an ISO 8601 text; UTC when it has no time zone.

    Raises:
        ValueError: the text is not an ISO 8601 time.
    """
    # Python 3.10 does not parse the Z.
    found = datetime.fromisoformat(f"{text[:-1]}+00:00" if text.endswith("Z") else text)
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)


@dataclass(frozen=True)
class Work:
    """The computed work; energies of different work are not comparable.

    Attributes:
        prompts, input_tokens, output_tokens: of one pass over the prompts; None where they are not known, as in a window around any
            code, and in a window of a server, which has parts of requests at both ends.
        flops: by the PaLM rule; None when unknown. Only for readers: a better count is not different work.
    """

    prompts: int | None
    input_tokens: int | None
    output_tokens: int | None
    flops: int | None = None

    @property
    def compared(self) -> dict[str, int | None]:
        """The counters that must be equal."""
        return {"prompts": self.prompts, "input_tokens": self.input_tokens, "output_tokens": self.output_tokens}

    def to_plain(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {**self.compared, "flops": self.flops}


@dataclass(frozen=True)
class Session:
    """Repeats of one process.

    Attributes:
        date: UTC, ISO 8601.
        git_sha: of the tested project; None outside a repository.
        git_dirty: whether tracked files differed from that commit; None when unknown.
        energy_method: counter, sampled, estimated or replayed; None when energy was not measured.
        soft: soft identity of the machine.
        samples: kept repeats by metric; a metric that was not measured is absent.
    """

    date: str
    git_sha: str | None
    git_dirty: bool | None
    energy_method: str | None
    soft: Mapping[str, Plain]
    samples: Mapping[str, tuple[float, ...]]

    def to_plain(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {
            "date": self.date,
            "git": {"sha": self.git_sha, "dirty": self.git_dirty},
            "energy_method": self.energy_method,
            "soft": dict(self.soft),
            "samples": {metric: list(values) for metric, values in self.samples.items()},
        }


@dataclass(frozen=True)
class Entry:
    """The baseline of one test with one configuration; sessions from old to new."""

    config: Mapping[str, object]
    work: Work
    sessions: tuple[Session, ...]

    def samples(self, metric: str) -> list[tuple[float, ...]]:
        """Values by session, of the sessions that measured this metric, as `stats.comparison.compare` takes them."""
        return [session.samples[metric] for session in self.sessions if metric in session.samples]

    def to_plain(self) -> dict[str, object]:
        """Plain values for JSON."""
        sessions = [session.to_plain() for session in self.sessions]
        return {"config": dict(self.config), "work": self.work.to_plain(), "sessions": sessions}


@dataclass(frozen=True)
class BaselineFile:
    """Every baseline of one hardware class.

    Attributes:
        hardware: its hard identity.
        simulated: whether its joules come from a recording; such a file never mixes with measured joules.
        entries: by test id, then by configuration hash.
    """

    hardware: Mapping[str, Plain]
    simulated: bool = False
    entries: Mapping[str, Mapping[str, Entry]] = field(default_factory=dict)

    def entry(self, test_id: str, config_hash: str) -> Entry | None:
        """The entry of this test with this configuration; None without one."""
        return self.entries.get(test_id, {}).get(config_hash)

    def with_entry(self, test_id: str, config_hash: str, entry: Entry) -> BaselineFile:
        """The same file with this entry added or replaced."""
        of_test = {**self.entries.get(test_id, {}), config_hash: entry}
        return replace(self, entries={**self.entries, test_id: of_test})

    def to_plain(self) -> dict[str, object]:
        """Plain values for JSON."""
        entries = {
            test_id: {config_hash: entry.to_plain() for config_hash, entry in by_hash.items()}
            for test_id, by_hash in self.entries.items()
        }
        return {"schema": SCHEMA, "hardware": dict(self.hardware), "simulated": self.simulated, "entries": entries}
