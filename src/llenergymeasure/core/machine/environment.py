"""Takes the snapshot of the environment. A probe returns None where a value is not available; no probe raises or writes."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from llenergymeasure._version import __version__
from llenergymeasure.config.runners import LOCAL
from llenergymeasure.domain.environment import CudaFacts, EnvironmentSnapshot, GpuInfo
from llenergymeasure.security import redact

KIBIBYTE = 1024
MEGABYTE = 1e6
KILOHERTZ_PER_MEGAHERTZ = 1000
TIMEOUT_S = 2.0

Run = Callable[[Sequence[str]], "str | None"]


def run_command(command: Sequence[str], timeout_s: float = TIMEOUT_S) -> str | None:
    """Standard output of a command in English; None when it is missing, fails or takes too long."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout_s,
            check=True,
            env={**os.environ, "LC_ALL": "C"},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def take_snapshot(
    gpus: Sequence[GpuInfo] = (),
    cuda: CudaFacts | None = None,
    driver_version: str | None = None,
    *,
    runner: str = LOCAL,
    image: str | None = None,
    root: Path = Path("/"),
    environ: Mapping[str, str] = os.environ,
    run: Run = run_command,
) -> EnvironmentSnapshot:
    """Describe this machine and its software.

    Args:
        gpus: the GPUs as NVML reports them.
        cuda: versions that torch reports; None = torch is not loaded.
        driver_version: version of the NVIDIA driver.
        runner: the runner that started this process.
        image: the container image that the runner started, by its digest.
        root: root of the file system.
        environ: environment variables.
        run: runs a command.
    """
    return EnvironmentSnapshot(
        **_host(root, run),
        **_cuda(cuda, root, run),
        **_software(environ, run),
        driver_version=driver_version,
        gpus=tuple(gpus),
        container=_container(root, environ),
        runner=runner,
        image=image,
        timestamp_utc=datetime.now(timezone.utc).isoformat(timespec="seconds"),
    )


def _host(root: Path, run: Run) -> dict[str, Any]:
    """The fields of the snapshot about operating system, CPU and memory."""
    cpuinfo = _text(root / "proc/cpuinfo") or ""
    frequency = root / "sys/devices/system/cpu/cpu0/cpufreq"
    return {
        "os": platform.platform(),
        "cpu_model": _cpu_model(cpuinfo, run),
        "cpu_count_logical": os.cpu_count(),
        "cpu_count_physical": _physical_cores(cpuinfo, root),
        "ram_total_mb": _ram_total_mb(root),
        "cpu_governor": _text(frequency / "scaling_governor"),
        "cpu_frequency_min_mhz": _megahertz(_text(frequency / "scaling_min_freq")),
        "cpu_frequency_max_mhz": _megahertz(_text(frequency / "scaling_max_freq")),
    }


def _cuda(cuda: CudaFacts | None, root: Path, run: Run) -> dict[str, Any]:
    """The fields of the snapshot about CUDA."""
    version, source = _cuda_version(cuda, root, run)
    return {
        "cuda_version": version,
        "cuda_version_source": source,
        "cudnn_version": cuda.cudnn if cuda else None,
    }


def _software(environ: Mapping[str, str], run: Run) -> dict[str, Any]:
    """The fields of the snapshot about Python, its packages, and the code in the working directory."""
    commit, dirty = _git(run)
    return {
        "python": platform.python_version(),
        "packages": installed_packages(environ),
        "tool_version": __version__,
        "git_commit": commit,
        "git_dirty": dirty,
    }


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip() or None
    except OSError:
        return None


def _found(pattern: str, text: str | None) -> str | None:
    match = re.search(pattern, text or "")
    return match[1] if match else None


def _cuda_version(cuda: CudaFacts | None, root: Path, run: Run) -> tuple[str | None, str | None]:
    """CUDA version and its source: the first available of torch, the toolkit's version files and nvcc."""
    probes: tuple[tuple[str, Callable[[], str | None]], ...] = (
        ("torch", lambda: cuda.version if cuda else None),
        ("version.json", lambda: _version_json(_text(root / "usr/local/cuda/version.json"))),
        ("version.txt", lambda: _found(r"CUDA Version ([\d.]+)", _text(root / "usr/local/cuda/version.txt"))),
        ("nvcc", lambda: _found(r"release ([\d.]+)", run(["nvcc", "--version"]))),
    )
    for source, probe in probes:
        version = probe()
        if version:
            return version, source
    return None, None


