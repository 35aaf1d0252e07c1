"""`llem run --dry-run`: what would run, without running it. Imports no torch, asks no network, writes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from llenergymeasure.cli.commands.request import study_of
from llenergymeasure.cli.fields import set_fields
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.user_config import load_user_config, resolve_measurement, resolve_runner
from llenergymeasure.core.backends.registry import BACKENDS, importable
from llenergymeasure.core.machine.clock import SystemClock
from llenergymeasure.datasets.loader import open_dataset
from llenergymeasure.domain.report_formats import report_findings
from llenergymeasure.orchestration.model.vram import estimate_for
from llenergymeasure.orchestration.preflight import Request, preflight


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
        _check(each, place, environ)
    print("\n\n".join("\n".join(_lines(each, environ, place)) for each in study.experiments))
    for finding in report_findings("html") if report else ():
        print(f"{finding.problem}: {finding.cure}")
    return 0


def _check(config: ExperimentConfig, place: Path, environ: Mapping[str, str]) -> None:
    """Pre-flight; the GPUs are only asked when a meter is named, since asking takes time."""
    request = Request(config, place, dry=True, environ=environ)
    if config.energy.backend in ("auto", "null"):
        preflight(request)
        return
    with import_module("llenergymeasure.core.devices").open_devices(SystemClock(), environ) as devices:
        asked = import_module("llenergymeasure.core.energy.select").meter_findings
        preflight(replace(request, meters=partial(asked, context=devices)))


def _lines(config: ExperimentConfig, environ: Mapping[str, str], output_dir: Path) -> Iterator[str]:
    yield f"experiment {config.config_hash}: {config.model} with {config.backend}"
    yield from (f"  {name}: {value}" for name, value in set_fields(config).items())
    info = open_dataset(config.dataset, config.n, config.random_seed).info
    yield f"prompts: {info.n_used} of {info.n_available} from {info.name}"
    yield f"memory on the device: {estimate_for(config, environ)}"
    missing = [module for module in BACKENDS[config.backend].needs if not importable(module)]
    if missing:
        yield f"to run it here, {' and '.join(missing)} must be installed: {BACKENDS[config.backend].install}"
    yield f"results would go to: {output_dir}"
    yield "nothing was run and nothing was written"
