"""`llem run --dry-run`: what would run, without running it. Imports no torch, asks no network, writes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llenergymeasure.config.models import ExperimentConfig, StudyConfig, without_unset
from llenergymeasure.core.devices import open_devices
from llenergymeasure.datasets.loader import open_dataset
from llenergymeasure.orchestration.orchestrator import Session
from llenergymeasure.orchestration.preflight import Request, preflight
from llenergymeasure.orchestration.vram import estimate_for


def describe(study: StudyConfig, session: Session, output_dir: Path) -> str:
    """The resolved experiments with their prompts and memory.

    Raises:
        PreFlightError: one of them cannot run here.
    """
    for config in study.experiments:
        with open_devices(session.clock, session.environ) as devices:
            preflight(Request(config, output_dir, dry=True, environ=session.environ, meters=devices))
    return "\n\n".join("\n".join(_lines(config, session, output_dir)) for config in study.experiments)


def _lines(config: ExperimentConfig, session: Session, output_dir: Path) -> Iterator[str]:
    yield f"experiment {config.config_hash}: {config.model} with {config.backend}"
    yield from (f"  {name}: {_shown(value)}" for name, value in _flat(without_unset(config.model_dump(mode="json"))))
    info = open_dataset(config.dataset, config.n, config.random_seed).info
    yield f"prompts: {info.n_used} of {info.n_available} from {info.name}"
    yield f"memory on the device: {estimate_for(config, session.environ)}"
    yield f"results would go to: {output_dir}"
    yield "nothing was run and nothing was written"


def _flat(fields: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in fields.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
