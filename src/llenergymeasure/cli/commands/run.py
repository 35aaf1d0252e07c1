"""`llem run`."""

from __future__ import annotations

import json as json_module
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from llenergymeasure._api import _run
from llenergymeasure.cli.commands.request import study_of
from llenergymeasure.cli.comparison import labels_of, side_by_side
from llenergymeasure.cli.display import progress_for
from llenergymeasure.cli.interrupts import Attentive
from llenergymeasure.config.models import StudyConfig
from llenergymeasure.domain.report_formats import report_maker
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.domain.serialise import json_text
from llenergymeasure.exceptions import StudyError
from llenergymeasure.launch.ranks.launcher import is_silent_rank
from llenergymeasure.orchestration.orchestrator import Session
from llenergymeasure.results.store import FolderRepository


def command(
    config: Path | None,
    flags: Mapping[str, Any],
    assignments: Sequence[str],
    *,
    output: Path | None,
    json: bool,
    export_csv: bool,
    report: bool,
    quiet: bool,
) -> int:
    """Measure, save, and print. Returns the exit code."""
    study = study_of(config, flags, assignments)
    make_report = report_maker("html") if report else None
    session = Session(progress=Attentive(progress_for(quiet or is_silent_rank(os.environ))))
    place = output or Path(session.settings().output.results_dir)
    repository = FolderRepository(place, export_csv=export_csv, report=make_report)
    labels = labels_of(study.experiments) if len(study.experiments) > 1 else {}
    results: list[ExperimentResult] = []

    def keep(result: ExperimentResult) -> ExperimentResult:
        """Show first, then save: a full disk loses no number, and a reader that went away no file."""
        results.append(result)
        try:
            if not json:
                print(_text(result, labels), flush=True)
        finally:
            saved = repository.save(result)
        results[-1] = saved.result
        if not quiet:
            print(_saved(saved.path), file=sys.stderr)
        return saved.result

    try:
        _run(study, place, session, keep)
    except StudyError as error:
        raise _own_words(study, error) from error
    finally:
        if json and results:
            print(_one_document([json_text(each) for each in results], single=not labels))
        if not json and len(results) > 1:
            print(side_by_side(results, labels))
    return 0


def _text(result: ExperimentResult, labels: Mapping[str, str]) -> str:
    """The summary; of one among several with its label above and an empty line below."""
    return f"experiment {labels[result.measurement_config_hash]}\n{result.summary()}\n" if labels else result.summary()


def _saved(path: Path) -> str:
    """Where the result is, and what lies beside it."""
    beside = sorted(other.name for other in path.parent.iterdir() if other != path)
    return f"saved: {path}" + (f", beside it {', '.join(beside)}" if beside else "")


def _own_words(study: StudyConfig, error: StudyError) -> Exception:
    """Of a single experiment, its own failure; of several, the list."""
    return error.failed[0].cause_for_user if len(study.experiments) == 1 else error


def _one_document(documents: Sequence[str], single: bool) -> str:
    """Exactly what was saved: one result as it is, several as a list."""
    if single:
        return documents[0].rstrip()
    results = [json_module.loads(document) for document in documents]
    return json_module.dumps({"results": results}, indent=2, ensure_ascii=False)
