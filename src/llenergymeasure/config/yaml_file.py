"""Placeholder until the loader's author replaces it."""
from pathlib import Path
from typing import Any
import yaml
def read_experiment(path: str | Path) -> dict[str, Any]:
    return yaml.safe_load(Path(path).read_text())
