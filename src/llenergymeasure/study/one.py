"""One experiment as a study of one run, measured in this process."""

from __future__ import annotations

from llenergymeasure.config.study.models import StudyConfig
from llenergymeasure.domain.files.folder import folder_name
from llenergymeasure.domain.results import ExperimentResult, StudyResult
from llenergymeasure.domain.study.design import Protocol
from llenergymeasure.study.design import design_of
from llenergymeasure.study.plan import pending_row, plan_runs
from llenergymeasure.study.rows import completed_row

IN_PROCESS = Protocol(
    n_cycles=1, order="interleaved", seed=0, isolation="none", experiment_gap_s=0.0, cycle_gap_s=0.0,
    cooldown_celsius=None, cooldown_max_s=0.0, timeout_s=None, control=False,
)  # fmt: skip


def study_of(config: StudyConfig, results: tuple[ExperimentResult, ...]) -> StudyResult:
    """The study of experiments that were measured once each, in their order."""
    design = design_of(config)
    rows = [pending_row(run) for run in plan_runs(design, IN_PROCESS, [1])]
    done = [completed_row(row, result, None, None) for row, result in zip(rows, results, strict=True)]
    study = StudyResult(study_id=folder_name(results[0]), design=design, protocol=IN_PROCESS, runs=tuple(done))
    return study.with_results({row.run_id: result for row, result in zip(done, results, strict=True)})
