"""What differs between two sides: work, configuration, effective settings, environment and machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from llenergymeasure.config.messages.fields import flat, set_fields, shown
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.results.comparison.sides import SideCell
from llenergymeasure.results.comparison.types import Difference, Machines

# Model, prompts and lengths: with other ones, other work was done. A field stands for the fields below it.
WORK = (
    "model", "lora", "dataset", "n", "apply_chat_template", "max_input_tokens", "max_output_tokens", "min_output_tokens",
)  # fmt: skip
ABSENT = "not set"
# It differs between any two measurements.
_VOLATILE = frozenset({"timestamp_utc"})


def work(first: SideCell, second: SideCell) -> tuple[Difference, ...]:
    """The fields that describe the work."""
    return tuple(each for each in _fields(first, second) if _is_work(each.name))


def configuration(first: SideCell, second: SideCell) -> tuple[Difference, ...]:
    """The other fields."""
    return tuple(each for each in _fields(first, second) if not _is_work(each.name))


def prompts(first: SideCell, second: SideCell) -> tuple[Difference, ...]:
    """Other prompts behind equal fields, such as a file that was changed."""
    hashes = [cell.sample.dataset.sha256 if cell.sample else None for cell in (first, second)]
    if None in hashes or hashes[0] == hashes[1]:
        return ()
    return (Difference(name="hash of the prompts", first=str(hashes[0]), second=str(hashes[1])),)


def _is_work(name: str) -> bool:
    return any(name == field or name.startswith(f"{field}.") for field in WORK)


def _fields(first: SideCell, second: SideCell) -> Iterator[Difference]:
    yield from between(set_fields(first.config), set_fields(second.config))


def settings(first: SideCell, second: SideCell) -> tuple[Difference, ...]:
    """Settings that generation really used."""
    if first.sample is None or second.sample is None:
        return ()
    return tuple(between(_texts(first.sample.effective_settings), _texts(second.sample.effective_settings)))


def environment(first: SideCell, second: SideCell) -> tuple[Difference, ...]:
    """Machine and software; of a server, its program, version and the name of its model."""
    if first.sample is None or second.sample is None:
        return ()
    return tuple(between(_environment(first.sample), _environment(second.sample)))


def _environment(result: ExperimentResult) -> dict[str, str]:
    snapshot = result.environment_snapshot.model_dump(mode="json")
    gpus = {str(gpu["index"]): gpu for gpu in snapshot.pop("gpus")}
    device = ", ".join(result.model_info.devices) or result.model_info.device
    named = {"gpu": gpus, **snapshot, "device": device, **_server(result)}
    return {name: value for name, value in _texts(named).items() if name not in _VOLATILE}


def _server(result: ExperimentResult) -> dict[str, Any]:
    if result.server is None:
        return {}
    return {"server": result.server.model_dump(include={"engine", "version", "served_model"})}


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: shown(value) for name, value in flat(values)}


def between(first: Mapping[str, str], second: Mapping[str, str]) -> Iterator[Difference]:
    """The values that differ, in the order of the first."""
    for name in dict.fromkeys([*first, *second]):
        one, other = first.get(name, ABSENT), second.get(name, ABSENT)
        if one != other:
            yield Difference(name=name, first=one, second=other)


def machines(first: SideCell, second: SideCell) -> Machines:
    """Whether both ran on the same machine. A result has no name of its machine, but GPUs have an identity."""
    if first.sample is None or second.sample is None:
        return "unknown"
    one, other = first.sample, second.sample
    if _gpu_uuids(one) and _gpu_uuids(one) == _gpu_uuids(other):
        return "same"
    if _gpu_names(one) != _gpu_names(other):
        return "another"
    if _gpu_names(one):
        return "same_model"
    cpus = {result.environment_snapshot.cpu_model for result in (one, other)}
    if None in cpus:
        return "unknown"
    return "same_cpu_model" if len(cpus) == 1 else "another"


def _gpu_uuids(result: ExperimentResult) -> list[str]:
    return sorted(gpu.uuid for gpu in result.environment_snapshot.gpus)


def _gpu_names(result: ExperimentResult) -> list[str]:
    return sorted(gpu.name for gpu in result.environment_snapshot.gpus)
