"""The weight files in a model's directory: which of them transformers reads, whether they are complete, and their size."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from llenergymeasure.exceptions import ConfigError, Finding
from llenergymeasure.models.files.local_files import FETCH_AGAIN, read_json_object
from llenergymeasure.orchestration.model.safetensors_header import (
    LFS_POINTER,
    BrokenFileError,
    check_safetensors,
    tensor_bytes,
)

# The files that transformers looks for, in its order: all weights, or the index of their parts.
WHOLE = ("model.safetensors", "pytorch_model.bin")
STARTS = tuple(name for whole in WHOLE for name in (whole, f"{whole}.index.json"))
# Weights for other libraries.
FOREIGN_SUFFIXES = frozenset((".onnx", ".pth", ".pt", ".ckpt", ".h5", ".msgpack", ".tflite", ".mlmodel", ".npz"))


def weight_findings(directory: Path) -> Iterator[Finding]:
    """Findings about the weights of a model; none when they can be read."""
    try:
        files = weight_files(directory)
    except ConfigError as error:
        yield Finding(error.located, error.fix)
        return
    if not files:
        yield _none_to_read(directory)
    missing = [file for file in files if not file.is_file()]
    if missing:
        yield Finding(f"{len(missing)} of {len(files)} weight files are missing, such as {missing[0]}", FETCH_AGAIN)
    for file in (file for file in files if file not in missing):
        problem = _problem(file)
        if problem is not None:
            yield Finding(problem, FETCH_AGAIN)


def _problem(file: Path) -> str | None:
    if file.suffix == ".safetensors":
        return check_safetensors(file)
    with file.open("rb") as content:
        if content.read(len(LFS_POINTER)) == LFS_POINTER:
            return f"weight file {file} is a Git LFS pointer, not the weights: run git lfs pull"
    return None


def _none_to_read(directory: Path) -> Finding:
    """A finding about a directory without weights for transformers, from the files that it has instead."""
    names = sorted(path.name for path in directory.iterdir() if path.is_file())
    problem = f"model directory {directory} has no weights that can be read ({', '.join(WHOLE)})"
    gguf = [name for name in names if name.lower().endswith(".gguf")]
    if gguf:
        return Finding(f"{problem}, but the GGUF file {gguf[0]}", f"set model: {directory / gguf[0]}")
    parts = [name for name in names if name.endswith((".safetensors", ".bin")) and "-of-" in name]
    if parts:
        return Finding(f"{problem}, but {parts[0]} without the index of the parts", f"fetch {STARTS[1]} as well")
    foreign = [name for name in names if Path(name).suffix.lower() in FOREIGN_SUFFIXES]
    if foreign or (directory / "onnx").is_dir():
        found = foreign[0] if foreign else "the directory onnx"
        return Finding(f"{problem}, but those of another library ({found})", "name a checkpoint with model.safetensors")
    other = [name for name in names if name.endswith((".safetensors", ".bin"))]
    if other:
        return Finding(f"{problem}, but {other[0]}", "name the directory of the whole model, or fetch it again")
    return Finding(problem, FETCH_AGAIN)


def missing_weights(directory: Path) -> bool:
    """Whether a download is incomplete: no weights at all, or a file that the index names is missing.

    Raises:
        ConfigError: the index of the files is damaged.
    """
    files = weight_files(directory)
    return not files or not all(file.is_file() for file in files)


def weight_files(directory: Path) -> tuple[Path, ...]:
    """The files from which transformers reads the weights, existing or missing; empty without any.

    Raises:
        ConfigError: the index of the files is damaged.
    """
    first = _first(directory)
    if first is None:
        return ()
    if first.suffix == ".json":
        return tuple(sorted({directory / file for file in _weight_map(first).values()}))
    return (first,)


def local_weights_bytes(directory: Path) -> int | None:
    """Size in bytes of a model's stored weights, from their index or else from the files; None when not known."""
    try:
        first = _first(directory)
        stated = _stated_bytes(first) if first and first.suffix == ".json" else None
        return stated or sum(_stored_bytes(file) for file in weight_files(directory)) or None
    except (ConfigError, BrokenFileError, OSError):
        return None


def _first(directory: Path) -> Path | None:
    """The file that transformers reads first: all weights, or the index of their parts; None without either."""
    return next((directory / name for name in STARTS if (directory / name).is_file()), None)


def _stored_bytes(file: Path) -> int:
    return tensor_bytes(file) if file.suffix == ".safetensors" else file.stat().st_size


def _stated_bytes(index: Path) -> int | None:
    metadata = read_json_object(index).get("metadata")
    total = metadata.get("total_size") if isinstance(metadata, dict) else None
    return int(total) if isinstance(total, (int, float)) and 0 < total < math.inf else None


def _weight_map(index: Path) -> dict[str, str]:
    content = read_json_object(index).get("weight_map")
    if not isinstance(content, dict) or not all(isinstance(file, str) for file in content.values()):
        raise ConfigError(f"{index} has no weight_map of tensors to files", FETCH_AGAIN)
    return content
