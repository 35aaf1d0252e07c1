"""Where the runs of a study were made: GPUs by their names, and the release that measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from llenergymeasure.domain.study.runs import RunRow


def gpu_texts(runs: Iterable[RunRow]) -> list[str]:
    """The GPUs of the runs, such as `8 x NVIDIA H200`; each set of GPUs once."""
    return list(dict.fromkeys(_counted(run.gpu_names or run.gpus) for run in runs if run.gpus))


def _counted(names: Iterable[str]) -> str:
    return ", ".join(name if count == 1 else f"{count} x {name}" for name, count in Counter(names).items())


def with_uuids(runs: Iterable[RunRow]) -> list[str]:
    """Every GPU of the runs with its UUID."""
    return list(dict.fromkeys(gpu for run in runs for gpu in run.gpus))


def device_groups(runs: Iterable[RunRow]) -> list[tuple[str | None, tuple[str, ...]]]:
    """Machine and GPUs of each device group to which cycles were handed out; none where one process made the runs."""
    return list(
        dict.fromkeys((run.host, run.gpus) for run in runs if run.task is not None and run.state == "completed")
    )


def most_at_once(runs: Iterable[RunRow]) -> int:
    """The most runs of the study that were on one machine at the same time."""
    return 1 + max((run.neighbours or 0 for run in runs), default=0)


def releases(runs: Iterable[RunRow]) -> list[str]:
    """The releases that measured, without those that are not known."""
    return list(dict.fromkeys(run.tool_version for run in runs if run.tool_version is not None))


def libraries(runs: Iterable[RunRow]) -> dict[str, str]:
    """The known versions of torch and transformers that are the same in all runs."""
    first, *others = [run.libraries for run in runs] or [{}]
    return {name: text for name, text in first.items() if all(other.get(name) == text for other in others)}
