"""Whether the installed torch was built for CUDA, read from its version file because importing torch takes seconds."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path

VERSION_FILE = "version.py"


def built_for_cuda() -> bool | None:
    """Whether torch was built for NVIDIA GPUs; None when not known, and for a build for AMD GPUs."""
    found = find_spec("torch")
    if found is None or found.origin is None:
        return None
    try:
        return cuda_in((Path(found.origin).parent / VERSION_FILE).read_text(encoding="utf-8"))
    except OSError:
        return None


def cuda_in(version_file: str) -> bool | None:
    """The same, from the text of `torch/version.py`."""
    values = _constants(version_file)
    if values.get("cuda"):
        return True
    return False if values.get("cuda", "?") is None and not values.get("hip") else None


def _constants(source: str) -> dict[str, object]:
    """Constants assigned at the top level of a source; empty when it is not valid Python."""
    try:
        statements = ast.parse(source).body
    except (SyntaxError, ValueError):
        return {}
    plain = {_name(each.targets[0]): each.value for each in statements if isinstance(each, ast.Assign)}
    typed = {_name(each.target): each.value for each in statements if isinstance(each, ast.AnnAssign)}
    return {name: value.value for name, value in (plain | typed).items() if isinstance(value, ast.Constant)}


def _name(target: ast.expr) -> str:
    return target.id if isinstance(target, ast.Name) else ""
