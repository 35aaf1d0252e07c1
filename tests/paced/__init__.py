"""A backend of another package whose work takes a known time, on GPUs that need no CUDA: for studies on simulated GPUs.

A token takes 20 ms in fp32 and 10 ms in bf16, and 1.3 times as long with `max_input_tokens: 64`. With a constant power, the true
ratios of energy per token are therefore 0.5 and 1.3.
"""

from __future__ import annotations

import os
from pathlib import Path

from llenergymeasure.config.extensions.backends import BackendEntry

BACKEND = BackendEntry(
    needs=("paced",),
    distributions=("llem-paced",),
    install="pip install llem-paced",
    factory="paced.engine:PacedBackend",
    devices="paced.devices",
    precisions=("fp32", "bf16"),
    decoding=("greedy",),
    own_models=True,
)
TOKEN_S = {"fp32": 0.020, "bf16": 0.010}
LONGER = 1.3
STUDY = """
name: paced
model: anything
backend: paced
n: {n}
max_output_tokens: {tokens}
min_output_tokens: {tokens}
energy: {{backend: nvml}}
baseline: {{enabled: false}}
warmup: {{n_warmup: 1, thermal_floor_seconds: 0}}
sweep: {{precision: [fp32, bf16], max_input_tokens: [16, 64]}}
execution: {{n_cycles: {cycles}, experiment_gap_seconds: 0, cycle_gap_seconds: 0}}
"""


def study(cycles: int, n: int = 2, tokens: int = 30) -> str:
    """The file of a study with four cells. A run takes `n * tokens * 10` to `26` ms."""
    return STUDY.format(cycles=cycles, n=n, tokens=tokens)


def installed(folder: Path) -> dict[str, str]:
    """Write the metadata that pip would write, and return the variables of a process that has the package."""
    metadata = folder / "llem_paced-0.1.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: llem-paced\nVersion: 0.1\n")
    (metadata / "entry_points.txt").write_text("[llenergymeasure.backends]\npaced = paced:BACKEND\n")
    tests = Path(__file__).parents[1]
    places = [str(folder), str(tests), str(tests.parent / "examples"), os.environ.get("PYTHONPATH", "")]
    return {"PYTHONPATH": os.pathsep.join(filter(None, places))}
