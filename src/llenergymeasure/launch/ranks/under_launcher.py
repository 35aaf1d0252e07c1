"""One rank of several that a launcher of the user started: torchrun, accelerate launch, srun.

```
 join the group . share of the prompts . measure between two barriers . file, then marker . rank 0 combines
```

Rank 0 creates a folder that all ranks see, and removes it at the end.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from llenergymeasure._files import ensure_directory, partial_name, remove_stale
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.harness import OpenExperiment
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.exceptions import ConfigError, ExperimentError, LLEMError, ProcessGroupError
from llenergymeasure.launch.failure import failure_of, first_cause
from llenergymeasure.launch.ranks.group import joined, leave_result, window_folder
from llenergymeasure.launch.ranks.rank import RankInfo
from llenergymeasure.launch.request import Reply, read_replies, write_reply
from llenergymeasure.orchestration.orchestrator import Session, opened
from llenergymeasure.protocols import Metering, ProcessGroup
from llenergymeasure.results.ranks.combine import aggregate
from llenergymeasure.results.ranks.files import read_process_results


@contextmanager
def opened_under_launcher(
    config: ExperimentConfig,
    session: Session,
    rank_info: RankInfo,
    base: Path | None = None,
    metering: Metering | None = None,
    meter_name: str | None = None,
) -> Iterator[SharedExperiment]:
    """Load and warm up this rank's share of an experiment.

    Args:
        config: the whole experiment.
        session: the session of this process.
        rank_info: the rank of this process.
        base: a directory that all ranks see; None = the system's directory for temporary files, on one machine.
        metering: a meter of the caller; None = choose one.
        meter_name: the meter to choose; None = as configured.

    Raises:
        ExperimentError: the experiment failed, here or in another rank, which is named.
    """
    with joined(config, rank_info) as group:
        folder = Path(group.share(str(_made_folder(base)) if rank_info.rank == 0 else ""))
        try:
            _check_visible(folder, rank_info.rank)
            opening = opened(
                config, session, metering, meter_name=meter_name, process_group=group, only_gpu=rank_info.local_rank
            )
            with opening as experiment:
                yield SharedExperiment(experiment, group, rank_info, folder)
        except LLEMError as error:
            raise _reported(config, error, folder, rank_info) from error
        finally:
            if rank_info.rank == 0:
                shutil.rmtree(folder, ignore_errors=True)


class SharedExperiment:
    """An experiment of which this rank measures its share.

    Args:
        experiment: the share of this rank.
        group: the process group.
        rank_info: the rank of this process.
        folder: the folder for the results of all ranks.
    """

    def __init__(self, experiment: OpenExperiment, group: ProcessGroup, rank_info: RankInfo, folder: Path) -> None:
        self._experiment, self._group, self._rank_info, self._folder = experiment, group, rank_info, folder
        self._windows = 0

    def measure(self) -> ExperimentResult:
        """Measure one window; every rank calls this.

        Returns:
            On rank 0 the combined result, on the others the result of this rank.

        Raises:
            BackendError: the engine failed in the window.
            ProcessGroupError: another process has ended.
            AggregationError: the results cannot be combined.
        """
        number, self._windows = self._windows, self._windows + 1
        own = self._experiment.measure()
        leave_result(self._folder, number, self._rank_info, own)
        self._group.barrier()  # now every file exists
        if self._rank_info.rank != 0:
            return own
        place = window_folder(self._folder, number)
        return aggregate(read_process_results(place, self._rank_info.size, self._rank_info.run_id))


def _made_folder(base: Path | None) -> Path:
    """A folder that a later run removes if this process is killed."""
    place = base if base is not None else Path(tempfile.gettempdir())
    ensure_directory(place)
    remove_stale(place)
    folder = partial_name(place, "ranks")
    ensure_directory(folder)
    return folder


def _check_visible(folder: Path, rank: int) -> None:
    if not folder.is_dir():
        raise ConfigError(f"rank {rank} does not see {folder}", "choose an --output that every machine sees")


def _reported(config: ExperimentConfig, error: LLEMError, folder: Path, rank_info: RankInfo) -> ExperimentError:
    """Write the failure for the other ranks. Returns the error to raise: when another rank is the cause, it is named."""
    failure = failure_of(error)
    with suppress(LLEMError):  # rank 0 may have removed the folder
        write_reply(folder, rank_info.rank, Reply(failure=failure))
    replies = read_replies(folder, rank_info.size)
    first = first_cause({rank: reply.failure for rank, reply in replies.items() if reply.failure is not None})
    if failure.elsewhere and first is not None:
        rank, cause = first
        return ExperimentError(config, ProcessGroupError(f"rank {rank} failed: {cause.message}"))
    return error if isinstance(error, ExperimentError) else ExperimentError(config, error)
