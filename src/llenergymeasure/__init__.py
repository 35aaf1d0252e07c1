"""Measure the energy, throughput, latency and FLOPs of LLM inference.

    from llenergymeasure import run_experiment

    result = run_experiment(model="builtin/tiny-llama", n=8, pytorch={"load_format": "dummy"})
    print(result.summary())

These names are public, and everything else is internal. A name leaves `__all__` only after one minor release in
which using it gives a `DeprecationWarning`.
"""

from __future__ import annotations

from importlib import import_module

from llenergymeasure._version import __version__

# Importing it from typing would take half of this package's import time; type checkers recognise the name.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

    from llenergymeasure._api.run import run_experiment, run_study
    from llenergymeasure.config.models import ExperimentConfig
    from llenergymeasure.config.study.models import StudyConfig
    from llenergymeasure.domain.results import ExperimentResult, StudyResult

__all__ = [
    "ExperimentConfig",
    "ExperimentResult",
    "StudyConfig",
    "StudyResult",
    "__version__",
    "run_experiment",
    "run_study",
]

_HOMES = {
    "ExperimentConfig": "llenergymeasure.config.models",
    "ExperimentResult": "llenergymeasure.domain.results",
    "StudyConfig": "llenergymeasure.config.study.models",
    "StudyResult": "llenergymeasure.domain.results",
    "run_experiment": "llenergymeasure._api.run",
    "run_study": "llenergymeasure._api.run",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that importing the package is fast."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
