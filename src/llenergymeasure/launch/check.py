"""Check a list of experiments before the first one runs, and report all findings of all experiments together."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.exceptions import Finding
from llenergymeasure.launch.ranks.rank import RankInfo, rank_info_of
from llenergymeasure.launch.runners.choose import runner_notes
from llenergymeasure.launch.runners.findings import findings_where_measured
from llenergymeasure.launch.runners.question import Question
from llenergymeasure.orchestration.model.hub import hub_findings
from llenergymeasure.orchestration.model.required_files import AskHub
from llenergymeasure.orchestration.orchestrator import Session, check_machine, findings_with_torch
from llenergymeasure.orchestration.preflight import refuse


def check_experiments(
    configs: Sequence[ExperimentConfig],
    session: Session,
    output_dir: Path | None = None,
    meter_name: str | None = None,
) -> None:
    """Find everything that would make one of the experiments fail, each in the environment in which it will be measured.

    Args:
        configs: the experiments.
        session: the session that they share.
        output_dir: the directory for results; None when nothing is written.
        meter_name: the meter that will be used, null for a meter of the caller; None = as configured.

    Raises:
        ConfigError: the user config or an environment variable is invalid.
        PreFlightError: with every finding; of several experiments, each finding names its own.
    """
    for config in configs:
        check_machine(config, session)
    rank_info = rank_info_of(session.environ)
    ask_hub = cache(lambda *wanted: tuple(hub_findings(*wanted)))  # experiments of a list often load the same model

    def here(config: ExperimentConfig) -> tuple[Finding, ...]:
        return experiment_findings(config, session, rank_info, output_dir, meter_name, ask_hub)

    def question(there: tuple[ExperimentConfig, ...]) -> Question:
        return Question(configs=there, meter=meter_name, user_config=session.settings())

    refuse(
        findings_where_measured(
            configs, here, question, session.settings(), output_dir, session.environ, session.progress
        )
    )
    for backend in dict.fromkeys(each.backend for each in configs):
        for note in runner_notes(backend, session.settings(), session.environ):
            session.progress.note(note)


def experiment_findings(
    config: ExperimentConfig,
    session: Session,
    rank_info: RankInfo | None,
    output_dir: Path | None = None,
    meter_name: str | None = None,
    ask_hub: AskHub = hub_findings,
) -> tuple[Finding, ...]:
    """Everything that would make one experiment fail here.

    Args:
        config: the experiment.
        session: of this process.
        rank_info: the rank of this process under a launcher; None without one.
        output_dir: the directory for results; None when nothing is written.
        meter_name: the meter that will be used; None = as configured.
        ask_hub: asks the hub about files that are not on this machine.
    """
    size, local_size = (None, None) if rank_info is None else (rank_info.size, rank_info.local_size)
    return findings_with_torch(config, session, output_dir, meter_name, size, local_size, ask_hub)
