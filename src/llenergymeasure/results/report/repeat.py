"""What is needed to repeat a measurement: the fields of its configuration, the commands, and how to cite the program."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from llenergymeasure.config.models import ExperimentConfig

# Its names belong to the backend, and null has a meaning in it.
_KEPT_WHOLE = frozenset({"passthrough_kwargs"})
# Backends and meters that an extra of this package installs, by the name of the extra.
_EXTRAS = ("pytorch", "vllm", "server", "tensorrt", "zeus", "codecarbon")
# A version of an index: the release, and the label of its build. A package from elsewhere has a URL.
_VERSION = re.compile(r"(?P<release>[^+\s]+)(\+(?P<build>\S+))?")
# The index of PyTorch has the builds for CPUs, which PyPI has not.
_CPU_BUILD = 'pip install "torch=={release}" --index-url https://download.pytorch.org/whl/cpu'


def yaml_text(config: ExperimentConfig) -> str:
    """A file that describes the same experiment."""
    return "".join(f"{name}: {json.dumps(value)}\n" for name, value in changed_fields(config).items())


def changed_fields(config: ExperimentConfig) -> dict[str, Any]:
    """The fields that are not the default, with sections as mappings; the model always."""
    default = ExperimentConfig(model=config.model).model_dump(mode="json")
    return {"model": config.model, **_changed(config.model_dump(mode="json"), default)}


def _changed(fields: Mapping[str, Any], default: Mapping[str, Any]) -> dict[str, Any]:
    changed = {name: value for name, value in fields.items() if value != default.get(name)}
    return {
        name: _changed(value, _section(default.get(name)))
        if isinstance(value, dict) and name not in _KEPT_WHOLE
        else value
        for name, value in changed.items()
    }


def _section(default: object) -> Mapping[str, Any]:
    """The defaults inside a section; a field such as `dataset` may be a text by default."""
    return default if isinstance(default, Mapping) else {}


def commands(version: str | None, file: str, used: Iterable[str], libraries: Mapping[str, str]) -> str:
    """The commands that repeat a measurement and its report. This package is installed from its source.

    Args:
        version: the release that measured; None where it is not known.
        file: name of the configuration file.
        used: names of the backends and meters that were used.
        libraries: the known versions of torch and transformers that were used, by name.
    """
    return "\n".join(_commands(version, file, set(used), libraries))


def _commands(version: str | None, file: str, used: set[str], libraries: Mapping[str, str]) -> Iterator[str]:
    release = "" if version is None else f" at version {version}"
    yield f"# in a clone of llenergymeasure{release}, with {file} in it:"
    found = {name: _VERSION.fullmatch(text) for name, text in libraries.items()}
    releases = {name: match["release"] for name, match in found.items() if match}
    torch = found.get("torch")
    if torch and torch["build"] == "cpu":
        yield _CPU_BUILD.format(release=torch["release"])
    extras = ",".join([*(name for name in _EXTRAS if name in used), "report"])
    pins = "".join(f' "{name}=={text}"' for name, text in releases.items())
    yield f'pip install ".[{extras}]"{pins}'
    yield f"llem run {file} --report"


def citation(version: str | None) -> str:
    """The program as a BibTeX entry, with the title and the authors of CITATION.cff; without a version if none is known."""
    release = "" if version is None else f"  version = {{{version}}},\n"
    return (
        "@software{llenergymeasure,\n"
        "  title = {llenergymeasure: energy, throughput, latency and FLOPs of LLM inference},\n"
        "  author = {{The llenergymeasure founders}},\n"
        f"{release}}}"
    )
