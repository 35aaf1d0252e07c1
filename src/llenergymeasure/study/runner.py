"""Experiments one after another; a failure of one does not end the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from llenergymeasure.config.models import ExperimentConfig, StudyConfig
from llenergymeasure.domain.results import ExperimentResult, StudyResult
from llenergymeasure.exceptions import ExperimentError, LLEMError, StudyError
from llenergymeasure.state.machine import ExperimentState, StateManager


def run_all(
    study: StudyConfig,
    measure: Callable[[ExperimentConfig], ExperimentResult],
    keep: Callable[[ExperimentResult], object] | None = None,
    states: StateManager | None = None,
) -> StudyResult:
    """Measure every experiment in order and keep each result as soon as it is there.

    Args:
        study: the experiments.
        measure: measures one.
        keep: stores a result and may return its path; None = nothing is stored.
        states: told where each experiment stands; None without an output directory.

    Raises:
        StudyError: at least one failed; it carries the results of the others.
    """
    results: list[ExperimentResult] = []
    failed: list[ExperimentError] = []
    for config in study.experiments:
        try:
            with followed(states, config) as tell:
                result = measure(config)
                results.append(result)
                if keep is not None:
                    tell(keep(result))
        except ExperimentError as error:
            failed.append(error)
        except LLEMError as error:
            failed.append(ExperimentError(config, error))
    if failed:
        raise StudyError(failed, results)
    return StudyResult(results=tuple(results))


@contextmanager
def followed(states: StateManager | None, config: ExperimentConfig) -> Iterator[Callable[[object], None]]:
    """Keep an experiment's state while it runs: done with its result, forgotten when it ends without one."""
    state = None if states is None else _begun(states, config)
    if states is None or state is None:
        yield lambda place: None
        return
    places: list[Path] = []
    try:
        yield lambda place: places.append(place) if isinstance(place, Path) else None
    except BaseException:
        states.forget(state)
        raise
    states.move(state, "done", result=places[0] if places else None)


def _begun(states: StateManager, config: ExperimentConfig) -> ExperimentState | None:
    """The state, or None where it cannot be written: to say so, with its cure, is the check before the run's."""
    try:
        states.cleanup_stale()
        return states.move(states.begin(config.config_hash), "measuring")
    except LLEMError:
        return None
