"""One study measures two backends, each in an image of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from own_package import installed

pytestmark = [pytest.mark.torch, pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[2]
VLLM = ROOT / ".venv-vllm/bin/python"
STUDY = """
name: two-images
model: builtin/tiny-llama
precision: PRECISION
n: 2
max_input_tokens: 16
max_output_tokens: 4
energy: {backend: "null"}
baseline: {enabled: false}
warmup: {enabled: false}
sweep: {backend: [pytorch, OTHER]}
execution: {n_cycles: 1, experiment_gap_seconds: 0, cycle_gap_seconds: 0}
"""


def measured(place, environ, other, precision):
    """The images of the completed runs of a study of two backends, by backend."""
    (place / "study.yaml").write_text(STUDY.replace("OTHER", other).replace("PRECISION", precision))
    done = subprocess.run(
        [sys.executable, "-m", "llenergymeasure", "run", "study.yaml"],
        cwd=place, env=environ, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    results = [json.loads(path.read_text()) for path in place.glob("results/*/runs/*/result.json")]
    return {each["config"]["backend"]: each["environment_snapshot"]["image"] for each in results}


def test_each_backend_is_measured_in_its_image(user, podman, image, tmp_path):
    other = podman.image("copy", Path(sys.executable))
    installed.install(tmp_path / "site", "llem-copy", None)
    packages = installed.python_path(tmp_path / "site")
    environ = user(
        {"pytorch": "docker:localhost/llem:pytorch", "copy": "docker:localhost/llem:copy"},
        packages,
        (tmp_path / "site",),
    )
    found = measured(tmp_path, environ, "copy", "fp32")
    assert image in found["pytorch"]
    assert other in found["copy"]
    assert podman.containers() == []


@pytest.mark.skipif(not VLLM.exists(), reason="needs vLLM; set it up with: make vllm")
def test_transformers_and_vllm_are_measured_in_their_images(user, podman, image, tmp_path):
    other = podman.image("vllm", VLLM)
    environ = user(
        {"pytorch": "docker:localhost/llem:pytorch", "vllm": "docker:localhost/llem:vllm"},
        extra=(VLLM.parents[1].resolve(),),
    )
    found = measured(tmp_path, {**environ, "VLLM_CPU_KVCACHE_SPACE": "1"}, "vllm", "bf16")
    assert image in found["pytorch"]
    assert other in found["vllm"]
