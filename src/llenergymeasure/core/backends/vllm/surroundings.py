"""What vLLM needs around it, and what it changes in its process, which is put back after it.

With one device, vLLM runs in this process: its memory and its CPU time are then those of this process. With several devices
it starts one process per device, which it does by itself. Its reports on usage are switched off, and its log goes to the log
of this package, at level DEBUG.
"""

from __future__ import annotations

import logging
import os
import random
import signal
import warnings
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import ExitStack, contextmanager
from threading import current_thread, main_thread

import torch

ALWAYS = {"VLLM_NO_USAGE_STATS": "1"}
IN_PROCESS = {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_CONFIGURE_LOGGING": "0"}
# The processes of the devices write their errors to stderr, because this process does not see them.
IN_OWN_PROCESSES = {"VLLM_LOGGING_STREAM": "ext://sys.stderr", "VLLM_LOGGING_LEVEL": "ERROR"}

_LOG = logging.getLogger("llenergymeasure").getChild("vllm")


@contextmanager
def surroundings(devices: int, environ: MutableMapping[str, str] = os.environ) -> Iterator[None]:
    """Everything that vLLM needs, from its import to the end of its engine.

    Args:
        devices: number of devices that the model uses.
        environ: environment variables of this process.
    """
    needed = {**ALWAYS, **(IN_PROCESS if devices == 1 else IN_OWN_PROCESSES)}
    with ExitStack() as kept:
        for part in (_environment(environ, needed), _log(), _threads(), _signals(), _random_numbers()):
            kept.enter_context(part)
        yield


@contextmanager
def without_warnings() -> Iterator[None]:
    """Silence the warnings of vLLM and torch about their own code; errors are still raised."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _environment(environ: MutableMapping[str, str], needed: Mapping[str, str]) -> Iterator[None]:
    before = dict(environ)
    environ.update(needed)
    try:
        yield
    finally:
        for name in set(environ) - set(before):
            del environ[name]
        environ.update(before)


class _ToOurLog(logging.Handler):
    """Passes vLLM's messages on at level DEBUG."""

    def emit(self, record: logging.LogRecord) -> None:
        _LOG.debug("%s", record.getMessage())


@contextmanager
def _log() -> Iterator[None]:
    """vLLM writes its log to stdout, where the results of this package go."""
    logger = logging.getLogger("vllm")
    before = logger.handlers[:], logger.propagate
    logger.handlers[:], logger.propagate = [_ToOurLog()], False
    try:
        yield
    finally:
        logger.handlers[:], logger.propagate = before


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
def _signals() -> Iterator[None]:
    if current_thread() is not main_thread():  # only the main thread may set handlers
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None and signal.getsignal(number) != handler:
                signal.signal(number, handler)


@contextmanager
def _random_numbers() -> Iterator[None]:
    """vLLM seeds Python's generator, which belongs to the caller."""
    before = random.getstate()
    try:
        yield
    finally:
        random.setstate(before)
