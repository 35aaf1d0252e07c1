"""Completes the draft of a result with warnings, publication rules and reproducibility notes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from llenergymeasure.core.quality.notes import reproducibility_notes
from llenergymeasure.core.quality.publication import check_publication
from llenergymeasure.core.quality.warnings import warnings_about
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.domain.warnings import MeasurementWarning

# Values of these fields in a draft.
UNJUDGED: Mapping[str, Any] = {"warnings": (), "reproducibility_notes": "", "publication_check": {"rules": ()}}


def judged(draft: ExperimentResult, further: Iterable[MeasurementWarning] = ()) -> ExperimentResult:
    """The draft with its warnings, publication rules and notes; earlier ones are replaced.

    Args:
        draft: every block filled; its warnings, rules and notes are not read.
        further: warnings that do not follow from the draft.
    """
    return draft.model_copy(
        update={
            "warnings": (*warnings_about(draft), *further),
            "reproducibility_notes": reproducibility_notes(draft.energy),
            "publication_check": check_publication(draft),
        }
    )


def of_run(result: ExperimentResult, run_id: str) -> ExperimentResult:
    """A result as that of a run of a study; its publication rules are checked again."""
    found = result.model_copy(update={"run_id": run_id})
    return found.model_copy(update={"publication_check": check_publication(found)})
