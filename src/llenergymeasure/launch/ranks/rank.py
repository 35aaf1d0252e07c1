"""The rank of a process among several that measure an experiment side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from llenergymeasure.exceptions import ConfigError


@dataclass(frozen=True)
class RankInfo:
    """The rank of this process, from the variables of its launcher.

    Attributes:
        rank: its number among all processes, from 0.
        size: the number of processes.
        local_rank: its number among the processes on this machine.
        local_size: the number of processes on this machine.
        run_id: identifies the run; the same for all processes.
    """

    rank: int
    size: int
    local_rank: int
    local_size: int
    run_id: str


def rank_info_of(environ: Mapping[str, str]) -> RankInfo | None:
    """The rank from RANK, WORLD_SIZE and LOCAL_RANK; None for a single process.

    Raises:
        ConfigError: they are incomplete or not numbers.
    """
    if environ.get("WORLD_SIZE", "1") == "1":
        return None
    try:
        rank, size, local_rank = (int(environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"))
        local_size = int(environ.get("LOCAL_WORLD_SIZE", size))
        address = f"{environ['MASTER_ADDR']}:{int(environ['MASTER_PORT'])}"
    except (KeyError, ValueError) as error:
        raise ConfigError(
            f"WORLD_SIZE is {environ['WORLD_SIZE']!r}, but RANK, LOCAL_RANK, MASTER_ADDR and MASTER_PORT are not all set "
            f"and valid ({error})",
            "start the processes with torchrun, or unset WORLD_SIZE",
        ) from error
    return RankInfo(rank, size, local_rank, local_size, f"{environ.get('TORCHELASTIC_RUN_ID', 'none')}-{address}")


def is_silent_rank(environ: Mapping[str, str]) -> bool:
    """Whether another process of the same run prints and saves the result."""
    rank_info = rank_info_of(environ)
    return rank_info is not None and rank_info.rank != 0
