"""The state of experiments that have an output directory.

```
 initialising -> measuring -> done        forward only; `failed` marks an end without a result
```

One small file per experiment below `<output>/.llem-state/`, written atomically. It exists while the experiment runs, and
is removed once there is a result. An experiment whose process was killed leaves its file until the same configuration has
a result.
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
    """The state of one experiment.

    Attributes:
        id: id of the experiment.
        config_hash: hash of its configuration.
        stage: initialising, measuring or done.
        failed: whether it ended without a result.
        machine: identifier of the host and boot on which `pid` is valid.
        pid: id of the process that runs it.
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
            InvalidStateTransitionError: `stage` does not follow the current stage.
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


def new_state(config_hash: str) -> ExperimentState:
    """The state of a new experiment of this process, not yet written."""
    return ExperimentState(id=uuid4().hex[:12], config_hash=config_hash, machine=machine_mark(), pid=os.getpid())


class StateManager:
    """The states below one output directory.

    Args:
        output_dir: directory of the results.
        is_alive: checks whether a process of this machine runs.
    """

    def __init__(self, output_dir: Path, is_alive: Callable[[int], bool] = process_is_alive) -> None:
        self._folder = output_dir / FOLDER
        self._is_alive = is_alive
        self._was_there = output_dir.exists()

    def move(self, state: ExperimentState, stage: Stage) -> ExperimentState:
        """Move an experiment forward and save its state.

        The state of an experiment that is done is removed, together with failed experiments of the same configuration,
        because there is a result now.

        Raises:
            InvalidStateTransitionError: the stage is not a step forward.
        """
        after = state.moved(stage)
        if after.stage != "done":
            return self.keep(after)
        for other in self.find_by_config_hash(after.config_hash):
            if other.failed or other.id == after.id:
                self.forget(other)
        return after

    def keep(self, state: ExperimentState) -> ExperimentState:
        """Write a state.

        Raises:
            ConfigError: the directory cannot be written to.
        """
        ensure_directory(self._folder)
        write_atomic(self._folder / f"{state.id}.json", json.dumps(asdict(state)))
        return state

    def find_by_config_hash(self, config_hash: str) -> tuple[ExperimentState, ...]:
        """Running and failed experiments of a configuration, in no particular order."""
        return tuple(state for state in self.all() if state.config_hash == config_hash)

    def all(self) -> Iterator[ExperimentState]:
        """All readable states; other files are skipped."""
        for path in sorted(self._folder.glob("*.json")):
            state = _read(path)
            if state is not None:
                yield state

    def cleanup_stale(self) -> tuple[ExperimentState, ...]:
        """Mark unfinished experiments of ended processes of this machine as failed, and return them."""
        return tuple(
            self.keep(state.moved("done", failed=True))
            for state in self.all()
            if state.stage != "done" and state.machine == machine_mark() and not self._is_alive(state.pid)
        )

    def forget(self, state: ExperimentState) -> None:
        """Remove an experiment's file, and the folders created for it if they are empty."""
        with suppress(OSError):
            (self._folder / f"{state.id}.json").unlink(missing_ok=True)
            self._folder.rmdir()
            if not self._was_there:
                self._folder.parent.rmdir()


def _read(path: Path) -> ExperimentState | None:
    """The state of a file; None for an invalid file, or one with the name of another experiment."""
    try:
        state = _STATE.validate_json(path.read_bytes(), strict=True)
    except (OSError, ValueError):  # pydantic's ValidationError is one
        return None
    return state if state.id == path.stem else None
