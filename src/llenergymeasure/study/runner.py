"""Experiments one after another; a failure of one does not end the others."""

from __future__ import annotations

from collections.abc import Callable

from llenergymeasure.config.models import ExperimentConfig, StudyConfig
from llenergymeasure.domain.results import ExperimentResult, StudyResult
from llenergymeasure.exceptions import ExperimentError, LLEMError, StudyError


def run_all(
    study: StudyConfig,
    measure: Callable[[ExperimentConfig], ExperimentResult],
    keep: Callable[[ExperimentResult], object] | None = None,
) -> StudyResult:
    """Measure every experiment in order and keep each result as soon as it is there.

    Args:
        study: the experiments.
        measure: measures one.
        keep: stores a result; None = nothing is stored.

    Raises:
        StudyError: at least one failed; it carries the results of the others.
    """
    results: list[ExperimentResult] = []
    failed: list[ExperimentError] = []
    for config in study.experiments:
        try:
            result = measure(config)
            results.append(result)
            if keep is not None:
                keep(result)
        except ExperimentError as error:
            failed.append(error)
        except LLEMError as error:
            failed.append(ExperimentError(config, error))
    if failed:
        raise StudyError(failed, results)
    return StudyResult(results=tuple(results))
