"""Environment variables for a child in a container, in a file that the child reads and removes at once.

Variables on the command line of an engine, and in its file of variables, can be read with `ps` or `inspect` as long as the
container exists. Tokens are among them, so all variables are passed in a file that only its owner can read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from llenergymeasure._files import explained
from llenergymeasure._json import read_json_file
from llenergymeasure.results.ranks.files import stem

# Settings of the libraries. Others name files and programs of this machine, or belong to the launcher of a process.
PREFIXES = (
    "CUDA_DEVICE_", "CUDA_LAUNCH_", "CUDA_MODULE_", "CUDA_VISIBLE_", "HF_", "HUGGINGFACE_", "HUGGING_FACE_", "LLEM_", "MKL_",
    "NCCL_", "OMP_", "OPENBLAS_", "PYTORCH_", "TOKENIZERS_", "TORCHDYNAMO_", "TORCHINDUCTOR_", "TRANSFORMERS_", "TRITON_", "VLLM_",
)  # fmt: skip
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
# Where the experiment runs was decided outside.
NOT_PASSED = "LLEM_RUNNER_"


def passed_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of this process that a child in a container gets."""
    return {
        name: value
        for name, value in environ.items()
        if (name.startswith(PREFIXES) or name.upper() in PROXIES) and not name.startswith(NOT_PASSED)
    }


def leave_environ(folder: Path, environ: Mapping[str, str], count: int = 1) -> None:
    """Write the variables for each of several processes; files of an earlier process are replaced.

    Raises:
        ConfigError, LLEMError: a file cannot be written.
    """
    content = json.dumps(dict(environ)).encode()
    for rank in range(count):
        path = environ_file(folder, rank)
        with explained(path):
            path.unlink(missing_ok=True)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123 - a new file of this mode
                file.write(content)


def take_environ(folder: Path, rank: int = 0) -> dict[str, str]:
    """The variables that were left for this process; their file is removed. Empty where none were left."""
    path = environ_file(folder, rank)
    try:
        found = read_json_file(path)
    except (OSError, ValueError):
        found = {}
    with suppress(OSError):
        path.unlink(missing_ok=True)
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}


def environ_file(folder: Path, rank: int) -> Path:
    """The file with the variables of a process."""
    return folder / f"{stem(rank)}.environ"
