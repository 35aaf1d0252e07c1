"""Fixtures with simulated GPUs. Tests that need what the machine lacks are skipped with the reason."""

from __future__ import annotations

import gc
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from nvmlsim import SimGpu, Simulation, Unbuildable, build_library

# A busy machine is no reason to fail, and the same code gives the same outcome.
settings.register_profile("any machine", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_configure() -> None:
    """Restore Ctrl-C: a shell lets a background job ignore it, and the processes of the tests would ignore it too."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that load real models need torch and transformers; everything else runs without them."""
    if find_spec("torch") is not None and find_spec("transformers") is not None:
        return
    for item in items:
        if item.get_closest_marker("torch"):
            item.add_marker(pytest.mark.skip(reason='needs torch: pip install "llenergymeasure[pytorch]"'))


@pytest.fixture(autouse=True, scope="module")
def only_new_objects_are_searched_for_garbage() -> None:
    """Each measured window begins with a full search for garbage, which in a process with torch takes half a second.

    Objects of earlier test modules and imports are frozen, and stay frozen, because otherwise they would be searched again.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def nvml_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The simulated NVML, compiled once per session; tests that need it are skipped without a compiler."""
    try:
        return build_library(tmp_path_factory.mktemp("nvmlsim"))
    except Unbuildable as error:
        pytest.skip(str(error))


@pytest.fixture
def simulation(nvml_library: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Simulation]:
    """Makes simulated GPUs that other processes may see: `simulation(gpu, gpu, faults=[...], real=True)`."""
    numbers = count()

    def make(*gpus: SimGpu, faults=(), **options) -> Simulation:
        folder = tmp_path_factory.mktemp(f"scenario{next(numbers)}")
        return Simulation(folder, nvml_library, gpus, faults, **options)

    return make


@pytest.fixture
def simulate(simulation: Callable[..., Simulation]) -> Iterator[Callable[..., Simulation]]:
    """Makes simulated GPUs that this process sees until the end of the test."""
    with ExitStack() as stack:

        def make(*gpus: SimGpu, **options) -> Simulation:
            try:
                return stack.enter_context(simulation(*gpus, **options).here())
            except RuntimeError as error:
                pytest.skip(str(error))

        yield make
