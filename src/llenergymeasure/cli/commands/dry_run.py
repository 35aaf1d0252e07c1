"""`llem run --dry-run`: what would run, without running it. Imports no torch, asks no network, writes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from llenergymeasure.cli.commands.request import study_of
from llenergymeasure.cli.fields import set_fields
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.user_config import load_user_config, resolve_measurement, resolve_runner
from llenergymeasure.datasets.loader import open_dataset
from llenergymeasure.domain.report_formats import report_findings
from llenergymeasure.orchestration.dry_run import check_without_torch
from llenergymeasure.orchestration.model.vram import estimate_for


def command(
    config: Path | None,
    flags: Mapping[str, Any],
    assignments: Sequence[str],
    *,
    output: Path | None,
    report: bool = False,
) -> int:
    """Check and describe. Returns the exit code.

    Raises:
        ConfigError: something cannot be understood.
        PreFlightError: an experiment cannot run here.
    """
    study, user, environ = study_of(config, flags, assignments), load_user_config(), os.environ
    resolve_measurement(user, environ)
    place = output or Path(user.output.results_dir)
    for each in study.experiments:
        resolve_runner(each.backend, user, environ)
        check_without_torch(each, place, environ)
    print("\n\n".join("\n".join(_lines(each, environ, place)) for each in study.experiments))
    for finding in report_findings("html") if report else ():
        print(f"{finding.problem}: {finding.cure}")
    return 0


def _lines(config: ExperimentConfig, environ: Mapping[str, str], output_dir: Path) -> Iterator[str]:
    yield f"experiment {config.config_hash}: {config.model} with {config.backend}"
    yield from (f"  {name}: {value}" for name, value in set_fields(config).items())
    info = open_dataset(config.dataset, config.n, config.random_seed).info
    yield f"prompts: {info.n_used} of {info.n_available} from {info.name}"
    yield f"memory on the device: {estimate_for(config, environ)}"
    yield f"results would go to: {output_dir}"
    yield "nothing was run and nothing was written"
