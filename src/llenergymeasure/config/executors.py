"""The registry of executors: what is known about an executor without importing it.

An executor hands out the cycles of a study. It is read by the command line, by the user config and by `_api`. A new one needs one
module with `create(context)`, and one entry here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from llenergymeasure.exceptions import ConfigError


@dataclass(frozen=True)
class ExecutorEntry:
    """One executor of the registry.

    Attributes:
        module: the module with `create(context)`. `context` is an `ExecutorContext`. `create` raises a ConfigError for an
            option that it does not know or cannot follow.
        needs: modules that must be importable.
        install: the command that installs them.
        on_this_machine: whether cycles run on the machine of `llem run`, so that a check there is enough.
        outlives: whether cycles go on when `llem run` ends, so that they can be collected later.
        emits: what `--emit` prints instead of submitting: a script for this program; empty = it has none.
    """

    module: str
    needs: tuple[str, ...] = ()
    install: str = ""
    on_this_machine: bool = False
    outlives: bool = False
    emits: str = ""

    def create(self, context: Any) -> Any:
        """Make the executor, an `Executor`.

        Raises:
            ConfigError: a package is missing, or an option is not valid.
        """
        missing = [name for name in self.needs if find_spec(name) is None]
        if missing:
            raise ConfigError(f"this executor needs {' and '.join(missing)} (not installed)", self.install)
        return import_module(self.module).create(context)


EXECUTORS: Mapping[str, ExecutorEntry] = {
    "local": ExecutorEntry("llenergymeasure.study.executors.local", on_this_machine=True),
    "slurm": ExecutorEntry("llenergymeasure.study.executors.slurm.executor", outlives=True, emits="sbatch"),
    "ray": ExecutorEntry(
        "llenergymeasure.study.executors.ray.executor", needs=("ray",), install='pip install "llenergymeasure[ray]"'
    ),
}


def executor_entry(name: str) -> ExecutorEntry:
    """The entry of an executor.

    Raises:
        ConfigError: there is none of this name.
    """
    entry = EXECUTORS.get(name)
    if entry is None:
        raise ConfigError(f"'{name}' is not an executor", f"use one of: {', '.join(EXECUTORS)}")
    return entry
