"""What the probe of a runner is asked, and what it answers: two files in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from llenergymeasure._files import write_atomic
from llenergymeasure._json import read_json_file
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.user_config import UserConfig
from llenergymeasure.domain.base import Frozen, json_of
from llenergymeasure.domain.environment import EnvironmentSnapshot
from llenergymeasure.exceptions import Finding
from llenergymeasure.launch.exchange.owner import Owner

Content = TypeVar("Content", bound=Frozen)


class Question(Frozen):
    """What to find in an environment.

    Attributes:
        configs: experiments to check there.
        with_torch: whether the checks may import torch and ask the hub.
        meter: name of the meter that will be used; None = as configured.
        user_config: the user's settings.
        owner: how the probe finds out that the process that asks has ended; it then removes the folder and ends. None = the
            process that asks is not watched.
    """

    configs: tuple[ExperimentConfig, ...] = ()
    with_torch: bool = True
    meter: str | None = None
    user_config: UserConfig
    owner: Owner | None = None


class Answer(Frozen):
    """What is in an environment.

    Attributes:
        snapshot: Python, packages and machine, without GPUs.
        backends: the inference backends whose libraries are installed.
        problems: problem and fix of each finding, per experiment.
    """

    snapshot: EnvironmentSnapshot
    backends: tuple[str, ...]
    problems: tuple[tuple[tuple[str, str], ...], ...]

    @property
    def findings(self) -> list[tuple[Finding, ...]]:
        """The findings per experiment."""
        return [tuple(Finding(problem, fix) for problem, fix in each) for each in self.problems]


def write(content: Frozen, folder: Path) -> None:
    """Write a question or an answer into the folder."""
    write_atomic(folder / _name(type(content)), json_of(content))


def read(kind: type[Content], folder: Path) -> Content:
    """The question or the answer in the folder.

    Raises:
        OSError: there is none.
        ValueError: it cannot be understood.
    """
    return kind.model_validate(read_json_file(folder / _name(kind)))


def _name(kind: type[Frozen]) -> str:
    return f"{kind.__name__.lower()}.json"
