"""Figures that are measured by a module of `benchmarks` in another environment, such as .venv-vllm."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.pairs import ROOT, as_users_have_it


def found_in(python: Path, module: str, pairs: int) -> dict[str, Any]:
    """What `python -m MODULE PAIRS` prints on its last line.

    Raises:
        RuntimeError: it exited with another code than 0.
    """
    command = [str(python), "-m", module, str(pairs)]
    environ = {**as_users_have_it(os.environ), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environ, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} exited with {done.returncode}: {done.stderr[-800:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
