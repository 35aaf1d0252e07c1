"""Slurm's programs without Slurm: jobs are submitted, listed and cancelled in memory."""

from __future__ import annotations

import re
from collections.abc import Sequence

from llenergymeasure.study.executors.slurm.programs import Answer

NO_CONTROLLER = Answer(1, errors="slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n")


class FakeSlurm:
    """A cluster in memory; call it as `run_program`.

    Attributes:
        states: the state of each element by its handle; an element can be removed, as the controller does.
        names: the name of each job.
        commands: what was called.
        answers: answers that are given instead, by the name of the program.
        partitions: its partitions.
        nodes: its nodes.
        node_states: the states of its nodes.
    """

    def __init__(self) -> None:
        self.states: dict[str, str] = {}
        self.names: dict[str, str] = {}
        self.commands: list[list[str]] = []
        self.answers: dict[str, Answer] = {}
        self.partitions = ["gpu", "long"]
        self.nodes = ["node1", "node2"]
        self.node_states = ["idle", "mixed"]

    def __call__(self, arguments: Sequence[str]) -> Answer:
        self.commands.append(list(arguments))
        program, *rest = arguments
        if program in self.answers:
            return self.answers[program]
        if "--version" in rest:
            return Answer(0, "slurm 24.11.5\n")
        return {"sbatch": self._sbatch, "squeue": self._squeue, "scancel": self._scancel, "sinfo": self._sinfo}[
            program
        ](rest)

    def called(self, program: str) -> list[list[str]]:
        """The arguments of the calls of a program."""
        return [command[1:] for command in self.commands if command[0] == program]

    def _sbatch(self, rest: list[str]) -> Answer:
        if "--test-only" in rest:
            return Answer(0)
        options = dict(option.removeprefix("--").partition("=")[::2] for option in rest)
        job = str(70 + len(self.names))
        self.names[job] = options["job-name"]
        for index in options["array"].partition("%")[0].split(","):
            self.states[f"{job}_{index}"] = "PENDING"
        return Answer(0, f"{job};cluster\n")

    def _squeue(self, rest: list[str]) -> Answer:
        lines = [
            f"{job} {index} {state} {self.names[job]}"
            for handle, state in self.states.items()
            for job, index in [handle.split("_")]
        ]
        return Answer(0, "\n".join(["12 N/A RUNNING a shell", *lines, ""]))

    def _scancel(self, rest: list[str]) -> Answer:
        alive = [handle for handle in rest if self.states.get(handle) in ("PENDING", "RUNNING")]
        self.states |= dict.fromkeys(alive, "CANCELLED")
        ended = [handle for handle in rest if handle not in alive]
        return Answer(1, errors=f"scancel: error: Invalid job id {ended[0]}\n") if ended else Answer(0)

    def _sinfo(self, rest: list[str]) -> Answer:
        if "--format=%T" in rest:
            return Answer(0, "\n".join(self.node_states))
        return Answer(0, "\n".join(self.nodes if "--Node" in rest else self.partitions))


def options_of(script: str) -> dict[str, str]:
    """The parameters of a script for sbatch."""
    found = re.findall(r"^#SBATCH --([\w-]+)(?:=(.*))?$", script, re.MULTILINE)
    return dict(found)
