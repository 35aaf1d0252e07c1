"""One of several processes that somebody else's launcher started: torchrun, accelerate launch, srun.

```
 meet . share of the prompts . measure between two barriers . file, then marker . rank 0 combines
```

Rank 0 makes a folder that all processes see, and takes it away at the end.
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
    """This process's share of an experiment, loaded and warm.

    Args:
        config: the whole experiment.
        session: of this process.
        rank_info: its place among the others.
        base: directory that all processes see; None = the system's own for temporary files, on one machine.
        metering: a meter of the caller's; None = choose one.
        meter_name: the meter to choose; None = as configured.

    Raises:
        ExperimentError: it failed, here or in another process; names the process.
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
            raise _told_to_others(config, error, folder, rank_info) from error
        finally:
            if rank_info.rank == 0:
                shutil.rmtree(folder, ignore_errors=True)


class SharedExperiment:
    """An experiment of which this process measures its share.

    Args:
        experiment: this process's share.
        group: all processes.
        rank_info: this process's place.
        folder: where the results meet.
    """

    def __init__(self, experiment: OpenExperiment, group: ProcessGroup, rank_info: RankInfo, folder: Path) -> None:
        self._experiment, self._group, self._rank_info, self._folder = experiment, group, rank_info, folder
        self._windows = 0

    def measure(self) -> ExperimentResult:
        """Measure one window; every process calls this.

        Returns:
            On rank 0 the result of all processes, elsewhere that of this one.

        Raises:
            BackendError: the engine failed in the window.
            ProcessGroupError: another process is gone.
            AggregationError: the results cannot be combined.
        """
        number, self._windows = self._windows, self._windows + 1
        own = self._experiment.measure()
        leave_result(self._folder, number, self._rank_info, own)
        self._group.barrier()  # every file is there
        if self._rank_info.rank != 0:
            return own
        place = window_folder(self._folder, number)
        return aggregate(read_process_results(place, self._rank_info.size, self._rank_info.run_id))


def _made_folder(base: Path | None) -> Path:
    """A folder that a later run removes should this process be killed."""
    place = base if base is not None else Path(tempfile.gettempdir())
    ensure_directory(place)
    remove_stale(place)
    folder = partial_name(place, "ranks")
    ensure_directory(folder)
    return folder


def _check_visible(folder: Path, rank: int) -> None:
    if not folder.is_dir():
        raise ConfigError(f"rank {rank} does not see {folder}", "choose an --output that every machine sees")


def _told_to_others(config: ExperimentConfig, error: LLEMError, folder: Path, rank_info: RankInfo) -> ExperimentError:
    """The failure, which the other processes may read from now on; one of another process is named after its rank."""
    failure = failure_of(error)
    with suppress(LLEMError):  # the folder may be gone with its maker
        write_reply(folder, rank_info.rank, Reply(failure=failure))
    replies = read_replies(folder, rank_info.size)
    first = first_cause({rank: reply.failure for rank, reply in replies.items() if reply.failure is not None})
    if failure.elsewhere and first is not None:
        rank, cause = first
        return ExperimentError(config, ProcessGroupError(f"rank {rank} failed: {cause.message}"))
    return error if isinstance(error, ExperimentError) else ExperimentError(config, error)
