"""From the configuration of a study to its design and protocol."""

from __future__ import annotations

from llenergymeasure.config.study.grid import MAX_CELLS
from llenergymeasure.config.study.identity import prompt_digests
from llenergymeasure.config.study.models import CYCLES, StudyConfig
from llenergymeasure.config.user_config import ExecutionSettings
from llenergymeasure.domain.study.design import Protocol, Skipped, StudyDesign
from llenergymeasure.domain.study.factors import factors_and_cells
from llenergymeasure.exceptions import ConfigError

# That many runs of one minute take 42 days.
MAX_RUNS = CYCLES * MAX_CELLS


def design_of(study: StudyConfig) -> StudyDesign:
    """The design of a study: factors, cells and reference."""
    factors, cells = factors_and_cells(study.experiments)
    prompts = prompt_digests(study.experiments)  # once, so that the hash belongs to these prompts
    return StudyDesign(
        name=study.name,
        factors=factors,
        cells=cells,
        reference=cells[study.reference_cell].id,
        skipped=tuple(Skipped(fields=each.fields, reason=each.reason) for each in study.skipped),
        merged=tuple(
            Skipped(fields=each.fields, reason=f"it has the same effect as cell {cells[each.same_as].id}")
            for each in study.merged
        ),
        design_hash=study.hash_with(prompts),
        prompts=prompts,
    )


def protocol_of(study: StudyConfig, design: StudyDesign, machine: ExecutionSettings, *, gaps: bool = True) -> Protocol:
    """How the runs of a study are made.

    Args:
        study: the configuration.
        design: its design, whose hash is the seed of the order where none is configured.
        machine: the gaps of the user config, for those that the study leaves open.
        gaps: whether fixed gaps are made; the cool-down is made anyway.

    Raises:
        ConfigError: the study has too many runs.
    """
    execution = study.execution
    _check_size(len(study.experiments), study.n_cycles)
    return Protocol(
        n_cycles=study.n_cycles,
        order=execution.cycle_order,
        seed=int(design.design_hash, 16) if execution.shuffle_seed is None else execution.shuffle_seed,
        isolation=execution.isolation,
        experiment_gap_s=_gap(execution.experiment_gap_seconds, machine.config_gap_seconds, gaps),
        cycle_gap_s=_gap(execution.cycle_gap_seconds, machine.cycle_gap_seconds, gaps),
        cooldown_celsius=execution.cooldown_celsius,
        cooldown_max_s=execution.cooldown_max_seconds,
        timeout_s=execution.experiment_timeout_seconds,
        control=execution.control,
    )


def _check_size(n_cells: int, n_cycles: int) -> None:
    if n_cells * n_cycles > MAX_RUNS:
        raise ConfigError(
            f"{n_cells:,} cells in {n_cycles:,} cycles are {n_cells * n_cycles:,} runs, more than {MAX_RUNS:,}",
            "lower execution.n_cycles, or list fewer values",
        )


def _gap(own_s: float | None, machine_s: float, wanted: bool) -> float:
    if not wanted:
        return 0.0
    return machine_s if own_s is None else own_s
