"""Names and labels of containers, and the removal of those whose owner has ended.

A container ends by itself soon after its owner, and the engine then removes it. One remains where the engine was stopped in
between, or where its process hangs in a driver.
"""

from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4

from llenergymeasure._files import belongs_to_ended_process, launch_prefix, machine_mark
from llenergymeasure.launch.runners.container.engine import Engine

LABEL = "llem.owner"


def container_name(folder: Path | None) -> str:
    """A new name for a container; it begins with the name of the folder of the run, which names the owner."""
    return f"{launch_prefix() if folder is None else folder.name}_{uuid4().hex[:6]}"


def label_options() -> tuple[str, ...]:
    """The options of the command `run` by which containers of this package are found again."""
    return ("--label", f"{LABEL}={machine_mark()}-{os.getpid()}")


def remove_leftovers(engine: Engine) -> None:
    """Remove the containers of this package whose owner has ended, but not those of owners elsewhere."""
    said = engine.program.ask("ps", "--all", "--filter", f"label={LABEL}", "--format", "{{.Names}}")
    left = [name for name in said.output.split() if belongs_to_ended_process(name)]
    if left:
        engine.program.ask("rm", "--force", *left)
