"""Finds the GPUs that CUDA makes visible to this process, from `CUDA_VISIBLE_DEVICES` and NVML's list.

NVML orders by PCI bus. CUDA orders the fastest first unless CUDA_DEVICE_ORDER=PCI_BUS_ID. The difference matters only
when the GPUs differ; then only CUDA can resolve indices.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import takewhile

from llenergymeasure.core.nvml.gpu import Gpu
from llenergymeasure.exceptions import ConfigError

# CUDA parses numbers as strtoul does: "1gpu" is 1.
_INDEX = re.compile(r"\s*\+?\d+")


def visible_gpus(
    gpus: Sequence[Gpu],
    environ: Mapping[str, str],
    ask_cuda: Callable[[], Sequence[str]] | None = None,
    mig_parent: Callable[[str], str | None] = lambda uuid: None,
) -> tuple[Gpu, ...]:
    """The visible GPUs in CUDA's order.

    Args:
        gpus: every GPU, in NVML's order.
        environ: environment variables.
        ask_cuda: returns the UUIDs of CUDA's devices in CUDA's order, empty without CUDA; called only when GPUs differ
            and their order is not that of the PCI bus.
        mig_parent: UUID of the GPU that a MIG instance belongs to.

    Returns:
        The GPUs; empty when CUDA_VISIBLE_DEVICES hides all.

    Raises:
        ConfigError: CUDA_VISIBLE_DEVICES names no existing GPU or a GPU twice, or its numbers are in an unknown order.
    """
    text = environ.get("CUDA_VISIBLE_DEVICES")
    by_cuda = environ.get("CUDA_DEVICE_ORDER", "FASTEST_FIRST") != "PCI_BUS_ID" and len({gpu.name for gpu in gpus}) > 1
    if by_cuda and (text is None or _holds_indices(text)):
        by_uuid = {gpu.uuid: gpu for gpu in gpus}
        in_order = tuple(by_uuid[uuid] for uuid in (ask_cuda() if ask_cuda else ()) if uuid in by_uuid)
        if in_order or text is None:
            return in_order or tuple(gpus)
        raise ConfigError(
            f"CUDA_VISIBLE_DEVICES={text} numbers GPUs in CUDA's own order, fastest first, which is not known here",
            "set CUDA_DEVICE_ORDER=PCI_BUS_ID, or name the GPUs by uuid; list them with: nvidia-smi -L",
        )
    return tuple(gpus) if text is None else _named(text, gpus, mig_parent)


def _holds_indices(text: str) -> bool:
    return _INDEX.match(text) is not None


def _named(text: str, gpus: Sequence[Gpu], mig_parent: Callable[[str], str | None]) -> tuple[Gpu, ...]:
    """The GPUs as CUDA reads the list: it ends at the first unknown entry, and a GPU named twice hides all."""
    entries = list(_entries(text))
    found = [gpu for gpu in takewhile(bool, (_one(entry, gpus, mig_parent) for entry in entries)) if gpu]
    by_uuid = {gpu.uuid: gpu for gpu in found}
    if entries and not found:
        raise ConfigError(
            f"CUDA_VISIBLE_DEVICES names {entries[0]!r}, but this machine has {len(gpus)} GPUs",
            "list the GPUs with: nvidia-smi -L",
        )
    if len(set(entries)) < len(entries) or (len(by_uuid) < len(found) and not text.startswith("MIG-")):
        raise ConfigError(f"CUDA_VISIBLE_DEVICES={text} names a GPU twice, so CUDA shows no GPU", "name each once")
    return tuple(by_uuid.values())


def _entries(text: str) -> Iterator[str]:
    """The entries up to the first of another kind: UUIDs or their beginnings, MIG instances, or numbers."""
    prefix = next((kind for kind in ("GPU-", "MIG-") if text.startswith(kind)), None)
    for part in (part.strip() for part in text.split(",")):
        number = _INDEX.match(part)
        if (prefix is None and number is None) or (prefix is not None and not part.startswith(prefix)):
            return
        yield part if number is None else str(int(number[0]))


def _one(entry: str, gpus: Sequence[Gpu], mig_parent: Callable[[str], str | None]) -> Gpu | None:
    if entry.isdigit():
        return gpus[int(entry)] if int(entry) < len(gpus) else None
    uuid = mig_parent(entry) if entry.startswith("MIG-") else entry
    matches = [gpu for gpu in gpus if uuid and gpu.uuid.startswith(uuid)]
    return matches[0] if len(matches) == 1 else None
