"""The one way to a measurement: every entrance opens its experiments here.

```
 a launcher of the user's started this process     ranks.under_launcher     this process's share
 several processes, or a fresh one                 isolated                 child processes
 else                                              orchestrator             in this process
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
from llenergymeasure.launch.ranks.rank import rank_info_of
from llenergymeasure.launch.ranks.under_launcher import opened_under_launcher
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
    """An experiment that is loaded and warm, in as many processes as it is configured for. `check_experiments` comes first.

    Args:
        config: the experiment.
        session: what it shares with others.
        output_dir: directory that all processes see; None = the system's own for temporary files.
        metering: a meter of the caller's, who releases it; None = choose one by `meter_name`.
        meter_name: the meter to use; None = as configured.
        fresh: whether it must run in another process than this one.

    Returns:
        A context whose `measure()` gives one result per window.

    Raises:
        PreFlightError: a meter of the caller's would be needed in another process.
        ExperimentError: on entering, it failed on the way.
    """
    rank_info = rank_info_of(session.environ)
    if rank_info is not None:
        return opened_under_launcher(config, session, rank_info, output_dir, metering, meter_name)
    processes = config.pytorch_settings.effective_num_processes
    if processes == 1 and not fresh:
        return opened(config, session, metering, meter_name=meter_name)
    if metering is not None:
        raise PreFlightError([_meter_stays(metering, processes)])
    return opened_isolated(config, session, processes, meter_name)


def _meter_stays(metering: Metering, processes: int) -> Finding:
    return Finding(
        f"the meter '{metering.choice.name}' that was handed in cannot measure in {processes} other processes",
        "name a meter with energy.backend, or set pytorch.num_processes: 1",
    )


def measure_once(config: ExperimentConfig, session: Session, output_dir: Path | None = None) -> ExperimentResult:
    """Open, measure one window, and give everything back.

    Raises:
        ExperimentError: it failed on the way.
    """
    with open_experiment(config, session, output_dir=output_dir) as experiment:
        return experiment.measure()
