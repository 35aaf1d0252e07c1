"""GPUs with the known sensors of their architectures.

Sources: nvml.h and "Part-time Power Measurements" (Yang et al., arXiv 2312.02741), table of sensors. The ticks of the
energy counter are not documented; 10 to 100 ms have been seen.
"""

from __future__ import annotations

from typing import Any

import pynvml

from nvmlsim.scenario import Sensor, SimGpu

AVERAGE = Sensor(0.100, 1.0, phase_s=0.03)
TRUE_COUNTER = Sensor(0.100, 0.100, phase_s=0.013)
PARTIAL_COUNTER = Sensor(0.100, 0.025, phase_s=0.013)
LOOKS_A_QUARTER = Sensor(0.100, 0.025, phase_s=0.03)
LOOKS_ALWAYS = Sensor(0.100, 0.100, phase_s=0.03)
LOOKS_HALF = Sensor(0.020, 0.010, phase_s=0.003)

# Architecture: NVML's number, compute capability, name, instant sensor, average, counter.
MODELS: dict[str, tuple[int, tuple[int, int], str, Sensor, Sensor | None, Sensor | None]] = {
    "hopper": (pynvml.NVML_DEVICE_ARCH_HOPPER, (9, 0), "NVIDIA H100 80GB HBM3", LOOKS_A_QUARTER, AVERAGE, TRUE_COUNTER),
    "ada": (pynvml.NVML_DEVICE_ARCH_ADA, (8, 9), "NVIDIA L40S", LOOKS_ALWAYS, AVERAGE, TRUE_COUNTER),
    "ampere": (pynvml.NVML_DEVICE_ARCH_AMPERE, (8, 6), "NVIDIA RTX A6000", LOOKS_ALWAYS, AVERAGE, TRUE_COUNTER),
    "a100": (
        pynvml.NVML_DEVICE_ARCH_AMPERE, (8, 0), "NVIDIA A100-SXM4-80GB", LOOKS_A_QUARTER, None, TRUE_COUNTER,
    ),
    "turing": (pynvml.NVML_DEVICE_ARCH_TURING, (7, 5), "Tesla T4", LOOKS_ALWAYS, None, TRUE_COUNTER),
    "volta": (pynvml.NVML_DEVICE_ARCH_VOLTA, (7, 0), "Tesla V100-SXM2-32GB", LOOKS_HALF, None, TRUE_COUNTER),
    "pascal": (pynvml.NVML_DEVICE_ARCH_PASCAL, (6, 0), "Tesla P100-PCIE-16GB", LOOKS_HALF, None, None),
}  # fmt: skip


def sim_gpu(architecture: str = "hopper", number: int = 0, **changes: Any) -> SimGpu:
    """A GPU of an architecture; every field of `SimGpu` can be set.

    Args:
        architecture: hopper, ada, ampere, a100, turing, volta or pascal.
        number: makes uuid and bus position unique.
        changes: fields of `SimGpu`.
    """
    code, capability, name, instant, average, counter = MODELS[architecture]
    usual: dict[str, Any] = {
        "uuid": f"GPU-{number:08x}-5e11-4c0f-8a11-aa00bb11cc22",
        "name": name,
        "pci": f"00000000:{0x17 + number:02X}:00.0",
        "architecture": code,
        "capability": capability,
        "instant": instant,
        "average": average,
        "counter": counter,
        "usage_is_average": average is not None,
    }
    return SimGpu(**{**usual, **changes})
