"""`llem run`."""

from __future__ import annotations

import json as json_module
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from llenergymeasure._api import _run
from llenergymeasure.cli.commands.dry_run import describe
from llenergymeasure.cli.display import progress_for
from llenergymeasure.config.explain import explain_validation_error
from llenergymeasure.config.loader import build_experiment_config, load_study_config, parse_override
from llenergymeasure.config.models import StudyConfig
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.exceptions import ConfigError, StudyError
from llenergymeasure.orchestration.orchestrator import Session
from llenergymeasure.results.persistence import save


def command(
    config: Path | None,
    flags: Mapping[str, Any],
    assignments: Sequence[str],
    *,
    output: Path | None,
    dry_run: bool,
    json: bool,
    export_csv: bool,
    quiet: bool,
) -> int:
    """Measure, save, and print. Returns the exit code."""
    overrides = dict(flags) | dict(parse_override(text) for text in assignments)
    study = _study(config, overrides)
    session = Session(progress=progress_for(quiet))
    place = output or Path(session.settings().output.results_dir)
    if dry_run:
        print(describe(study, session, place))
        return 0
    finished: list[ExperimentResult] = []

    def keep(result: ExperimentResult) -> None:
        """Show first, then save: a full disk loses no number."""
        finished.append(result)
        if not json:
            print(result.summary(), flush=True)
        path = save(result, place, export_csv=export_csv)
        if not quiet:
            print(f"saved: {path}", file=sys.stderr)

    try:
        _run(study, place, session, keep)
    except StudyError as error:
        raise _own_words(study, error) from error
    finally:
        if json and finished:
            print(_document(finished, single=len(study.experiments) == 1))
    return 0


def _study(config: Path | None, overrides: Mapping[str, Any]) -> StudyConfig:
    try:
        if config is not None:
            return load_study_config(config, overrides)
        if "model" not in overrides:
            raise ConfigError("no config file and no --model; for example: llem run --model builtin/tiny-llama -n 20")
        return StudyConfig(experiments=(build_experiment_config({}, overrides),))
    except ValidationError as error:
        raise ConfigError(explain_validation_error(error, str(config) if config else None)) from error


def _own_words(study: StudyConfig, error: StudyError) -> Exception:
    """Of a single experiment, its own failure; of several, the list."""
    return error.failed[0].cause_for_user if len(study.experiments) == 1 else error


def _document(results: Sequence[ExperimentResult], single: bool) -> str:
    documents = [result.model_dump(mode="json") for result in results]
    return json_module.dumps(documents[0] if single else {"results": documents}, indent=2, ensure_ascii=False)
