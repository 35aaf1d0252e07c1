"""Which GPUs this process may use, as CUDA sees it: `CUDA_VISIBLE_DEVICES` against NVML's list.

NVML orders by PCI bus. CUDA orders the fastest first unless CUDA_DEVICE_ORDER=PCI_BUS_ID, which only matters when
the GPUs differ; then indices cannot be resolved from here and CUDA has to be asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from llenergymeasure.core.gpu import Gpu
from llenergymeasure.exceptions import ConfigError


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
        ask_cuda: UUIDs of CUDA's devices in its order; asked only when GPUs differ and their order is not PCI's.
        mig_parent: UUID of the GPU that a MIG instance belongs to.

    Returns:
        The GPUs; empty when CUDA_VISIBLE_DEVICES hides all.

    Raises:
        ConfigError: CUDA_VISIBLE_DEVICES names a GPU that does not exist.
    """
    text = environ.get("CUDA_VISIBLE_DEVICES")
    by_cuda = environ.get("CUDA_DEVICE_ORDER", "FASTEST_FIRST") != "PCI_BUS_ID" and len({gpu.name for gpu in gpus}) > 1
    if by_cuda and ask_cuda is not None and (text is None or _holds_indices(text)):
        by_uuid = {gpu.uuid: gpu for gpu in gpus}
        return tuple(by_uuid[uuid] for uuid in ask_cuda() if uuid in by_uuid)
    if text is None:
        return tuple(gpus)
    return _named(text, gpus, mig_parent)


def _holds_indices(text: str) -> bool:
    return any(part.strip().isdigit() for part in text.split(","))


def _named(text: str, gpus: Sequence[Gpu], mig_parent: Callable[[str], str | None]) -> tuple[Gpu, ...]:
    """As CUDA reads the list: it ends at the first entry that names no device."""
    found: list[Gpu] = []
    for part in (part.strip() for part in text.split(",")):
        if part in ("", "-1", "NoDevFiles", "void", "none"):
            break
        gpu = _one(part, gpus, mig_parent)
        if gpu is None:
            raise ConfigError(
                f"CUDA_VISIBLE_DEVICES names {part!r}, but this machine has {len(gpus)} GPUs; see: nvidia-smi -L"
            )
        if gpu not in found:
            found.append(gpu)
    return tuple(found)


def _one(part: str, gpus: Sequence[Gpu], mig_parent: Callable[[str], str | None]) -> Gpu | None:
    if part.isdigit():
        return gpus[int(part)] if int(part) < len(gpus) else None
    uuid = mig_parent(part) if part.startswith("MIG-") else part
    matches = [gpu for gpu in gpus if uuid and gpu.uuid.startswith(uuid)]
    return matches[0] if len(matches) == 1 else None
