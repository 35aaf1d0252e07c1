"""Experiments are checked whole before the first of them runs: every finding of every one, at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.exceptions import Finding
from llenergymeasure.launch.ranks.rank import RankInfo, rank_info_of
from llenergymeasure.orchestration.model.hub import hub_findings
from llenergymeasure.orchestration.model.required_files import AskHub
from llenergymeasure.orchestration.orchestrator import Session, check_machine, findings_about
from llenergymeasure.orchestration.preflight import refuse


def check_experiments(
    configs: Sequence[ExperimentConfig],
    session: Session,
    output_dir: Path | None = None,
    meter_name: str | None = None,
) -> None:
    """Look for everything that would make any of the experiments fail here.

    Args:
        configs: the experiments.
        session: what they share.
        output_dir: where results will go; None when nothing is written.
        meter_name: the meter that will be used, null for one that is handed in; None = as configured.

    Raises:
        ConfigError: the user config or a variable of the environment cannot be understood.
        PreFlightError: with every finding; where there are several experiments, each finding names its own.
    """
    for config in configs:
        check_machine(config, session)
    rank_info = rank_info_of(session.environ)
    ask_hub = cache(lambda *wanted: tuple(hub_findings(*wanted)))  # cells of a study load the same model
    refuse([experiment_findings(each, session, rank_info, output_dir, meter_name, ask_hub) for each in configs])


def experiment_findings(
    config: ExperimentConfig,
    session: Session,
    rank_info: RankInfo | None,
    output_dir: Path | None = None,
    meter_name: str | None = None,
    ask_hub: AskHub = hub_findings,
) -> tuple[Finding, ...]:
    """What would make one experiment fail here.

    Args:
        config: the experiment.
        session: of this process.
        rank_info: this process's place among those that a launcher started; None = it is alone, or it will start some.
        output_dir: where results will go; None when nothing is written.
        meter_name: the meter that will be used; None = as configured.
        ask_hub: asks the hub for what is not on this machine.
    """
    size, local_size = (None, None) if rank_info is None else (rank_info.size, rank_info.local_size)
    return findings_about(config, session, output_dir, meter_name, size, local_size, ask_hub)
