"""Ranks that measure an experiment side by side: each loads the model and measures its share of the prompts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from llenergymeasure._files import ensure_directory, machine_mark
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.backends.registry import gpus_used, join_process_group
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.exceptions import ExperimentError, ProcessGroupError
from llenergymeasure.launch.ranks.rank import RankInfo
from llenergymeasure.results.ranks.files import ProcessFacts, stem, write_process_result


@contextmanager
def joined(config: ExperimentConfig, rank_info: RankInfo) -> Iterator[Any]:
    """Join the process group, whose ranks wait for each other at barriers.

    Raises:
        ExperimentError: another process has ended.
    """
    device = None if gpus_used(config) == 0 else rank_info.local_rank
    try:
        group = join_process_group(config.backend, device)
        try:
            yield group
        finally:
            group.leave()
    except ProcessGroupError as error:
        raise ExperimentError(config, error) from error


def window_folder(folder: Path, number: int) -> Path:
    """The folder for the ranks' results of one window; windows are numbered from 0."""
    return folder / f"window-{number:05d}"


def leave_result(folder: Path, number: int, rank_info: RankInfo, result: ExperimentResult) -> Path:
    """Write the result of a rank for one window, then its marker. Returns the path of the result.

    Raises:
        LLEMError: the place cannot be written to.
    """
    assert result.window_utc is not None, "the harness fills it"
    place = window_folder(folder, number)
    ensure_directory(place)
    facts = ProcessFacts(rank_info.rank, rank_info.size, rank_info.run_id, machine_mark(), *result.window_utc)
    write_process_result(place, facts, result)
    return place / f"{stem(rank_info.rank)}.json"
