"""Opens experiments: the command line, the library and the pytest plugin all measure through `open_experiment`.

```
 a launcher (torchrun, srun, ...) started this process     ranks.under_launcher     the share of this rank
 pytorch.num_processes above 1, a fresh process,           isolated                 child processes
 or a runner other than local
 otherwise                                                 orchestrator             this process
```
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.exceptions import Finding, PreFlightError
from llenergymeasure.launch.isolated import opened_isolated
from llenergymeasure.launch.ranks.rank import RankInfo, rank_info_of
from llenergymeasure.launch.ranks.under_launcher import opened_under_launcher
from llenergymeasure.launch.runners.choose import runner_for
from llenergymeasure.launch.runners.local import LOCAL
from llenergymeasure.launch.runners.runner import Runner
from llenergymeasure.launch.start import Terms
from llenergymeasure.orchestration.orchestrator import Session, opened
from llenergymeasure.protocols import Metering


class Opened(Protocol):
    """An experiment that is loaded and warm."""

    def measure(self) -> ExperimentResult:
        """Measure one window.

        Raises:
            LLEMError: it failed.
        """


def open_experiment(
    config: ExperimentConfig,
    session: Session,
    *,
    output_dir: Path | None = None,
    metering: Metering | None = None,
    meter_name: str | None = None,
    fresh: bool = False,
) -> AbstractContextManager[Opened]:
    """Load and warm up an experiment in as many processes as it is configured for. Call `check_experiments` first.

    Args:
        config: the experiment.
        session: the session that it shares with other experiments.
        output_dir: a directory that all processes see; None = the system's directory for temporary files.
        metering: a meter of the caller, who releases it; None = choose one by `meter_name`.
        meter_name: the meter to use; None = as configured.
        fresh: whether it must run in a process other than this one.

    Returns:
        A context whose `measure()` gives one result per window.

    Raises:
        ConfigError: the runner of the backend is not known.
        PreFlightError: the meter of the caller would be needed in another process, or a launcher that started this process
            would have to start a fresh one.
        ExperimentError: on entering the context, the experiment failed.
    """
    rank_info = rank_info_of(session.environ)
    runner = runner_for(config.backend, session.settings(), session.environ)
    elsewhere = fresh or not runner.is_local
    if rank_info is not None:
        if elsewhere:
            raise PreFlightError([no_fresh_process(rank_info, runner)])
        return opened_under_launcher(config, session, rank_info, output_dir, metering, meter_name)
    processes = config.section.effective_num_processes
    if processes == 1 and not elsewhere:
        return opened(config, session, metering, meter_name=meter_name)
    if metering is not None:
        raise PreFlightError([_meter_stays(metering, processes)])
    return opened_isolated(config, session, processes, meter_name, Terms(runner))


def no_fresh_process(rank_info: RankInfo, runner: Runner = LOCAL) -> Finding:
    """A process of a launcher cannot start fresh ones, here or in another environment."""
    or_local = "" if runner.is_local else f"; or set the runner, which is {runner.name}, to local"
    return Finding(
        f"a launcher started this process as rank {rank_info.rank} of {rank_info.size}, and a fresh process would not be one "
        "of them",
        f"run without the launcher, and set pytorch.num_processes{or_local}",
    )


def _meter_stays(metering: Metering, processes: int) -> Finding:
    problem = f"the meter '{metering.choice.name}' is an object of this process and cannot measure in"
    if processes == 1:
        return Finding(f"{problem} another process", "name a meter with energy.backend")
    return Finding(
        f"{problem} {processes} other processes", "name a meter with energy.backend, or set pytorch.num_processes: 1"
    )


def measure_once(config: ExperimentConfig, session: Session, output_dir: Path | None = None) -> ExperimentResult:
    """Open an experiment, measure one window, and release everything.

    Raises:
        ExperimentError: the experiment failed.
    """
    with open_experiment(config, session, output_dir=output_dir) as experiment:
        return experiment.measure()
