"""The checks of a dry run: without importing torch and without the network, here and in other environments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.user_config import UserConfig
from llenergymeasure.exceptions import PreFlightError
from llenergymeasure.launch.runners.findings import findings_where_measured
from llenergymeasure.orchestration.dry_run import findings_without_torch
from llenergymeasure.orchestration.preflight import refuse
from llenergymeasure.orchestration.ulimits import limit_findings
from llenergymeasure.progress import Silent

if TYPE_CHECKING:
    from llenergymeasure.launch.runners.question import Question


def check_without_torch(
    configs: Sequence[ExperimentConfig], output_dir: Path, user_config: UserConfig, environ: Mapping[str, str]
) -> None:
    """Find everything that would make one of the experiments fail, as far as files and NVML show it.

    Raises:
        ConfigError: a runner is not known.
        PreFlightError: with every finding; of several experiments, each finding names its own.
    """
    found = tuple(limit_findings())
    if found:
        raise PreFlightError(found)
    here = partial(findings_without_torch, output_dir=output_dir, environ=environ)
    question = partial(_question, user_config)
    refuse(findings_where_measured(configs, here, question, user_config, output_dir, environ, Silent()))


def _question(user_config: UserConfig, configs: tuple[ExperimentConfig, ...]) -> Question:
    from llenergymeasure.launch.runners.question import Question  # noqa: PLC0415 - only another environment needs it

    return Question(configs=configs, with_torch=False, user_config=user_config)
