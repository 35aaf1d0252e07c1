"""Real Ray on this machine. Without it, these tests are skipped with the reason; `make test-ray` runs them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

import pytest

import paced
from llenergymeasure.config.extensions.table import installed_points
from nvmlsim import Constant, Simulation, sim_gpu
from paced.truth import WATTS
from ports import free_ports
from waiting import until

HERE = Path(__file__).parent
MARK = "LLEM_TEST_OF_RAY"
RAY = [sys.executable, "-m", "ray.scripts.scripts"]
# What docs/many-machines.md asks for, and that its end does not wait for running tasks.
OF_A_HEAD = {"GRPC_ENABLE_FORK_SUPPORT": "0", "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All are slow, and skipped where Ray is not installed.

    The folder of these tests has its name and is on the path: a folder without `__init__.py` is found too, without an origin.
    """
    found = find_spec("ray")
    is_there = found is not None and found.origin is not None
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.slow)
            if not is_there:
                item.add_marker(
                    pytest.mark.skip(reason="needs Ray, which has wheels for some releases of Python: make setup")
                )


class Place:
    """A folder with a study, an empty HOME, and two simulated GPUs; `llem` runs there.

    Attributes:
        path: the folder.
        environ: the environment of `llem` there, with a variable that every process has that comes from it.
    """

    def __init__(self, path: Path, sim: Simulation) -> None:
        self.path, self._mark, self._pids = path, uuid4().hex, []
        (path / "home").mkdir()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "LLEM_", "RAY_"))}
        own = {"HOME": str(path / "home"), "OMP_NUM_THREADS": "1", MARK: self._mark}
        self.environ = {**kept, **own, **sim.environ, **paced.installed(path / "site")}

    def study(self, cycles: int, **lengths: int) -> None:
        (self.path / "study.yaml").write_text(paced.study(cycles, **lengths))

    def start(self, *arguments: str, **popen: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "llenergymeasure", *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, **popen}
        process = subprocess.Popen(command, cwd=self.path, env=self.environ, text=True, **pipes)
        self._pids.append(process.pid)
        return process

    def llem(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, output and errors."""
        return ended(self.start(*arguments))

    def folder(self) -> Path:
        """The folder of the study."""
        (found,) = (each for each in (self.path / "results").glob("*") if not each.name.startswith("."))
        return found

    def processes(self, words: str = "") -> dict[int, str]:
        """The commands of all processes that come from here, by their id."""
        return {pid: command for pid, command in _commands(f"{MARK}={self._mark}", self._pids) if words in command}

    def is_empty(self) -> bool:
        """Whether every process that comes from here has ended, within some seconds."""
        return until(lambda: not self.processes(), 30)

    def end_all(self) -> None:
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def ended(process: subprocess.Popen[str], seconds: float = 400) -> tuple[int, str, str]:
    """Exit code, output and errors of a process that ends."""
    try:
        out, err = process.communicate(timeout=seconds)
    finally:
        process.kill()
    return process.returncode, out, err


def _commands(variable: str, owners: Sequence[int]) -> Iterator[tuple[int, str]]:
    """Processes with a variable in their environment, and those of Ray, whose titles overwrite it, in the clusters of owners."""
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
            is_ray = command.startswith("ray::") and _is_in_a_cluster_of(owners, path)
            if is_ray or variable.encode() in (path / "environ").read_bytes():
                yield int(path.name), command


def _is_in_a_cluster_of(owners: Sequence[int], process: Path) -> bool:
    """Whether a process has a file open in the folder of a local cluster, whose name has the number of its owner."""
    files = [str(file.readlink()) for file in (process / "fd").iterdir()]
    return any("/llem-launch-" in file and f"-{owner}-" in file for file in files for owner in owners)


@pytest.fixture
def no_other_cluster() -> None:
    """Skip a test where Ray would find a cluster of another program by the commands of its processes."""
    if not until(lambda: not any("--gcs-address" in command for command in _all_commands()), 10):
        pytest.skip("another cluster of Ray runs on this machine")


def _all_commands() -> Iterator[str]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            yield path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")


@pytest.fixture
def place(tmp_path: Path, simulation: Callable[..., Simulation]) -> Iterator[Place]:
    """Two GPUs, of which the second always draws 8 % more power than the first."""
    gpus = [sim_gpu("hopper", number, idle=[Constant(watts)]) for number, watts in enumerate(WATTS)]
    made = Place(tmp_path, simulation(*gpus, real=True))
    with known_here(tmp_path / "site"):
        yield made
    made.end_all()


@dataclass(frozen=True)
class Cluster:
    """A Ray cluster of this machine: its address, and the one for Ray's client."""

    address: str
    client: str


@contextmanager
def started_cluster(environ: Mapping[str, str], gpus: int) -> Iterator[Cluster]:
    """A cluster with two CPUs, as `ray start` makes it."""
    port, client = free_ports(2)
    folder = Path(tempfile.mkdtemp(prefix="llem-ray-"))  # short, as it has sockets
    log = folder / "start.log"
    options = (
        f"--port {port} --ray-client-server-port {client} --num-cpus 2 --num-gpus {gpus} --include-dashboard false"
    )
    command = [*RAY, "start", "--head", "--block", "--disable-usage-stats", "--temp-dir", str(folder), *options.split()]
    with log.open("w") as output:
        process = subprocess.Popen(command, env={**environ, **OF_A_HEAD}, stdout=output, stderr=output)
    try:
        assert until(lambda: "Ray runtime started" in log.read_text() or process.poll() is not None, 180), (
            log.read_text()
        )
        assert process.poll() is None, log.read_text()
        yield Cluster(f"127.0.0.1:{port}", f"ray://127.0.0.1:{client}")
    finally:
        process.terminate()
        process.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def cluster(place: Place) -> Iterator[Cluster]:
    """A cluster with two GPUs, which processes of the place may use."""
    with started_cluster(place.environ, gpus=2) as found:
        yield found


@pytest.fixture(scope="module")
def bare_cluster() -> Iterator[Cluster]:
    """A cluster without GPUs."""
    with started_cluster(os.environ, gpus=0) as found:
        yield found


@contextmanager
def known_here(site: Path) -> Iterator[None]:
    """Let this process know the backend of the studies, to read their files."""
    sys.path.append(str(site))
    installed_points.cache_clear()
    try:
        yield
    finally:
        sys.path.remove(str(site))
        installed_points.cache_clear()
