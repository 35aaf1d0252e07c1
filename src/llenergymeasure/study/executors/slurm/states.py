"""What squeue says about the elements of job arrays.

squeue and not sacct: many clusters have no accounting. The controller forgets a job some minutes after its end (MinJobAge, by
default 300 s); an element that squeue no longer lists has ended.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from llenergymeasure.study.executors.executor import Status

# One line per element of an array; `all`: also those that have just ended. The name comes last, because it may have blanks.
COMMAND = ("squeue", "--me", "--array", "--noheader", "--states=all", "--format=%F %K %T %j")
WAITING = frozenset(
    {"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "RESV_DEL_HOLD", "SPECIAL_EXIT"}
)
RUNNING = frozenset({"RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "RESIZING", "STAGE_OUT"})
ENDED = "COMPLETED"


@dataclass(frozen=True)
class Element:
    """An element of a job array.

    Attributes:
        job: the number of the array.
        index: its number in the array.
        state: as Slurm writes it, such as PENDING.
        name: name of the job.
    """

    job: str
    index: int
    state: str
    name: str

    @property
    def handle(self) -> str:
        """The name of the element for Slurm's programs, such as 71_2."""
        return f"{self.job}_{self.index}"

    @property
    def status(self) -> Status:
        """Its status. What did not complete, such as a cancelled element, is lost."""
        if self.state in WAITING:
            return "waiting"
        if self.state in RUNNING:
            return "running"
        return "ended" if self.state == ENDED else "lost"


def elements_in(output: str) -> Iterator[Element]:
    """The elements that squeue lists. Jobs that are no arrays are left out."""
    for line in output.splitlines():
        job, index, state, name = (*line.split(maxsplit=3), "", "", "", "")[:4]
        if index.isdecimal():
            yield Element(job, int(index), state, name)
