"""Processes side by side through torch.distributed: the launcher's environment, a barrier, a device of one's own."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import distributed

from llenergymeasure.exceptions import ProcessGroupError

# A barrier waits as long as the slowest process works; a process that is gone breaks it at once.
PATIENCE = datetime.timedelta(days=7)


class TorchProcessGroup:
    """This process among those that torch's launcher started.

    Reads RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT, as torchrun, accelerate and most cluster launchers set them.
    The barrier is gloo's: it costs well under a millisecond on one machine and needs no device.

    Args:
        device: of this process on its machine; None = the CPU.

    Raises:
        ProcessGroupError: the others cannot be reached.
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
        """What rank 0 says, on every rank.

        Raises:
            ProcessGroupError: a process is gone.
        """
        said = [text]
        with _explained():
            distributed.broadcast_object_list(said, src=0)
        return said[0]

    def leave(self) -> None:
        """Let go of the others. Safe to call twice."""
        if distributed.is_initialized():
            distributed.destroy_process_group()


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        first_line = str(error).split("\n", 1)[0]
        raise ProcessGroupError(f"another process of this experiment has ended ({first_line})") from error
