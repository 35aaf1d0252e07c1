"""Runs the experiments of a study one after another. A failed experiment does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.study.models import StudyConfig
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.exceptions import ExperimentError, LLEMError, StudyError
from llenergymeasure.state.machine import ExperimentState, StateManager, new_state


def _as_it_is(result: ExperimentResult) -> ExperimentResult:
    return result


def run_all(
    study: StudyConfig,
    measure: Callable[[ExperimentConfig], ExperimentResult],
    keep: Callable[[ExperimentResult], ExperimentResult] = _as_it_is,
    states: StateManager | None = None,
) -> tuple[ExperimentResult, ...]:
    """Measure every experiment in order, and save each result immediately.

    Args:
        study: the experiments.
        measure: measures one experiment.
        keep: saves a result and returns it as saved.
        states: records the state of each experiment; None without an output directory.

    Raises:
        StudyError: at least one experiment failed; with the results of the others.
    """
    results: list[ExperimentResult] = []
    failed: list[ExperimentError] = []
    for config in study.experiments:
        try:
            with followed(states, config):
                results.append(measure(config))
                results[-1] = keep(results[-1])
        except ExperimentError as error:
            failed.append(error)
        except LLEMError as error:
            failed.append(ExperimentError(config, error))
    if failed:
        raise StudyError(failed, results)
    return tuple(results)


@contextmanager
def followed(states: StateManager | None, config: ExperimentConfig) -> Iterator[None]:
    """Record an experiment's state while it runs. A reported failure removes it; after a killed process it remains.

    An interrupt may come while the state is written: it is named before, so that it can be removed.
    """
    if states is None:
        yield
        return
    named = new_state(config.config_hash)
    try:
        state = _begun(states, named)
        yield
    except BaseException:
        states.forget(named)
        raise
    if state is not None:
        states.move(state, "done")


def _begun(states: StateManager, named: ExperimentState) -> ExperimentState | None:
    """The written state, or None where it cannot be written; the check before the run reports that, with its cure."""
    try:
        return states.move(states.keep(named), "measuring")
    except LLEMError:
        return None
