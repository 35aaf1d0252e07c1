"""A job array with one element per cycle, and its script. The number of an element is the number of its cycle."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from llenergymeasure.domain.files.study import resume_command
from llenergymeasure.exceptions import ConfigError
from llenergymeasure.security import sanitise_name
from llenergymeasure.study.executors.executor import worker_command

# c2.1.json: the first submission of cycle 2.
TASK = re.compile(r"c(?P<cycle>\d+)\.(?P<submission>\d+)\.json")
DIRECTIVE = "#SBATCH"
LONGEST_NAME = 100


@dataclass(frozen=True)
class JobArray:
    """Cycles that are submitted together.

    Attributes:
        tasks: the folder of the tasks, as an absolute path.
        submission: how often these cycles were submitted, from 1.
        cycles: their numbers.
        parameters: what the user wants of sbatch, by long names.
        at_once: how many cycles may run at the same time; None = no limit.
    """

    tasks: Path
    submission: int
    cycles: tuple[int, ...]
    parameters: Mapping[str, str]
    at_once: int | None = None

    @property
    def name(self) -> str:
        """The name of the job. No other study and no other submission of these cycles has it."""
        study = self.tasks.parent
        digest = hashlib.sha256(str(study).encode("utf-8", "surrogateescape")).hexdigest()[:8]
        return f"{sanitise_name(study.name, LONGEST_NAME)}.{digest}.{self.submission}"

    @property
    def script_file(self) -> Path:
        """Where the script is kept."""
        return self.tasks / f"c{self.cycles[0]}.{self.submission}.sh"

    def task(self, cycle: int) -> Path:
        """The task of a cycle."""
        return self.tasks / f"c{cycle}.{self.submission}.json"

    @property
    def all_parameters(self) -> dict[str, str]:
        """The parameters of sbatch by their long names."""
        limit = "" if self.at_once is None else f"%{self.at_once}"
        folder = str(self.tasks).replace("%", "%%")  # sbatch replaces %a by the number of the element
        ours = {
            "job-name": self.name,
            "array": ",".join(map(str, self.cycles)) + limit,
            "output": f"{folder}/c%a.{self.submission}.log",
            "open-mode": "append",
            "nodes": "1",
            "ntasks": "1",
        }
        again = {} if "no-requeue" in self.parameters else {"requeue": ""}
        return {**ours, **again, **self.parameters}


def arrays_of(tasks: Sequence[Path], parameters: Mapping[str, str], at_once: int | None = None) -> list[JobArray]:
    """The job arrays of some tasks: one for each number of submissions.

    Raises:
        ConfigError: a script cannot have this path.
    """
    found: dict[tuple[Path, int], list[int]] = defaultdict(list)
    for task in tasks:
        match = TASK.fullmatch(task.name)
        if match is None or not str(task.absolute()).isprintable():
            raise ConfigError(f"{str(task)!r} cannot be a task of Slurm", "choose another --output")
        found[task.absolute().parent, int(match["submission"])].append(int(match["cycle"]))
    return [
        JobArray(place, submission, tuple(cycles), parameters, at_once) for (place, submission), cycles in found.items()
    ]


def script(array: JobArray, interpreter: str) -> str:
    """The script of a job array, for sbatch.

    Args:
        array: the cycles.
        interpreter: the Python interpreter of the workers, on every node.
    """
    python, study = shlex.quote(interpreter), array.tasks.parent
    *program, _ = worker_command(interpreter, array.tasks)
    task = f'{shlex.quote(f"{array.tasks}/c")}"$SLURM_ARRAY_TASK_ID".{array.submission}.json'
    lines = [
        "#!/bin/bash",
        f"# The cycles of the study in {study}, an element each. After sbatch, collect the results with:",
        f"#   {resume_command(study)} --executor slurm",
        *(_directive(key, value) for key, value in array.all_parameters.items()),
        "",
        f"if ! [ -x {python} ]; then",
        f'  echo "$(hostname) has no" {python}: install llenergymeasure where every node sees it >&2',
        "  exit 127",
        "fi",
        f"exec {shlex.join(program)} {task}",
    ]
    return "\n".join(lines) + "\n"


def _directive(key: str, value: str) -> str:
    return f"{DIRECTIVE} --{key}={shlex.quote(value)}" if value else f"{DIRECTIVE} --{key}"
