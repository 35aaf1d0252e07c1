"""Takes the snapshot of the environment. Every probe answers None where it cannot tell; none raises."""

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

from llenergymeasure._version import __version__
from llenergymeasure.domain.environment import CudaFacts, EnvironmentSnapshot, GpuInfo
from llenergymeasure.security import redact

KIBIBYTE = 1024
MEGABYTE = 1e6
TIMEOUT_S = 2.0

Run = Callable[[Sequence[str]], "str | None"]


def run_command(command: Sequence[str]) -> str | None:
    """Standard output of a command; None when it is missing, fails or takes too long."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def take_snapshot(
    gpus: Sequence[GpuInfo] = (),
    cuda: CudaFacts | None = None,
    driver_version: str | None = None,
    *,
    root: Path = Path("/"),
    environ: Mapping[str, str] = os.environ,
    run: Run = run_command,
) -> EnvironmentSnapshot:
    """Describe this machine and its software.

    Args:
        gpus: what NVML says.
        cuda: what torch says; None = not loaded.
        driver_version: NVIDIA driver.
        root: where the file system begins.
        environ: environment variables.
        run: runs a command.
    """
    version, source = _cuda_version(cuda, root, run)
    commit = run(["git", "rev-parse", "HEAD"])
    return EnvironmentSnapshot(
        python=platform.python_version(),
        os=platform.platform(),
        cpu_model=_cpu_model(root),
        cpu_count_logical=os.cpu_count(),
        cpu_count_physical=_physical_cores(root),
        ram_total_mb=_ram_total_mb(root),
        cuda_version=version,
        cuda_version_source=source,
        cudnn_version=cuda.cudnn if cuda else None,
        driver_version=driver_version,
        gpus=tuple(gpus),
        container=_container(root, environ),
        cpu_governor=_text(root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        packages=installed_packages(),
        tool_version=__version__,
        git_commit=commit or None,
        git_dirty=bool(run(["git", "status", "--porcelain", "--untracked-files=no"])) if commit else None,
        timestamp_utc=datetime.now(timezone.utc).isoformat(timespec="seconds"),
    )


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip() or None
    except OSError:
        return None


def _cuda_version(cuda: CudaFacts | None, root: Path, run: Run) -> tuple[str | None, str | None]:
    """The first of torch, the toolkit's version files and nvcc that tells, with its name."""
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


def _found(pattern: str, text: str | None) -> str | None:
    match = re.search(pattern, text or "")
    return match[1] if match else None


def _cpu_model(root: Path) -> str | None:
    return _found(r"model name\s*:\s*(.+)", _text(root / "proc/cpuinfo")) or platform.processor() or None


def _physical_cores(root: Path) -> int | None:
    """Distinct pairs of socket and core."""
    text = _text(root / "proc/cpuinfo") or ""
    cores = re.findall(r"physical id\s*:\s*(\d+)(?:.*\n)*?core id\s*:\s*(\d+)", text)
    return len(set(cores)) or None


def _ram_total_mb(root: Path) -> float | None:
    kibibytes = _found(r"MemTotal:\s*(\d+) kB", _text(root / "proc/meminfo"))
    return int(kibibytes) * KIBIBYTE / MEGABYTE if kibibytes else None


def _container(root: Path, environ: Mapping[str, str]) -> str | None:
    signs = {
        "kubernetes": "KUBERNETES_SERVICE_HOST" in environ,
        "singularity": "SINGULARITY_CONTAINER" in environ or "APPTAINER_CONTAINER" in environ,
        "docker": (root / ".dockerenv").exists(),
        "podman": (root / "run/.containerenv").exists(),
    }
    return next((name for name, seen in signs.items() if seen), None)


def installed_packages() -> dict[str, str]:
    """Name and version of every installed distribution; where it came from a URL, that too, without credentials."""
    found: dict[str, str] = {}
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"]
        if name and name not in found:
            found[name] = f"{distribution.version}{_origin(distribution)}"
    return dict(sorted(found.items(), key=lambda pair: pair[0].lower()))


def _origin(distribution: metadata.Distribution) -> str:
    """` @ url` of a distribution that was not installed from an index; local paths are not told."""
    try:
        url = json.loads(distribution.read_text("direct_url.json") or "{}").get("url", "")
    except ValueError:
        return ""
    return f" @ {redact(url)}" if url and not url.startswith("file:") else ""