def _version_json(text: str | None) -> str | None:
    try:
        return str(json.loads(text or "")["cuda"]["version"])
    except (ValueError, KeyError, TypeError):
        return None


def _git(run: Run) -> tuple[str | None, bool | None]:
    """Commit of the working directory, and whether its tracked files differ; None without git."""
    commit = run(["git", "rev-parse", "HEAD"]) or None
    # By default `git status` rewrites the index and may start a file-watching daemon.
    quiet = ["git", "--no-optional-locks", "-c", "core.fsmonitor=false"]
    changes = run([*quiet, "status", "--porcelain", "--untracked-files=no"]) if commit else None
    return commit, None if changes is None else bool(changes)


def _cpu_model(cpuinfo: str, run: Run) -> str | None:
    """Name of the CPU. On Arm, cpuinfo has only numbers and lscpu has the name; on macOS sysctl has it."""
    return (
        _found(r"model name\s*:\s*(.+)", cpuinfo)
        or _found(r"Model name:\s*(.+)", run(["lscpu"]))
        or run(["sysctl", "-n", "machdep.cpu.brand_string"])
        or platform.processor()
        or None
    )


def _physical_cores(cpuinfo: str, root: Path) -> int | None:
    """Distinct pairs of socket and core; where cpuinfo has none, distinct groups of sibling threads."""
    processors = cpuinfo.split("\n\n")
    pairs = {(_found(r"physical id\s*:\s*(\d+)", one), _found(r"core id\s*:\s*(\d+)", one)) for one in processors}
    cores = {pair for pair in pairs if None not in pair}
    if cores:
        return len(cores)
    siblings = (root / "sys/devices/system/cpu").glob("cpu[0-9]*/topology/thread_siblings_list")
    return len({_text(path) for path in siblings} - {None}) or None


def _ram_total_mb(root: Path) -> float | None:
    kibibytes = _found(r"MemTotal:\s*(\d+) kB", _text(root / "proc/meminfo"))
    return int(kibibytes) * KIBIBYTE / MEGABYTE if kibibytes else None


def _megahertz(kilohertz: str | None) -> float | None:
    return int(kilohertz) / KILOHERTZ_PER_MEGAHERTZ if kilohertz and kilohertz.isdecimal() else None


def _container(root: Path, environ: Mapping[str, str]) -> str | None:
    signs = {
        "kubernetes": "KUBERNETES_SERVICE_HOST" in environ,
        "singularity": "SINGULARITY_CONTAINER" in environ or "APPTAINER_CONTAINER" in environ,
        "podman": environ.get("container") == "podman" or _is_there(root / "run/.containerenv"),
        "docker": _is_there(root / ".dockerenv"),
    }
    return next((name for name, seen in signs.items() if seen), None)


def _is_there(path: Path) -> bool:
    """Whether a path exists; False where it may not be accessed, unlike `Path.exists` before Python 3.12."""
    try:
        path.stat()
    except OSError:
        return False
    return True


def installed_packages(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Name and version of every installed distribution, with its URL without credentials if it came from one.

    Only two header lines are read of each, because parsing the whole metadata takes three times as long.
    """
    found: dict[str, str] = {}
    for distribution in metadata.distributions():
        header = _part(distribution, "METADATA") or _part(distribution, "PKG-INFO") or _part(distribution, "")
        name = _found(r"(?mi)^Name:[ \t]*(\S+)", header)
        if name and name not in found:
            version = _found(r"(?mi)^Version:[ \t]*(\S+)", header) or "unknown"
            found[name] = version + _origin(_part(distribution, "direct_url.json"), environ)
    return dict(sorted(found.items(), key=lambda pair: pair[0].lower()))


def _part(distribution: metadata.Distribution, name: str) -> str | None:
    """One file of a distribution; None when it is missing or not text."""
    try:
        return distribution.read_text(name)
    except (OSError, ValueError):
        return None


def _origin(direct_url: str | None, environ: Mapping[str, str]) -> str:
    """` @ url` of a distribution that was not installed from an index; local paths are left out."""
    try:
        recorded = json.loads(direct_url or "{}")
        parts = urlsplit(recorded["url"])
        commit = recorded.get("vcs_info", {}).get("commit_id")
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""
    if parts.scheme == "file":
        return ""
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
    return f" @ {redact(bare, environ)}{f'@{commit}' if commit else ''}"
