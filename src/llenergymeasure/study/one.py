"""One experiment, measured in this process: a study of one run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.study.models import StudyConfig
from llenergymeasure.domain.files.folder import folder_name
from llenergymeasure.domain.results import ExperimentResult, StudyResult
from llenergymeasure.domain.study.design import Protocol
from llenergymeasure.exceptions import ExperimentError, LLEMError
from llenergymeasure.state.machine import ExperimentState, StateManager, new_state
from llenergymeasure.study.design import design_of
from llenergymeasure.study.plan import pending_row, plan_runs
from llenergymeasure.study.rows import completed_row

IN_PROCESS = Protocol(
    n_cycles=1, order="interleaved", seed=0, isolation="none", experiment_gap_s=0.0, cycle_gap_s=0.0,
    cooldown_celsius=None, cooldown_max_s=0.0, timeout_s=None, control=False,
)  # fmt: skip


def run_one(
    config: ExperimentConfig,
    measure: Callable[[ExperimentConfig], ExperimentResult],
    keep: Callable[[ExperimentResult], ExperimentResult],
    states: StateManager | None = None,
) -> ExperimentResult:
    """Measure an experiment and save its result.

    Args:
        config: the experiment.
        measure: measures it.
        keep: saves a result and returns it as saved.
        states: records the state of the experiment; None without an output directory.

    Raises:
        ExperimentError: it failed, or its result could not be saved.
    """
    try:
        with followed(states, config):
            return keep(measure(config))
    except ExperimentError:
        raise
    except LLEMError as error:
        raise ExperimentError(config, error) from error


def study_of_one(config: StudyConfig, result: ExperimentResult) -> StudyResult:
    """The study of an experiment that was measured once."""
    design = design_of(config)
    (run,) = plan_runs(design, IN_PROCESS, [1])
    row = completed_row(pending_row(run), result, None, None)
    study = StudyResult(study_id=folder_name(result), design=design, protocol=IN_PROCESS, runs=(row,))
    return study.with_results({row.run_id: result})


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
    """The written state, or None where it cannot be written; the check before the run reports that, with its fix."""
    try:
        return states.move(states.keep(named), "measuring")
    except LLEMError:
        return None
