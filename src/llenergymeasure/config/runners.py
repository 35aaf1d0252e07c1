"""Where a backend runs: in this process, or in a container."""

from __future__ import annotations

from dataclasses import dataclass

from llenergymeasure.config.base import FieldError

CONTAINERS = ("docker", "singularity")


@dataclass(frozen=True)
class Runner:
    """A runner as written: `local`, `docker:IMAGE` or `singularity:PATH`.

    Attributes:
        kind: local, docker or singularity.
        target: image or path; None for local.
    """

    kind: str
    target: str | None = None

    @classmethod
    def parse(cls, text: str) -> Runner:
        """Parse the text of a runner.

        Raises:
            FieldError: the text has none of the three forms.
        """
        kind, _, target = text.partition(":")
        if text == "local":
            return cls("local")
        if kind in CONTAINERS and target.strip():
            return cls(kind, target)
        raise FieldError(f"runner '{text}' is unknown", "valid: local, docker:IMAGE, singularity:PATH")
