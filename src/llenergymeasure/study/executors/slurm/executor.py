"""The executor for Slurm: each submission is a job array, and each cycle an element of it.

```
 script and tasks on the shared disk . sbatch . squeue . journal of the worker on the shared disk
```

Slurm starts an element again after pre-emption or the failure of its node (`--requeue`). The handle of a task is that of its
element, such as 71_2. A later process finds the elements of a submission also by the name of the job: a process that was
killed between sbatch and its own next step leaves no cycle twice.
"""

from __future__ import annotations

import math
import platform
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from llenergymeasure._files import write_atomic
from llenergymeasure.core.machine.clock import SystemClock
from llenergymeasure.exceptions import LLEMError, PreFlightError
from llenergymeasure.progress import NotesOnce
from llenergymeasure.protocols import Clock
from llenergymeasure.study.executors.executor import ExecutorContext, Status
from llenergymeasure.study.executors.slurm import states
from llenergymeasure.study.executors.slurm.array import JobArray, arrays_of, script
from llenergymeasure.study.executors.slurm.findings import slurm_findings, slurm_notes
from llenergymeasure.study.executors.slurm.parameters import as_option, checked, with_gpus
from llenergymeasure.study.executors.slurm.programs import Run, run_program
from llenergymeasure.study.executors.task import study_folder

# The controller serves a whole cluster. What a worker writes is read from its journal, so squeue is needed for lost cycles only.
ASK_EVERY_S = 5.0
ALIVE = frozenset({"waiting", "running"})


def create(context: ExecutorContext) -> SlurmExecutor:
    """The executor for the cluster of this machine.

    Raises:
        ConfigError: an option is not valid, or the number of GPUs is not known.
        PreFlightError: Slurm would not take the cycles.
    """
    executor = SlurmExecutor(context)
    findings = slurm_findings(executor.parameters)
    if findings:
        raise PreFlightError(findings)
    return executor


class SlurmExecutor:
    """Submits cycles to Slurm.

    Args:
        context: options are parameters of sbatch by their long names.
        run: runs a program.
        clock: time.

    Attributes:
        parameters: these parameters, with the GPUs.

    Raises:
        ConfigError: an option is not valid, or the number of GPUs is not known.
    """

    name = "slurm"
    outlives = True

    def __init__(self, context: ExecutorContext, run: Run = run_program, clock: Clock | None = None) -> None:
        self.parameters = with_gpus(checked(context.options), context.gpus_per_run)
        self._at_once, self._python, self._progress = context.parallel, context.interpreter, NotesOnce(context.progress)
        self._run, self._clock = run, clock or SystemClock()
        self._known: dict[str, Status] = {}
        self._asked_s = -math.inf

    def script_of(self, tasks: Sequence[Path]) -> str:
        """The script that `submit` would submit, of tasks that were never submitted."""
        (array,) = self._arrays(tasks)
        return script(array, self._python)

    def _arrays(self, tasks: Sequence[Path]) -> list[JobArray]:
        for folder in dict.fromkeys(study_folder(task) for task in tasks):
            for note in slurm_notes(folder, Path(self._python), platform.node(), self._run):
                self._progress.note(note)
        return arrays_of(tasks, self.parameters, self._at_once)

    def submit(self, tasks: Sequence[Path]) -> list[str]:
        """Submit tasks, except those that an earlier process submitted and that still wait or run.

        Raises:
            LLEMError: Slurm refused them; with its message.
        """
        handles: dict[Path, str] = {}
        for array in self._arrays(tasks):
            handles |= self._submitted(array)
        return [handles[task.absolute()] for task in tasks]

    def _submitted(self, array: JobArray) -> dict[Path, str]:
        there = self._earlier(array)
        missing = tuple(cycle for cycle in array.cycles if cycle not in there)
        if missing:
            there |= self._sbatch(replace(array, cycles=missing))
        return {array.task(cycle): there[cycle] for cycle in array.cycles}

    def _earlier(self, array: JobArray) -> dict[int, str]:
        """The elements of this submission that wait or run, by their cycle."""
        answer = self._run(states.COMMAND)
        if answer.code != 0:
            raise LLEMError(f"Slurm did not say which jobs there are: {answer.message}; check with: squeue --me")
        return {
            each.index: each.handle
            for each in states.elements_in(answer.output)
            if each.name == array.name and each.status in ALIVE
        }

    def _sbatch(self, array: JobArray) -> dict[int, str]:
        write_atomic(array.script_file, script(array, self._python))
        # On the command line too: there they count more than the user's variables, such as SBATCH_PARTITION.
        options = [as_option(*each) for each in array.all_parameters.items()]
        answer = self._run(["sbatch", "--parsable", *options, str(array.script_file)])
        job = answer.output.strip().partition(";")[0]
        if answer.code != 0 or not job.isdecimal():
            raise LLEMError(f"sbatch did not submit {array.script_file}: {answer.message}")
        handles = {cycle: f"{job}_{cycle}" for cycle in array.cycles}
        self._known |= dict.fromkeys(handles.values(), "waiting")
        return handles

    def poll(self, handles: Sequence[str]) -> dict[str, Status]:
        """The status of each element. While the controller does not answer, or was asked just now, it is the last one known."""
        open_ = [handle for handle in handles if self._known.get(handle, "waiting") in ALIVE]
        now_s = self._clock.now()
        if open_ and now_s - self._asked_s >= ASK_EVERY_S:
            self._asked_s = now_s
            self._ask(open_)
        return {handle: self._known.get(handle, "waiting") for handle in handles}

    def _ask(self, handles: Sequence[str]) -> None:
        answer = self._run(states.COMMAND)
        if answer.code != 0:
            self._progress.note(f"Slurm does not answer, and is asked again: {answer.message}")
            return
        found = {each.handle: each.status for each in states.elements_in(answer.output)}
        self._known |= {handle: found.get(handle, "lost") for handle in handles}

    def cancel(self, handles: Sequence[str]) -> None:
        """Cancel the elements that wait or run.

        Raises:
            LLEMError: Slurm did not cancel one of them.
        """
        if not handles:
            return
        answer = self._run(["scancel", *handles])
        if answer.code != 0 and self._any_alive(handles):
            raise LLEMError(f"scancel did not cancel {' '.join(handles)}: {answer.message}")

    def _any_alive(self, handles: Sequence[str]) -> bool:
        """Whether one of the elements may still run. scancel also fails for one that has ended."""
        answer = self._run(states.COMMAND)
        alive = {each.handle for each in states.elements_in(answer.output) if each.status in ALIVE}
        return answer.code != 0 or bool(alive & set(handles))

    def close(self) -> None:
        """Nothing to close: the elements go on."""
