"""One process among several that measure an experiment side by side.

```
 meet . share of the prompts . measure between two barriers . file, then marker . rank 0 combines
```

Works under whatever started the processes: our own launch (`pytorch.num_processes`), torchrun, accelerate launch, srun.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llenergymeasure._files import ensure_directory, machine_mark, partial_name, remove_stale
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.backends.registry import backend_devices, gpus_used, join_process_group
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.exceptions import (
    ConfigError,
    ExperimentError,
    Finding,
    LLEMError,
    PreFlightError,
    ProcessGroupError,
)
from llenergymeasure.orchestration.orchestrator import Session, opened
from llenergymeasure.results.ranks.combine import aggregate
from llenergymeasure.results.ranks.files import (
    ProcessFacts,
    failures,
    read_process_results,
    write_failure,
    write_process_result,
)

GONE = "another process"


@dataclass(frozen=True)
class RankInfo:
    """This process's place, as the launcher tells it.

    Attributes:
        rank: its number among all processes.
        size: how many there are.
        local_rank: its number on this machine.
        local_size: how many there are on this machine.
        run_id: the same for all of them.
    """

    rank: int
    size: int
    local_rank: int
    local_size: int
    run_id: str


def rank_info_of(environ: Mapping[str, str]) -> RankInfo | None:
    """The place that RANK, WORLD_SIZE and LOCAL_RANK give; None for a process by itself.

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
            f"WORLD_SIZE is {environ['WORLD_SIZE']!r}, but RANK, LOCAL_RANK, MASTER_ADDR and MASTER_PORT are not all there "
            f"and right ({error})",
            "start the processes with torchrun, or unset WORLD_SIZE",
        ) from error
    return RankInfo(rank, size, local_rank, local_size, f"{environ.get('TORCHELASTIC_RUN_ID', 'none')}-{address}")


def measure_share(
    config: ExperimentConfig, session: Session, rank_info: RankInfo, base: Path | None, folder: Path | None = None
) -> ExperimentResult:
    """Measure this process's share of an experiment.

    Args:
        config: the whole experiment.
        session: of this process.
        rank_info: its place among the others.
        base: directory that all processes see; None = the system's own for temporary files, on one machine.
        folder: where the processes' files go, prepared and removed by somebody else; None = below `base`, by rank 0.

    Returns:
        On rank 0 the result of all processes, elsewhere that of this one. With a folder of somebody else, who combines,
        each process gets its own.

    Raises:
        PreFlightError: it cannot run here.
        ExperimentError: it failed, here or in another process.
    """
    check_ranks(config, rank_info)
    device = None if gpus_used(config) == 0 else rank_info.local_rank
    try:
        process_group = join_process_group(config.backend, device)
        try:
            return _in_process_group(config, session, rank_info, process_group, base, folder)
        finally:
            process_group.leave()
    except ProcessGroupError as error:
        raise ExperimentError(config, error) from error


def check_ranks(config: ExperimentConfig, rank_info: RankInfo) -> None:
    """Refuse what cannot be divided.

    Raises:
        PreFlightError: names each reason with its cure.
    """
    asked = config.pytorch_settings.num_processes
    found = []
    if asked not in (None, rank_info.size):
        found.append(
            Finding(
                f"pytorch.num_processes is {asked}, but {rank_info.size} processes were started",
                "leave pytorch.num_processes out, or start as many",
            )
        )
    if config.n < rank_info.size:
        found.append(
            Finding(
                f"{config.n} prompts are fewer than {rank_info.size} processes", f"set n to {rank_info.size} or more"
            )
        )
    if config.pytorch_settings.device_map is not None:
        found.append(Finding("pytorch.device_map spreads one model over devices that other processes use", "remove it"))
    found += _too_few_gpus(config, rank_info)
    if found:
        raise PreFlightError(found)


def _too_few_gpus(config: ExperimentConfig, rank_info: RankInfo) -> list[Finding]:
    if gpus_used(config) == 0:
        return []
    count = backend_devices(config.backend).device_count()
    if rank_info.local_size <= count:
        return []
    return [
        Finding(
            f"{rank_info.local_size} processes on this machine would share {count} GPUs; each needs one of its own",
            f"start {count} processes, or set pytorch.device: cpu",
        )
    ]


def _in_process_group(
    config: ExperimentConfig,
    session: Session,
    rank_info: RankInfo,
    process_group: Any,
    base: Path | None,
    given: Path | None,
) -> ExperimentResult:
    if given is not None:
        return _side_by_side(config, session, rank_info, process_group, given)
    folder = Path(process_group.share(str(_made_folder(base)) if rank_info.rank == 0 else ""))
    try:
        own = _side_by_side(config, session, rank_info, process_group, folder)
        return own if rank_info.rank != 0 else aggregate(read_process_results(folder, rank_info.size, rank_info.run_id))
    except ExperimentError as error:
        raise _named(config, error, folder) from error
    finally:
        if rank_info.rank == 0:
            shutil.rmtree(folder, ignore_errors=True)


def _side_by_side(
    config: ExperimentConfig, session: Session, rank_info: RankInfo, process_group: Any, folder: Path
) -> ExperimentResult:
    own = _measured(config, session, rank_info, process_group, folder)
    try:
        process_group.barrier()  # every file is there
    except ProcessGroupError as error:
        raise ExperimentError(config, error) from error
    return own


def _made_folder(base: Path | None) -> Path:
    """A folder that a later run removes should this process be killed."""
    place = base if base is not None else Path(tempfile.gettempdir())
    ensure_directory(place)
    remove_stale(place)
    folder = partial_name(place, "ranks")
    ensure_directory(folder)
    return folder


def _named(config: ExperimentConfig, error: ExperimentError, folder: Path) -> ExperimentError:
    """The failure with the rank that caused it, where that one left a word."""
    found = culprits(folder)
    if not isinstance(error.cause, ProcessGroupError) or not found:
        return error
    rank, reason = min(found.items())
    return ExperimentError(config, ProcessGroupError(f"rank {rank} failed: {reason}"))


def _measured(
    config: ExperimentConfig, session: Session, rank_info: RankInfo, process_group: Any, folder: Path
) -> ExperimentResult:
    """Measure, and leave a file and a marker, or why there is none."""
    try:
        if not folder.is_dir():
            raise ConfigError(
                f"rank {rank_info.rank} does not see {folder}", "choose an --output that every machine sees"
            )
        with opened(config, session, process_group=process_group, only_gpu=rank_info.local_rank) as experiment:
            result = experiment.measure()
        assert result.window_utc is not None
        facts = ProcessFacts(rank_info.rank, rank_info.size, rank_info.run_id, machine_mark(), *result.window_utc)
        write_process_result(folder, facts, result)
        return result
    except LLEMError as error:
        with suppress(LLEMError):  # the folder may be gone with its maker
            write_failure(folder, rank_info.rank, why(error))
        raise


def why(error: LLEMError) -> str:
    """The reason in one text; begins with `GONE` when it is only that somebody else gave up."""
    cause = error.cause if isinstance(error, ExperimentError) else error
    return f"{GONE} is gone" if isinstance(cause, ProcessGroupError) else str(cause)


def culprits(folder: Path) -> dict[int, str]:
    """Ranks that gave up for a reason of their own, with the reason."""
    return {rank: reason for rank, reason in failures(folder).items() if not reason.startswith(GONE)}
