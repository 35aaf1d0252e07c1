"""What would make every cycle fail in Slurm, found before anything is submitted; and what may, as notes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from llenergymeasure.exceptions import Finding
from llenergymeasure.study.executors.slurm.disks import local_file_system
from llenergymeasure.study.executors.slurm.parameters import as_option
from llenergymeasure.study.executors.slurm.programs import NOT_FOUND, Run, run_program

# A node in another state, such as down* or drained, may come back.
UP = frozenset({"idle", "mixed", "allocated", "completing"})
NEEDED = ("sbatch", "squeue", "scancel", "sinfo")


def slurm_findings(parameters: Mapping[str, str], run: Run = run_program) -> tuple[Finding, ...]:
    """Why Slurm would not take the cycles: the first of its programs, its controller, the partition, the other parameters.

    Args:
        parameters: the parameters of sbatch that the user gives, with the GPUs.
        run: runs a program.
    """
    missing = [name for name in NEEDED if run([name, "--version"]).code == NOT_FOUND]
    if missing:
        problem = f"Slurm's programs are not on this machine: {', '.join(missing)}"
        return (Finding(problem, "run this on a login node of the cluster, or use --executor local"),)
    return _partition(parameters, run) or _refused(parameters, run)


def _partition(parameters: Mapping[str, str], run: Run) -> tuple[Finding, ...]:
    answer = run(["sinfo", "--noheader", "--format=%R"])
    if answer.code != 0:
        return (
            Finding(
                f"the controller of Slurm does not answer: {answer.message}",
                "run llem on a login node of the cluster; check it with: sinfo",
            ),
        )
    known = sorted({line.strip() for line in answer.output.splitlines() if line.strip()})
    wanted = [name for name in parameters.get("partition", "").split(",") if name]
    return tuple(
        Finding(
            f"Slurm has no partition '{name}'", f"set --executor-option partition=... to one of: {', '.join(known)}"
        )
        for name in wanted
        if name not in known
    )


def _refused(parameters: Mapping[str, str], run: Run) -> tuple[Finding, ...]:
    """What `sbatch --test-only` refuses. It also refuses what must only wait for a node: then the submission decides."""
    options = [as_option(key, value) for key, value in parameters.items()]
    answer = run(["sbatch", "--test-only", "--nodes=1", "--ntasks=1", *options, "--wrap=true"])
    if answer.code == 0 or set(run(["sinfo", "--noheader", "--format=%T"]).output.split()) - UP:
        return ()
    return (Finding(f"Slurm refuses the cycles: {answer.message}", "change or add an --executor-option"),)


def slurm_notes(folder: Path, python: Path, host: str, run: Run = run_program) -> Iterator[str]:
    """What the nodes may not see: it cannot be known before a cycle runs there.

    Args:
        folder: a folder of the study.
        python: the Python interpreter of the workers.
        host: name of this machine.
        run: runs a program.
    """
    nodes = set(run(["sinfo", "--noheader", "--Node", "--format=%N"]).output.split())
    if nodes == {host.partition(".")[0]}:
        return
    for path in (folder, python):
        kind = local_file_system(path)
        if kind is not None:
            yield f"{path} is on a disk of this machine ({kind}); the nodes of the cluster must see it at the same path"
