"""Why child processes ended without the result that was asked for."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from llenergymeasure.core.machine.last_lines import reason_in
from llenergymeasure.exceptions import FailureKind, LLEMError, ProcessFailed
from llenergymeasure.launch.failure import Failure, error_of, first_cause
from llenergymeasure.launch.heartbeats import SILENT_S
from llenergymeasure.launch.request import Reply

# A shell counts a process that a signal ended as 128 + the signal.
BY_SIGNAL = 128
FROM_OUTSIDE = frozenset({signal.SIGHUP, signal.SIGINT, signal.SIGKILL, signal.SIGTERM})

_HOW: Mapping[FailureKind, str] = {
    "killed": "killed by a signal",
    "out_of_memory": "killed by the system, out of memory",
    "crash": "a crash",
}


@dataclass(frozen=True)
class Ending:
    """What is known when a result is missing.

    Attributes:
        replies: the replies by rank, of the processes that have replied.
        count: the number of processes.
        silent: ranks without a recent heartbeat.
        exit_code: of the process, or of the launcher of several; None while it runs.
        time_limit_s: the time limit in seconds that was passed; None when none was.
        system_killed: whether the system has ended a process of this machine for its memory in the meantime.
        output: the last lines of their output.
    """

    replies: Mapping[int, Reply]
    count: int = 1
    silent: tuple[int, ...] = ()
    exit_code: int | None = None
    time_limit_s: float | None = None
    system_killed: bool = False
    output: tuple[str, ...] = ()

    @property
    def error(self) -> LLEMError:
        """The failure of the experiment; of several processes, it names the one at fault."""
        failures = {rank: reply.failure for rank, reply in self.replies.items() if reply.failure is not None}
        first = first_cause(failures)
        if first is not None:
            return self._reported(*first)
        if self.time_limit_s is not None:
            return self._failed(f"the run did not end within its time limit of {self.time_limit_s:g} s", "timeout")
        if self.silent:
            return self._failed(f"{self._name(self.silent[0])} did not answer for {SILENT_S:g} s and was ended", "hung")
        return self._exited([rank for rank in range(self.count) if rank not in failures])

    def _reported(self, rank: int, failure: Failure) -> LLEMError:
        error = error_of(failure)
        if self.count == 1:
            return error
        return self._failed(f"rank {rank} failed: {failure.message}", error.failure_kind)

    def _exited(self, ranks: Sequence[int]) -> LLEMError:
        """The processes with these ranks ended without a reply; none when every one replied that it was ended."""
        last = reason_in(self.output)
        kind = self._kind()
        if self.count == 1:
            how = f"exit code {self.exit_code}; {_HOW[kind]}"
            return self._failed(f"the process of the experiment exited without a result ({how}): {last}", kind)
        if ranks:
            return self._failed(f"rank {ranks[0]} exited without an error message ({_HOW[kind]}): {last}", kind)
        return self._failed(f"the processes were ended: {last}", "killed")

    def _kind(self) -> FailureKind:
        number = (self.exit_code or 0) - BY_SIGNAL
        if self.system_killed and (number == signal.SIGKILL or self.count > 1):
            return "out_of_memory"
        return "killed" if number in FROM_OUTSIDE else "crash"

    def _name(self, rank: int) -> str:
        return "the process of the experiment" if self.count == 1 else f"rank {rank}"

    def _failed(self, message: str, kind: FailureKind) -> ProcessFailed:
        return ProcessFailed(message, kind, self.exit_code)


def killed_for_memory(counters: Path = Path("/proc/vmstat")) -> int | None:
    """How many processes the system has ended since it started because memory ran out; None where it does not say."""
    try:
        lines = counters.read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return None
    return next((int(count) for name, count in map(str.split, lines) if name == "oom_kill"), None)
