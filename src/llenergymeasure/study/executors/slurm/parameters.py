"""The parameters of sbatch that a user gives, and those that this package gives."""

from __future__ import annotations

import re
from collections.abc import Mapping

from llenergymeasure.exceptions import ConfigError

# The long name of an option of sbatch.
KEY = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)+|[a-z][a-z0-9]+")
# What the executor needs to start, find and collect the cycles.
OURS = {
    "array": "it has one element per cycle, and --parallel limits how many run at once",
    "job-name": "the jobs of a study are found by it",
    "output": "it is the log of the cycle in the folder of the study",
    "error": "it is the log of the cycle in the folder of the study",
    "open-mode": "a cycle that starts again appends to its log",
    "nodes": "a cycle runs on one machine",
    "ntasks": "a cycle is one process, which starts the others",
    "ntasks-per-node": "a cycle is one process, which starts the others",
    "clusters": "the jobs are found in the cluster of this machine only",
    "wrap": "the executor writes the script",
    "wait": "the executor waits for the cycles",
    "test-only": "--emit sbatch prints the script, which sbatch can check",
    "parsable": "the executor reads the number of the job",
    "input": "a cycle reads nothing",
}
# With one of these the user chooses the GPUs of a cycle.
CHOOSE_GPUS = frozenset({"gpus", "gres", "gpus-per-node", "gpus-per-task", "gpus-per-socket"})


def checked(options: Mapping[str, str]) -> dict[str, str]:
    """The options of the executor as parameters of sbatch by their long names; a flag has an empty value.

    In the user config a flag may also be `true`, or `false` to leave it out.

    Raises:
        ConfigError: one of them is no long name, is given by the executor itself, or has a value that a script cannot have.
    """
    flags = {"true": ""}
    found = {key.replace("_", "-"): flags.get(value, value) for key, value in options.items() if value != "false"}
    for key, value in found.items():
        if not KEY.fullmatch(key):
            raise ConfigError(
                f"--executor-option {key}={value}: '{key}' is not the long name of an option of sbatch",
                "for example --executor-option partition=gpu",
            )
        if key in OURS:
            raise ConfigError(f"--executor-option {key} is not possible: {OURS[key]}", "remove it")
        if not value.isprintable():
            raise ConfigError(f"--executor-option {key} has characters that cannot be printed", "remove them")
    return found


def with_gpus(parameters: Mapping[str, str], gpus: int | None) -> dict[str, str]:
    """The parameters of a user, with the number of GPUs where they do not say it.

    Args:
        parameters: parameters of sbatch.
        gpus: number of GPUs of a run; None = all that it finds, which Slurm must know.

    Raises:
        ConfigError: the number of GPUs is not known.
    """
    if CHOOSE_GPUS & parameters.keys():
        return dict(parameters)
    if gpus is None:
        raise ConfigError(
            "this study uses all GPUs that it finds, and Slurm must know their number", "add --gpus-per-run N"
        )
    return {"gres": f"gpu:{gpus}", **parameters} if gpus else dict(parameters)


def as_option(key: str, value: str) -> str:
    """A parameter as sbatch reads it on its command line."""
    return f"--{key}={value}" if value else f"--{key}"
