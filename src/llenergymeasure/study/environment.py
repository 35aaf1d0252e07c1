"""The environment of a study: what must stay the same between its runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from llenergymeasure.core.backends.registry import BACKENDS
from llenergymeasure.domain.environment import EnvironmentSnapshot
from llenergymeasure.exceptions import ConfigError
from llenergymeasure.study.files.manifest import StudyEnvironment

ABSENT = "absent"
NOWHERE_ELSE: Mapping[str, EnvironmentSnapshot] = {}
CPU, GPUS, GPU_MODEL = "CPU", "GPUs", "GPU model"


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
        CPU: snapshot.cpu_model or "unknown",
        GPUS: ", ".join(f"{gpu.name} ({gpu.uuid})" for gpu in snapshot.gpus) or "none",
        "NVIDIA driver": snapshot.driver_version or ABSENT,
        "llenergymeasure": snapshot.tool_version,
    }
    here = sorted({name for backend in {*backends} - {*elsewhere} for name in BACKENDS[backend].distributions})
    facts |= {name: snapshot.packages.get(name, ABSENT) for name in here}
    for backend, there in sorted(elsewhere.items()):
        names = sorted(BACKENDS[backend].distributions)
        facts |= {f"{name} of backend {backend}": there.packages.get(name, ABSENT) for name in names}
        if there.image is not None:
            facts[f"image of backend {backend}"] = there.image
    return StudyEnvironment(facts=facts, gpu_models=tuple(gpu.name for gpu in snapshot.gpus))


def check_environment(
    known: tuple[StudyEnvironment, ...], now: StudyEnvironment, allowed: bool, by_workers: bool = False
) -> None:
    """Check that a study is continued where it ran before.

    Args:
        known: where it ran.
        now: where it would run now.
        allowed: whether another environment is allowed.
        by_workers: whether workers made runs of the study, each on its own GPUs.

    Raises:
        ConfigError: it is another environment; with every difference.
    """
    if allowed or not known or now in known:
        return
    differing = (f"{name} was {old} and is {new}" for name, old, new in _differences(known[-1].facts, now.facts))
    raise ConfigError(
        f"the environment differs from that of the study: {', '.join(differing)}",
        f"{'continue it with --parallel or --executor, as it began, or ' if by_workers else ''}add --allow-other-environment to "
        "continue; the new runs are then a separate block",
    )


def check_alike(known: Sequence[StudyEnvironment], now: StudyEnvironment, where: str) -> None:
    """Check that device groups of one study can be compared: equal GPU models, driver and versions; on CPUs, equal CPUs.

    UUIDs and names of machines may differ. The level of each GPU is in the block of its runs.

    Args:
        known: environments of the study.
        now: another one.
        where: name of its machine.

    Raises:
        ConfigError: it differs; with every difference.
    """
    if not known:
        return
    differing = [f"{name} {old} and, on {where}, {new}" for name, old, new in _differences(_kind(known[0]), _kind(now))]
    if differing:
        raise ConfigError(
            f"the device groups of the study are unlike: {'; '.join(differing)}",
            "run a study for each of them, and compare the studies with: llem compare",
        )


def _kind(environment: StudyEnvironment) -> dict[str, str]:
    """The facts that device groups of one study share."""
    facts = {name: value for name, value in environment.facts.items() if name != GPUS}
    if not environment.gpu_models:
        return facts | {GPU_MODEL: ABSENT}
    del facts[CPU]
    return facts | {GPU_MODEL: ", ".join(sorted(set(environment.gpu_models)))}


def _differences(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """The names of the facts that differ, with their values."""
    for name in dict.fromkeys([*before, *now]):
        old, new = before.get(name, ABSENT), now.get(name, ABSENT)
        if old != new:
            yield name, old, new
