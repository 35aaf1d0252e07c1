"""From a draft of a result, which holds what was measured, to the result: with warnings, rules and notes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from llenergymeasure.core.quality.notes import reproducibility_notes
from llenergymeasure.core.quality.publication import check_publication
from llenergymeasure.core.quality.warnings import warnings_about
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.domain.warnings import MeasurementWarning

# What stands in a draft where the judgement will stand.
UNJUDGED: Mapping[str, Any] = {"warnings": (), "reproducibility_notes": "", "publication_check": {"rules": ()}}


def judged(draft: ExperimentResult, further: Iterable[MeasurementWarning] = ()) -> ExperimentResult:
    """The draft with its judgement, in the place of any that it had.

    Args:
        draft: every block filled; its warnings, rules and notes are not read.
        further: warnings about what the draft does not hold.
    """
    return draft.model_copy(
        update={
            "warnings": (*warnings_about(draft), *further),
            "reproducibility_notes": reproducibility_notes(draft.energy),
            "publication_check": check_publication(draft),
        }
    )
