"""What a container sees of this machine: local models, prompt files and adapters, and the cache of the hub.

Everything has the same path in the container as here. What a run only reads is read-only there. A relative path of a configuration
must also mean the same, so the container has a working directory of the same name below the folder of the run, with links:

```
 here       /home/me/work (working directory)    ./prompts.jsonl           ../models/small
 container  FOLDER/cwd/home/me/work              a link to the mount of    a link to the mount of
                                                 /home/me/work/prompts.jsonl   /home/me/models/small
```
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llenergymeasure.config.files.beside import PATH_FIELDS
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.exceptions import Finding, PreFlightError
from llenergymeasure.models.files.local_files import hub_cache, hub_home

WORKING = "cwd"


@dataclass(frozen=True, order=True)
class Mount:
    """A file or folder that a container sees at its own path.

    Attributes:
        path: the absolute path.
        writable: whether the container may write there.
    """

    path: Path
    writable: bool = False

    @property
    def options(self) -> tuple[str, ...]:
        """The options of the command `run`."""
        return bind(self.path, str(self.path), self.writable)


def bind(source: Path, target: str, writable: bool = True) -> tuple[str, ...]:
    """The options of the command `run` that show a file or folder.

    Unlike `-v`, `--mount` fails where the source is missing, instead of making a folder that belongs to root.

    Raises:
        PreFlightError: a path has a comma, which separates the parts of the option.
    """
    if "," in str(source):
        problem = f"{source} has a comma in its path, and so it cannot be shown to a container"
        raise PreFlightError([Finding(problem, "rename the file or folder")])
    return ("--mount", f"type=bind,source={source},target={target}{'' if writable else ',readonly'}")


def mounts_for(configs: Iterable[ExperimentConfig], environ: Mapping[str, str]) -> tuple[Mount, ...]:
    """What the containers of these experiments see besides the folder of the run, parents first."""
    read = {path for config in configs for named in paths_in(config) for path in _with_targets(absolute(named))}
    caches = set(_caches(environ))
    written = {path for path in caches if caches.isdisjoint(path.parents)}
    return tuple(sorted(Mount(path, path in written) for path in read | written))


def paths_in(config: ExperimentConfig) -> Iterator[str]:
    """The paths in the configuration of an experiment that exist here. They are not resolved."""
    yield from dict.fromkeys(_existing(config.model_dump(mode="json")))


def _existing(value: Any, name: str = "") -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _existing(each, str(key))
    elif isinstance(value, str) and name in PATH_FIELDS and _exists(value):
        yield value


def _exists(text: str) -> bool:
    try:
        return bool(text) and Path(text).exists()
    except (OSError, ValueError):  # not a valid path
        return False


def absolute(text: str | Path) -> Path:
    """The absolute path of a text, without following links: the container sees the path as it is written."""
    return Path(os.path.abspath(text))  # noqa: PTH100 - `resolve` would follow links


def _with_targets(path: Path) -> Iterator[Path]:
    """A path, and the folders of the files that the links in it lead to, as in the cache of the hub."""
    yield path
    for entry in path.iterdir() if path.is_dir() else ():
        if entry.is_symlink():
            target = absolute(entry.parent / entry.readlink())
            if target.exists() and path not in target.parents:
                yield target.parent


def cache_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that name the folders in which a run keeps what it downloads and compiles."""
    named = {"HF_HOME": str(hub_home(environ)), "HF_HUB_CACHE": str(hub_cache(environ))}
    if environ.get("VLLM_CACHE_ROOT"):
        named["VLLM_CACHE_ROOT"] = environ["VLLM_CACHE_ROOT"]
    return {name: str(absolute(path)) for name, path in named.items()}


def _caches(environ: Mapping[str, str]) -> Iterator[Path]:
    """The folders of `cache_variables`; they are made where they are missing."""
    for path in map(Path, cache_variables(environ).values()):
        with suppress(OSError):  # then the container keeps it to itself
            path.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            yield path


def make_working_directory(folder: Path, configs: Sequence[ExperimentConfig]) -> str:
    """Make the working directory of a container, and its links. Returns its path below the folder of the run.

    Args:
        folder: the folder of the run.
        configs: the experiments, whose relative paths are to mean the same.
    """
    working = _mirror(folder, Path.cwd())
    working.mkdir(parents=True, exist_ok=True)
    for text in {text for config in configs for text in paths_in(config) if not Path(text).is_absolute()}:
        link = _mirror(folder, absolute(text))
        link.parent.mkdir(parents=True, exist_ok=True)
        if not os.path.lexists(link):
            link.symlink_to(absolute(text))
    return str(working.relative_to(folder))


def _mirror(folder: Path, path: Path) -> Path:
    return folder / WORKING / path.relative_to(path.anchor)
