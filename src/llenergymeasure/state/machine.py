"""The state of experiments that have an output directory.

```
 initialising -> measuring -> done        forward only; `failed` says how it ended
```

One small file per experiment below `<output>/.llem-state/`, written whole or not at all. It is there while the experiment
runs; once there is a result, the result speaks for itself and the file goes. What was killed leaves its file, which says so
until the same configuration has a result.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, get_args
from uuid import uuid4

from pydantic import TypeAdapter

from llenergymeasure._files import ensure_directory, machine_mark, process_is_alive, write_atomic
from llenergymeasure.exceptions import InvalidStateTransitionError

Stage = Literal["initialising", "measuring", "done"]
STAGES: tuple[Stage, ...] = get_args(Stage)
FOLDER = ".llem-state"


@dataclass(frozen=True)
class ExperimentState:
    """Where one experiment stands.

    Attributes:
        id: its own.
        config_hash: of its configuration.
        stage: initialising, measuring or done.
        failed: whether it ended, or is about to end, without a result.
        machine: mark of the host and boot on which `pid` means something.
        pid: the process that runs it.
    """

    id: str
    config_hash: str
    stage: Stage = "initialising"
    failed: bool = False
    machine: str = ""
    pid: int = 0

    def moved(self, stage: Stage, *, failed: bool = False) -> ExperimentState:
        """The state after this one.

        Raises:
            InvalidStateTransitionError: `stage` does not come after the present one.
        """
        is_next = STAGES.index(stage) == STAGES.index(self.stage) + 1
        gives_up = failed and stage == "done" and self.stage != "done"
        if not (is_next or gives_up):
            raise InvalidStateTransitionError(
                f"experiment {self.id} is {self.stage} and cannot become {stage}; states only move forward: "
                + " -> ".join(STAGES)
            )
        return replace(self, stage=stage, failed=failed)


_STATE = TypeAdapter(ExperimentState)


class StateManager:
    """The states below one output directory.

    Args:
        output_dir: where results go.
        is_alive: whether a process of this machine runs.
    """

    def __init__(self, output_dir: Path, is_alive: Callable[[int], bool] = process_is_alive) -> None:
        self._folder = output_dir / FOLDER
        self._is_alive = is_alive
        self._was_there = output_dir.exists()

    def begin(self, config_hash: str) -> ExperimentState:
        """A new experiment of this process.

        Raises:
            ConfigError: the directory cannot be written to.
        """
        state = ExperimentState(id=uuid4().hex[:12], config_hash=config_hash, machine=machine_mark(), pid=os.getpid())
        return self._kept(state)

    def move(self, state: ExperimentState, stage: Stage, *, failed: bool = False) -> ExperimentState:
        """Move an experiment forward and keep it; what is done without a failure is forgotten.

        With it go those of the same configuration that failed: there is a result now.

        Raises:
            InvalidStateTransitionError: it is not a step forward.
        """
        after = state.moved(stage, failed=failed)
        if after.stage != "done" or failed:
            return self._kept(after)
        for other in self.find_by_config_hash(after.config_hash):
            if other.failed or other.id == after.id:
                self.forget(other)
        return after

    def _kept(self, state: ExperimentState) -> ExperimentState:
        ensure_directory(self._folder)
        write_atomic(self._folder / f"{state.id}.json", json.dumps(asdict(state)))
        return state

    def find_by_config_hash(self, config_hash: str) -> tuple[ExperimentState, ...]:
        """Experiments of a configuration that run or failed, in no particular order."""
        return tuple(state for state in self.all() if state.config_hash == config_hash)

    def all(self) -> Iterator[ExperimentState]:
        """Every state that can be read; a file that is not one is passed over."""
        for path in sorted(self._folder.glob("*.json")):
            state = _read(path)
            if state is not None:
                yield state

    def cleanup_stale(self) -> tuple[ExperimentState, ...]:
        """Mark as failed what a process of this machine left unfinished when it died; returns those experiments."""
        return tuple(
            self._kept(state.moved("done", failed=True))
            for state in self.all()
            if state.stage != "done" and state.machine == machine_mark() and not self._is_alive(state.pid)
        )

    def forget(self, state: ExperimentState) -> None:
        """Remove an experiment's file, and the folders that were made for it and are empty without it."""
        with suppress(OSError):
            (self._folder / f"{state.id}.json").unlink()
            self._folder.rmdir()
            if not self._was_there:
                self._folder.parent.rmdir()


def _read(path: Path) -> ExperimentState | None:
    """The state; None for a file that is not one, or is one under another's name, which nobody writes."""
    try:
        state = _STATE.validate_json(path.read_bytes(), strict=True)
    except (OSError, ValueError):  # pydantic's ValidationError is one
        return None
    return state if state.id == path.stem else None
