"""Joins the processes of one experiment through torch.distributed, each with its own device."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import distributed

from llenergymeasure.exceptions import ProcessGroupError

# A barrier waits for the slowest process; a process that has ended breaks it at once.
PATIENCE = datetime.timedelta(days=7)


class TorchProcessGroup:
    """The process group of this process, started by torch's launcher.

    Reads RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT, as torchrun, accelerate and most cluster launchers set them.
    The barrier is that of gloo: it takes well under a millisecond on one machine and needs no device.

    Args:
        device: number of this process's GPU; None = the CPU.

    Raises:
        ProcessGroupError: the other processes cannot be reached.
    """

    def __init__(self, device: int | None) -> None:
        if device is not None:
            torch.cuda.set_device(device)
        try:
            distributed.init_process_group("gloo", timeout=PATIENCE)
        except (RuntimeError, ValueError) as error:
            raise ProcessGroupError(
                f"the processes of this experiment cannot connect to each other: {error}"
            ) from error
        self.rank = distributed.get_rank()
        self.size = distributed.get_world_size()

    def barrier(self) -> None:
        with _explained():
            distributed.barrier()

    def share(self, text: str) -> str:
        """The text of rank 0, on every rank.

        Raises:
            ProcessGroupError: a process has ended.
        """
        said = [text]
        with _explained():
            distributed.broadcast_object_list(said, src=0)
        return said[0]

    def leave(self) -> None:
        """Leave the process group. Safe to call twice."""
        if distributed.is_initialized():
            distributed.destroy_process_group()


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        first_line = str(error).split("\n", 1)[0]
        raise ProcessGroupError(f"another process of this experiment has ended ({first_line})") from error
