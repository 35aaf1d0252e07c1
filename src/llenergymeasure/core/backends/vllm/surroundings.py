"""What vLLM needs around it, and what it changes in its process, which is put back after it.

With one device, vLLM runs in this process: its memory and its CPU time are then those of this process. With several devices
it starts one process per device, which it does by itself. Its reports on usage are switched off, and its log goes to the log
of this package, at level DEBUG.
"""

from __future__ import annotations

import logging
import os
import random
import warnings
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from huggingface_hub.constants import HF_ASSETS_CACHE

from llenergymeasure.core.machine.signals import handlers_kept

ALWAYS = {"VLLM_NO_USAGE_STATS": "1"}
# Compiled models. The cache of the hub is the only place in the home directory that a measurement may write to.
CACHE = {"VLLM_CACHE_ROOT": str(Path(HF_ASSETS_CACHE) / "llenergymeasure" / "vllm")}
IN_PROCESS = {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_CONFIGURE_LOGGING": "0"}
# The processes of the devices write their errors to stderr, because this process does not see them.
IN_OWN_PROCESSES = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "1", "VLLM_LOGGING_STREAM": "ext://sys.stderr", "VLLM_LOGGING_LEVEL": "ERROR",
}  # fmt: skip

_LOG = logging.getLogger("llenergymeasure").getChild("vllm")


@dataclass(frozen=True)
class Surroundings:
    """What is to be called while vLLM is loaded.

    Attributes:
        after_import: after the import of vLLM, which sets its log up.
        after_loading: when its engine is loaded: what others change in the environment from then on is kept.
    """

    after_import: Callable[[], None]
    after_loading: Callable[[], None]


@contextmanager
def surroundings(devices: int, environ: MutableMapping[str, str] = os.environ) -> Iterator[Surroundings]:
    """Everything that vLLM needs, from its import to the end of its engine.

    Args:
        devices: number of devices that the model uses.
        environ: environment variables of this process.
    """
    cache = {name: environ.get(name, place) for name, place in CACHE.items()}
    environment = _Environment(environ, {**cache, **ALWAYS, **(IN_PROCESS if devices == 1 else IN_OWN_PROCESSES)})
    with ExitStack() as kept:
        kept.callback(environment.put_back)
        for part in (_log(), _threads(), handlers_kept(), _random_numbers()):
            kept.enter_context(part)
        yield Surroundings(_to_our_log, environment.note)


@contextmanager
def without_warnings() -> Iterator[None]:
    """Silence the warnings of vLLM and torch about their own code; errors are still raised."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class _Environment:
    """Environment variables while vLLM is loaded.

    Args:
        environ: environment variables of this process.
        needed: those that vLLM needs.
    """

    def __init__(self, environ: MutableMapping[str, str], needed: Mapping[str, str]) -> None:
        self._environ, self._before = environ, dict(environ)
        self._changed: dict[str, str | None] | None = None
        environ.update(needed)

    def note(self) -> None:
        """Note the variables that differ from before, with their values."""
        after = dict(self._environ)
        different = {name for name, _ in after.items() ^ self._before.items()}
        self._changed = {name: after.get(name) for name in different}

    def put_back(self) -> None:
        """Put those back that were not changed since."""
        if self._changed is None:
            self.note()
        for name, value in (self._changed or {}).items():
            if self._environ.get(name) != value:
                continue
            if name in self._before:
                self._environ[name] = self._before[name]
            else:
                del self._environ[name]


class _ToOurLog(logging.Handler):
    """Passes vLLM's messages on at level DEBUG."""

    def emit(self, record: logging.LogRecord) -> None:
        _LOG.debug("%s", record.getMessage())


@contextmanager
def _log() -> Iterator[None]:
    """vLLM writes its log to stdout, where the results of this package go."""
    logger = logging.getLogger("vllm")
    before = logger.handlers[:], logger.propagate
    level, factory = logger.level, logging.getLogRecordFactory()
    _to_our_log()
    try:
        yield
    finally:
        logger.handlers[:], logger.propagate = before
        logger.setLevel(level)
        logging.setLogRecordFactory(factory)


def _to_our_log() -> None:
    """Send what vLLM logs, from its own default level on, to the log of this package."""
    logger = logging.getLogger("vllm")
    logger.handlers[:], logger.propagate = [_ToOurLog()], False
    logger.setLevel(logging.INFO)


@contextmanager
def _threads() -> Iterator[None]:
    """On a CPU, vLLM binds this process to CPUs and replaces torch's setter of the number of threads."""
    setter = torch.set_num_threads
    cpus = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    try:
        yield
    finally:
        torch.set_num_threads = setter
        if cpus is not None and os.sched_getaffinity(0) != cpus:
            os.sched_setaffinity(0, cpus)


@contextmanager
def _random_numbers() -> Iterator[None]:
    """vLLM seeds the generators of Python, numpy and torch, which belong to the caller."""
    of_python, of_numpy, of_torch = random.getstate(), np.random.get_state(), torch.get_rng_state()
    of_gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    try:
        yield
    finally:
        random.setstate(of_python)
        np.random.set_state(of_numpy)
        torch.set_rng_state(of_torch)
        torch.cuda.set_rng_state_all(of_gpus)
