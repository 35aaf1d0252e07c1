"""Simulated GPUs for benchmarks, with the simulated NVML of the tests."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.pairs import ROOT

if str(ROOT / "tests") not in sys.path:
    sys.path.insert(0, str(ROOT / "tests"))

from nvmlsim import SimGpu, Simulation, build_library

Simulate = Callable[..., Simulation]


@contextmanager
def simulated_gpus() -> Iterator[Simulate]:
    """Makes simulations in a temporary folder.

    Raises:
        Unbuildable: there is no C compiler.
    """
    with tempfile.TemporaryDirectory(prefix="nvmlsim-") as name:
        folder, numbers = Path(name), count()
        library = build_library(folder)

        def make(*gpus: SimGpu, **options: Any) -> Simulation:
            own = folder / str(next(numbers))
            own.mkdir()
            return Simulation(own, library, gpus, **options)

        yield make
