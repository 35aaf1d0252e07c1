"""`llem run`: measures, saves and prints."""

from __future__ import annotations

import gc
import json as json_module
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from llenergymeasure import ExperimentResult, StudyConfig
from llenergymeasure._api.request import study_of
from llenergymeasure._api.run import Saved, is_silent_rank, json_text, labels_of, run, side_by_side
from llenergymeasure.cli.display import progress_for
from llenergymeasure.cli.interrupts import Attentive
from llenergymeasure.exceptions import StudyError


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
    labels = labels_of(study.experiments) if len(study.experiments) > 1 else {}
    results: list[ExperimentResult] = []

    def show(result: ExperimentResult) -> None:
        results.append(result)
        if not json:
            print(_text(result, labels), flush=True)

    def show_place(saved: Saved) -> None:
        results[-1] = saved.result
        if not quiet:
            print(_saved(saved.path), file=sys.stderr)

    gc.enable()  # the entry point disabled it while the command line started
    progress = Attentive(progress_for(quiet or is_silent_rank(os.environ)))
    try:
        run(
            study, output_dir=output, progress=progress, on_result=show, on_saved=show_place,
            export_csv=export_csv, report=report,
        )  # fmt: skip
    except StudyError as error:
        raise _error_of(study, error) from error
    finally:
        if json and results:
            print(_one_document([json_text(each) for each in results], single=not labels))
        if not json and len(results) > 1:
            print(side_by_side(results, labels))
    return 0


def _text(result: ExperimentResult, labels: Mapping[str, str]) -> str:
    """The summary; with several experiments, with a label above and an empty line below."""
    return f"experiment {labels[result.measurement_config_hash]}\n{result.summary()}\n" if labels else result.summary()


def _saved(path: Path) -> str:
    """The path of the result, and the names of the other files in its folder."""
    beside = sorted(other.name for other in path.parent.iterdir() if other != path)
    return f"saved: {path}" + (f", beside it {', '.join(beside)}" if beside else "")


def _error_of(study: StudyConfig, error: StudyError) -> Exception:
    """The error of a single experiment, or the list of errors of several."""
    return error.failed[0].cause_for_user if len(study.experiments) == 1 else error


def _one_document(documents: Sequence[str], single: bool) -> str:
    """The saved results as JSON: one result unchanged, several as a list."""
    if single:
        return documents[0].rstrip()
    results = [json_module.loads(document) for document in documents]
    return json_module.dumps({"results": results}, indent=2, ensure_ascii=False)
