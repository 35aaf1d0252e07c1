"""Chooses the executor of a study, from the command line or the caller, and the user config."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from llenergymeasure.config.executors import EXECUTORS, ExecutorEntry, executor_entry
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.user_config import ExecutorSettings
from llenergymeasure.domain.study.design import Protocol
from llenergymeasure.exceptions import ConfigError
from llenergymeasure.launch.check import check_experiments
from llenergymeasure.orchestration.orchestrator import Session
from llenergymeasure.study.executors.executor import ExecutorContext
from llenergymeasure.study.executors.handout import Handout

LOCAL = "local"


def _nothing(script: str) -> None:
    """Leave a script alone."""


@dataclass(frozen=True)
class ExecutorOptions:
    """How the cycles of a study are handed out. Without a name and a number, the runs are made by this process.

    Attributes:
        name: name of the executor; None = that of the user config, or `local` with `parallel`.
        parallel: how many cycles run at the same time; None = as the executor decides.
        gpus_per_run: number of GPUs of a device group; None = as the configurations need.
        options: options of the executor.
        detach: whether to return when the cycles are submitted.
        emit: the program whose script is written instead of submitting the cycles, such as sbatch; None = they are submitted.
        on_script: takes this script.
    """

    name: str | None = None
    parallel: int | None = None
    gpus_per_run: int | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    detach: bool = False
    emit: str | None = None
    on_script: Callable[[str], object] = _nothing

    def with_settings(self, settings: ExecutorSettings) -> ExecutorOptions | None:
        """The options with those of the user config; None where the runs are made by this process.

        Raises:
            ConfigError: an option has no effect, or a number is not positive.
        """
        parallel = self.parallel if self.parallel is not None else settings.parallel
        name = self.name if self.name is not None else settings.name or (None if parallel is None else LOCAL)
        if name is None:
            self._check_effect()
            return None
        for option, number in (("--parallel", parallel), ("--gpus-per-run", self.gpus_per_run)):
            if number is not None and not isinstance(number, int):
                raise ConfigError(f"{option.strip('-')} is {number!r}", "give a whole number")
            if number is not None and number < 1:
                raise ConfigError(f"{option} is {number}", "it must be at least 1")
        own = _texts(settings.options) if name == settings.name else {}
        gpus_per_run = self.gpus_per_run if self.gpus_per_run is not None else settings.gpus_per_run
        return replace(
            self, name=name, parallel=parallel, gpus_per_run=gpus_per_run, options={**own, **_texts(self.options)}
        )

    def _check_effect(self) -> None:
        given = {
            "--gpus-per-run": (self.gpus_per_run is not None, "--executor or --parallel", "add one of them"),
            "--executor-option": (bool(self.options), "--executor", "add it"),
            "--detach": (self.detach, "--executor", f"add {_that_detach()}"),
            "--emit": (self.emit is not None, "--executor", f"add {_that_emit()}"),
        }
        for option, (is_given, missing, fix) in given.items():
            if is_given:
                raise ConfigError(f"{option} has no effect without {missing}", f"{fix}, or remove {option}")


def _that_detach() -> str:
    """The executors whose workers go on, as options."""
    return " or ".join(f"--executor {name}" for name, entry in EXECUTORS.items() if entry.outlives)


def _that_emit() -> str:
    """The executors that have a script, as options."""
    return " or ".join(f"--executor {name}" for name, entry in EXECUTORS.items() if entry.emits)


def _texts(options: Mapping[str, str | int | float | bool]) -> dict[str, str]:
    """Options of a file or a caller as texts, as on the command line."""
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in options.items()}


def options_of(texts: Iterable[str]) -> dict[str, str]:
    """The options of an executor, from texts such as `partition=gpu`.

    Raises:
        ConfigError: a text is not KEY=VALUE.
    """
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise ConfigError(f"'{text}' is not KEY=VALUE", "for example --executor-option partition=gpu")
        found[name.strip()] = value.strip()
    return found


def handed_out(
    chosen: ExecutorOptions,
    experiments: Sequence[ExperimentConfig],
    protocol: Protocol,
    session: Session,
    place: Path | None,
) -> Handout:
    """How the cycles of a study are handed out. Nothing has been written or started when this returns.

    Args:
        chosen: the executor.
        experiments: the cells of the study.
        protocol: how its runs are made.
        session: the session of this process.
        place: the folder of the study, or the directory of the results; None = nothing would be written.

    Raises:
        ConfigError: the study cannot be handed out, or an option is not valid.
        PreFlightError: a cell cannot be measured on this machine, where the workers run on it.
    """
    entry = checked_entry(chosen, protocol)
    if place is None:
        raise ConfigError("an executor needs a folder that its workers share", "give output_dir")
    gpus_per_run = gpus_for(chosen, experiments)
    if entry.on_this_machine:
        check_experiments(experiments, session, place)
    context = ExecutorContext(
        chosen.parallel, gpus_per_run, chosen.options, session.environ, session.progress, results=place
    )
    executor = entry.create(context)
    emit = None if chosen.emit is None else lambda tasks: chosen.on_script(executor.script_of(tasks))
    return Handout(executor, session.settings(), is_checked=entry.on_this_machine, detach=chosen.detach, emit=emit)


def checked_entry(chosen: ExecutorOptions, protocol: Protocol) -> ExecutorEntry:
    """The entry of an executor that can hand out a study.

    Raises:
        ConfigError: there is none of this name, or it cannot.
    """
    entry = executor_entry(LOCAL if chosen.name is None else chosen.name)
    if protocol.order == "sequential":
        raise ConfigError(
            "an executor hands out cycles, and cycle_order sequential has none in time", "use shuffled, the default"
        )
    if chosen.detach and not entry.outlives:
        raise ConfigError(
            f"--detach: workers of {chosen.name} end with this process", f"use {_that_detach()}, or remove --detach"
        )
    _check_emit(chosen, entry)
    return entry


def _check_emit(chosen: ExecutorOptions, entry: ExecutorEntry) -> None:
    """Check that the executor has the script that is asked for."""
    if chosen.emit is None:
        return
    refused = f"--emit {chosen.emit} is not possible with --executor {chosen.name}"
    if not entry.emits:
        raise ConfigError(f"{refused}: it has no script", f"use {_that_emit()}, or remove --emit")
    if chosen.emit != entry.emits:
        raise ConfigError(f"{refused}: it has a script for {entry.emits}", f"use --emit {entry.emits}")
    if chosen.detach:
        raise ConfigError("--emit submits nothing, and --detach submits", "remove one of them")


def gpus_for(chosen: ExecutorOptions, experiments: Sequence[ExperimentConfig]) -> int | None:
    """The number of GPUs of a device group: 0 = none, None = all that a worker finds.

    Raises:
        ConfigError: a run uses more than the number that was chosen, or cycles would use one server at the same time.
    """
    _check_servers(chosen, experiments)
    used = gpus_of_a_run(experiments)
    if chosen.gpus_per_run is None:
        return used
    if used is not None and chosen.gpus_per_run < used:
        raise ConfigError(
            f"a run of this study uses {used} GPUs, and gpus_per_run is {chosen.gpus_per_run}",
            "raise it with --gpus-per-run, or leave it out",
        )
    return chosen.gpus_per_run


def _check_servers(chosen: ExecutorOptions, experiments: Sequence[ExperimentConfig]) -> None:
    """Check that no cycles at the same time send requests to the same server: each would measure the load of the others."""
    url = next((each.server_settings.url for each in experiments if each.server_settings.url is not None), None)
    one = 1 if executor_entry(LOCAL if chosen.name is None else chosen.name).on_this_machine else None
    if url is not None and (chosen.parallel or one) != 1:
        raise ConfigError(
            f"cycles at the same time would share the server at {url}, and each would measure the load of the others",
            "use --parallel 1, or server.launch, which starts a server for each run",
        )


def gpus_of_a_run(experiments: Sequence[ExperimentConfig]) -> int | None:
    """The most GPUs that a run of the study uses: 0 = none, None = all that it sees."""
    counts = [
        None if each.gpus_wanted is None else each.gpus_wanted * each.section.effective_num_processes
        for each in experiments
    ]
    most = max(math.inf if count is None else count for count in counts)
    return None if most == math.inf else int(most)
