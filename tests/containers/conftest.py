"""Real containers, with podman and runc as root. Without them these tests are skipped with the reason.

`make test-containers` runs them. The images are nearly empty: they show the Python environments of this machine, which the
arguments of the user config mount. Storage, caches and settings are in a temporary folder.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PYTHON = "/opt/llem/bin/python"
# What podman needs where the caller may not make network devices or raise limits, as on many CI machines.
SITE = ["--runtime", "runc", "--network", "host", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000"]
LINKS = {"bin": "usr/bin", "lib": "usr/lib", "lib64": "usr/lib64", "sbin": "usr/sbin"}
FOLDERS = ("dev", "etc", "opt/llem/bin", "proc", "run", "sys", "tmp", "usr", "var/tmp")


def missing() -> str | None:
    """Why these tests cannot run here; None when they can."""
    absent = [name for name in ("podman", "runc") if shutil.which(name) is None]
    if absent:
        return f"needs {' and '.join(absent)}; on Debian, as root: make containers"
    return None if os.geteuid() == 0 else "needs root: the tests use podman with runc and the storage driver vfs"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = missing()
    for item in items:
        if reason is not None and HERE in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=reason))


class Podman:
    """Podman with a storage of its own.

    Args:
        place: an empty folder.
    """

    def __init__(self, place: Path) -> None:
        self.place = place
        storage = place / "storage.conf"
        storage.write_text(
            f'[storage]\ndriver = "vfs"\nrunroot = "{place}/run"\ngraphroot = "{place}/storage"\n', encoding="ascii"
        )
        self.environ = {"CONTAINERS_STORAGE_CONF": str(storage)}

    def ask(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            ["podman", *arguments], env={**os.environ, **self.environ}, capture_output=True, text=True, check=False
        )
        assert not check or done.returncode == 0, done.stderr
        return done.stdout

    def containers(self) -> list[str]:
        """The names of all containers, running or not."""
        return self.ask("ps", "--all", "--format", "{{.Names}}").split()

    def image(self, name: str, interpreter: Path) -> str:
        """Make an image whose Python is an interpreter of this machine. Returns its digest."""
        archive = self.place / f"{name}.tar"
        with tarfile.open(archive, "w") as file:
            for folder in FOLDERS:
                entry = tarfile.TarInfo(folder)
                entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder.endswith("tmp") else 0o755
                file.addfile(entry)
            for link, target in LINKS.items():
                entry = tarfile.TarInfo(link)
                entry.type, entry.linkname = tarfile.SYMTYPE, target
                file.addfile(entry)
            program = f'#!/bin/sh\nexec {interpreter} "$@"\n'.encode()
            entry = tarfile.TarInfo(PYTHON.lstrip("/"))
            entry.mode, entry.size = 0o755, len(program)
            file.addfile(entry, io.BytesIO(program))
        self.ask("import", str(archive), f"localhost/llem:{name}")
        return self.ask("image", "inspect", "--format", "{{.Digest}}", f"localhost/llem:{name}").strip()


@pytest.fixture(scope="session")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    """Podman; its containers and images are removed at the end."""
    made = Podman(tmp_path_factory.mktemp("podman"))
    yield made
    made.ask("rm", "--all", "--force", check=False)
    made.ask("rmi", "--all", "--force", check=False)


@pytest.fixture(scope="session")
def image(podman: Podman) -> str:
    """The digest of `localhost/llem:pytorch`: the environment of these tests."""
    return podman.image("pytorch", Path(sys.executable))


def mounts(*more: Path) -> list[str]:
    """Arguments that show Python environments, and the sources of this package."""
    shown: list[Path] = []
    for path in sorted({Path("/usr"), Path(sys.prefix), Path(sys.base_prefix), ROOT, *more}):
        if not any(parent in path.parents or parent == path for parent in shown):
            shown.append(path)
    return [argument for path in shown for argument in ("--volume", f"{path}:{path}:ro")]


@pytest.fixture
def user(tmp_path: Path, podman: Podman):
    """Makes the environment of a user whose backends run in containers: `user(runners, packages, extra)`."""

    def make(runners: dict[str, str], packages: str = "", extra: tuple[Path, ...] = ()) -> dict[str, str]:
        path = os.pathsep.join(filter(None, [str(ROOT / "src"), packages]))
        settings = {
            "containers": {
                "engine": "podman", "python": PYTHON, "arguments": [*SITE, *mounts(*extra), "--env", f"PYTHONPATH={path}"],
            },
            "runners": {name: runner for name, runner in runners.items() if name in ("pytorch", "vllm")},
        }  # fmt: skip
        (tmp_path / "settings/llenergymeasure").mkdir(parents=True, exist_ok=True)
        (tmp_path / "settings/llenergymeasure/config.yaml").write_text(json.dumps(settings))
        (tmp_path / "tmp").mkdir(exist_ok=True)
        own = {f"LLEM_RUNNER_{name.upper()}": runner for name, runner in runners.items()}
        return {
            **os.environ, **podman.environ, **own, "XDG_CONFIG_HOME": str(tmp_path / "settings"), "TMPDIR": str(tmp_path / "tmp"),
            "HF_HOME": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": path,
        }  # fmt: skip

    return make
