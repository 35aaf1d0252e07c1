"""Where a backend runs: in this environment, in another environment, or in a container."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from llenergymeasure.config.base import FieldError

# The environment of the process that writes the results.
LOCAL = "local"
KINDS = ("python", "docker", "singularity")
# Kinds that are understood and not in this release.
LATER = ("singularity",)


@dataclass(frozen=True)
class RunnerSetting:
    """A runner as written: `local`, `python:INTERPRETER`, `docker:IMAGE` or `singularity:PATH`.

    Attributes:
        kind: local, python, docker or singularity.
        target: interpreter, image or path; None for local.
    """

    kind: str
    target: str | None = None

    @classmethod
    def parse(cls, text: str) -> RunnerSetting:
        """Parse the text of a runner.

        Raises:
            FieldError: the text has none of these forms.
        """
        kind, _, target = text.partition(":")
        if text == LOCAL:
            return cls(LOCAL)
        if kind in KINDS and target.strip():
            return cls(kind, target)
        raise FieldError(f"runner '{text}' is unknown", "valid: local, python:INTERPRETER, docker:IMAGE")

    def __str__(self) -> str:
        return self.kind if self.target is None else f"{self.kind}:{self.target}"

    @property
    def depends_on_place(self) -> bool:
        """Whether it names a file by a path that is relative to the working directory."""
        return (
            self.kind == "python" and not str(self.target).startswith("~") and not Path(str(self.target)).is_absolute()
        )
