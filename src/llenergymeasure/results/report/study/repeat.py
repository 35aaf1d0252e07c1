"""What is needed to repeat a study: its file, the commands, and how to cite the program."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from llenergymeasure.config.messages.fields import flat
from llenergymeasure.config.models import ExperimentConfig, without_unset
from llenergymeasure.domain.study.result import StudyData


def yaml_text(study: StudyData) -> str:
    """A file that describes the same cells and protocol: common fields, then each cell by the fields that differ."""
    return "\n".join([*_lines(study), ""])


def _lines(study: StudyData) -> Iterator[str]:
    cells = [_fields(cell.config) for cell in study.cells]
    common = {name: value for name, value in cells[0].items() if all(cell.get(name, ...) == value for cell in cells)}
    if study.design.name:
        yield f"name: {json.dumps(study.design.name)}"
    yield from (f"{name}: {json.dumps(value)}" for name, value in common.items())
    yield "experiments:"
    for cell in cells:
        yield f"  - {json.dumps({name: value for name, value in cell.items() if name not in common})}"
    protocol = study.protocol
    yield "execution:"
    yield f"  n_cycles: {protocol.n_cycles}"
    yield f"  cycle_order: {protocol.order}"
    yield f"  shuffle_seed: {protocol.seed}"


def _fields(config: ExperimentConfig) -> dict[str, Any]:
    """The fields that are not the default, with sections as mappings."""
    default = dict(flat(without_unset(ExperimentConfig(model="m").model_dump(mode="json"))))
    nested: dict[str, Any] = {}
    for name, value in flat(without_unset(config.model_dump(mode="json"))):
        if name == "model" or default.get(name, ...) != value:
            _put(nested, name.split("."), value)
    return nested


def _put(nested: dict[str, Any], path: list[str], value: Any) -> None:
    *sections, last = path
    for section in sections:
        nested = nested.setdefault(section, {})
    nested[last] = value


def commands(version: str) -> str:
    """The commands that repeat the study and its report."""
    return "\n".join(
        [
            f'pip install "llenergymeasure[pytorch,report]=={version}"',
            "llem run study.yaml --report",
        ]
    )


def citation(version: str) -> str:
    """The program as a BibTeX entry."""
    return (
        "@software{llenergymeasure,\n"
        "  title = {llenergymeasure: energy, throughput, latency and FLOPs of LLM inference},\n"
        "  author = {{The llenergymeasure founders}},\n"
        f"  version = {{{version}}},\n"
        "}"
    )
