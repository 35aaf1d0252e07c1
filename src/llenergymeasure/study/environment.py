"""The environment of a study: what must stay the same between its runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from llenergymeasure.core.backends.registry import BACKENDS
from llenergymeasure.domain.environment import EnvironmentSnapshot
from llenergymeasure.exceptions import ConfigError
from llenergymeasure.study.files.manifest import StudyEnvironment

ABSENT = "absent"
NOWHERE_ELSE: Mapping[str, EnvironmentSnapshot] = {}


def environment_of(
    snapshot: EnvironmentSnapshot, backends: Iterable[str], elsewhere: Mapping[str, EnvironmentSnapshot] = NOWHERE_ELSE
) -> StudyEnvironment:
    """CPU, GPUs, driver, and the versions of this package and of the backends that a study uses.

    Args:
        snapshot: this machine, and the packages of this process.
        backends: the backends of the study.
        elsewhere: the packages of each backend that runs in another environment.
    """
    facts = {
        "CPU": snapshot.cpu_model or "unknown",
        "GPUs": ", ".join(f"{gpu.name} ({gpu.uuid})" for gpu in snapshot.gpus) or "none",
        "NVIDIA driver": snapshot.driver_version or ABSENT,
        "llenergymeasure": snapshot.tool_version,
    }
    here = sorted({name for backend in {*backends} - {*elsewhere} for name in BACKENDS[backend].distributions})
    facts |= {name: snapshot.packages.get(name, ABSENT) for name in here}
    for backend, there in sorted(elsewhere.items()):
        names = sorted(BACKENDS[backend].distributions)
        facts |= {f"{name} of backend {backend}": there.packages.get(name, ABSENT) for name in names}
    return StudyEnvironment(facts=facts)


def check_environment(known: tuple[StudyEnvironment, ...], now: StudyEnvironment, allowed: bool) -> None:
    """Check that a study is continued where it ran before.

    Args:
        known: where it ran.
        now: where it would run now.
        allowed: whether another environment is allowed.

    Raises:
        ConfigError: it is another environment; with every difference.
    """
    if allowed or not known or now in known:
        return
    raise ConfigError(
        f"the environment differs from that of the study: {', '.join(_differences(known[-1], now))}",
        "add --allow-other-environment to continue; the new runs are then a separate block",
    )


def _differences(before: StudyEnvironment, now: StudyEnvironment) -> Iterator[str]:
    for name in dict.fromkeys([*before.facts, *now.facts]):
        old, new = before.facts.get(name, ABSENT), now.facts.get(name, ABSENT)
        if old != new:
            yield f"{name} was {old} and is {new}"
