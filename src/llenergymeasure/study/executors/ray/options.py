"""The options of the executor `ray`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from llenergymeasure.exceptions import ConfigError
from llenergymeasure.study.executors.executor import ExecutorContext

LOCAL = "local"
NAMES = ("address", "num_cpus", "num_gpus", "cpus_per_run")
_OF_LOCAL = ("num_cpus", "num_gpus")


@dataclass(frozen=True)
class RayOptions:
    """Which cluster is used, and what a run takes of it.

    Attributes:
        address: `auto` = the cluster that runs on this machine, or that RAY_ADDRESS names; `local` = a new one on this machine,
            which ends with the study; or an address such as `ray://host:10001`.
        num_cpus, num_gpus: what a local cluster has; None = what Ray finds.
        cpus_per_run: CPUs that a run takes of its node; None = 1 with GPUs, and all CPUs of a node without.
    """

    address: str = "auto"
    num_cpus: int | None = None
    num_gpus: int | None = None
    cpus_per_run: float | None = None

    @property
    def is_local(self) -> bool:
        """Whether a cluster is started on this machine."""
        return self.address == LOCAL

    @property
    def is_client(self) -> bool:
        """Whether the head of the cluster starts a process that stands for this one."""
        return self.address.startswith("ray://")


def options_from(context: ExecutorContext) -> RayOptions:
    """The options of a study.

    Raises:
        ConfigError: an option is not known, or its value is not valid.
    """
    context.refuse_unknown_options(NAMES)
    texts = context.options
    options = RayOptions(
        address=texts.get("address", "auto"),
        num_cpus=_count(texts, "num_cpus"),
        num_gpus=_count(texts, "num_gpus"),
        cpus_per_run=_positive(texts, "cpus_per_run"),
    )
    of_local = [name for name in _OF_LOCAL if name in texts]
    if of_local and not options.is_local:
        raise ConfigError(
            f"{of_local[0]}={texts[of_local[0]]} is for a local cluster, and the address is {options.address}",
            f"leave {of_local[0]} out, or add --executor-option address=local",
        )
    return options


def _count(texts: Mapping[str, str], name: str) -> int | None:
    text = texts.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()):
        raise ConfigError(f"the option {name} of the executor ray is '{text}'", "write a whole number")
    return int(text)


def _positive(texts: Mapping[str, str], name: str) -> float | None:
    text = texts.get(name)
    if text is None:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise ConfigError(f"the option {name} of the executor ray is '{text}'", "write a number above 0")
    return number
