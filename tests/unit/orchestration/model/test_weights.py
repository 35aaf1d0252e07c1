"""The files from which transformers reads a model's weights, whether they are complete, and other files that are found instead."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llenergymeasure.exceptions import Finding
from llenergymeasure.orchestration.model.safetensors_header import check_safetensors
from llenergymeasure.orchestration.model.weights import local_weights_bytes, missing_weights, weight_findings

TENSORS = {
    "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
    "b": {"dtype": "BF16", "shape": [4], "data_offsets": [24, 32]},
}


def safetensors(header: Any = None, data_bytes: int = 32) -> bytes:
    text = json.dumps(TENSORS if header is None else header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(data_bytes)


def problems(directory: Path) -> list[str]:
    return [finding.problem for finding in weight_findings(directory)]


def test_one_complete_file_is_accepted_and_has_its_tensors(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(safetensors())
    assert problems(tmp_path) == []
    assert not missing_weights(tmp_path)
    assert local_weights_bytes(tmp_path) == 32


def sharded(directory: Path, *present: str, metadata: dict[str, Any] | None = None) -> None:
    index = {"metadata": metadata or {}, "weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (directory / "model.safetensors.index.json").write_text(json.dumps(index))
    for name in present:
        (directory / name).write_bytes(safetensors())


def test_missing_parts_of_sharded_weights_are_one_finding(tmp_path: Path) -> None:
    sharded(tmp_path, "model-1.safetensors")
    assert problems(tmp_path) == [f"1 of 2 weight files are missing, such as {tmp_path / 'model-2.safetensors'}"]
    assert missing_weights(tmp_path)
    assert local_weights_bytes(tmp_path) is None


def test_the_index_states_the_size_of_sharded_weights(tmp_path: Path) -> None:
    sharded(tmp_path, metadata={"total_size": 4711})
    assert local_weights_bytes(tmp_path) == 4711


def test_parts_without_a_stated_size_are_summed(tmp_path: Path) -> None:
    sharded(tmp_path, "model-1.safetensors", "model-2.safetensors")
    assert problems(tmp_path) == []
    assert local_weights_bytes(tmp_path) == 64


def test_whole_weights_come_before_an_index_as_in_transformers(tmp_path: Path) -> None:
    sharded(tmp_path, metadata={"total_size": 4711})
    (tmp_path / "model.safetensors").write_bytes(safetensors())
    assert problems(tmp_path) == []
    assert local_weights_bytes(tmp_path) == 32


@pytest.mark.parametrize("content", ["{", "{}", '{"weight_map": {"a": 1}}'])
def test_a_damaged_index_is_a_reason(tmp_path: Path, content: str) -> None:
    (tmp_path / "model.safetensors.index.json").write_text(content)
    (reason,) = problems(tmp_path)
    assert "model.safetensors.index.json" in reason
    assert local_weights_bytes(tmp_path) is None


NONE = "model directory {} has no weights that can be read (model.safetensors, pytorch_model.bin)"


def test_no_weights_at_all_is_a_reason(tmp_path: Path) -> None:
    assert list(weight_findings(tmp_path)) == [Finding(NONE.format(tmp_path), "fetch or copy the model again")]
    assert missing_weights(tmp_path)
    assert local_weights_bytes(tmp_path) is None


@pytest.mark.parametrize(
    ("files", "instead", "fix"),
    [
        (["m.Q8_0.gguf", "a.GGUF"], "but the GGUF file a.GGUF", "set model: {}/a.GGUF"),
        (
            ["model-00001-of-00002.safetensors"],
            "but model-00001-of-00002.safetensors without the index of the parts",
            "fetch model.safetensors.index.json as well",
        ),
        (["model.onnx"], "but those of another library (model.onnx)", "name a checkpoint with model.safetensors"),
        (["onnx/model.onnx"], "(the directory onnx)", "name a checkpoint with model.safetensors"),
        (["consolidated.00.pth"], "(consolidated.00.pth)", "name a checkpoint with model.safetensors"),
        (["tf_model.h5"], "(tf_model.h5)", "name a checkpoint with model.safetensors"),
        (["adapter_model.safetensors"], "but adapter_model.safetensors", "name the directory of the whole model"),
        (["training_args.bin"], "but training_args.bin", "name the directory of the whole model"),
        (["tokenizer.json"], "", "fetch or copy the model again"),
    ],
)
def test_weights_that_transformers_does_not_read_are_named(
    tmp_path: Path, files: list[str], instead: str, fix: str
) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (finding,) = weight_findings(tmp_path)
    assert finding.problem.startswith(NONE.format(tmp_path))
    assert finding.problem.endswith(instead)
    assert fix.format(tmp_path) in finding.fix


def test_a_pointer_in_place_of_pickled_weights_is_a_reason(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_text("version https://git-lfs.github.com/spec/v1")
    (problem,) = problems(tmp_path)
    assert problem.endswith("pytorch_model.bin is a Git LFS pointer, not the weights: run git lfs pull")


def test_weights_of_another_format_are_left_to_the_backend(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(bytes(100))
    assert problems(tmp_path) == []
    assert local_weights_bytes(tmp_path) == 100


FIRST_SHIFTED = {"a": {**TENSORS["a"], "data_offsets": [1, 25]}}
LONG_HEADER = (10**9).to_bytes(8, "little") + b"{}"
CUT_HEADER = (50).to_bytes(8, "little") + b"{}"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is truncated: it has 0 bytes"),
        (safetensors(data_bytes=31), "is truncated: 31 of its 32 bytes of tensors are there"),
        (safetensors(data_bytes=0), "is truncated: 0 of its 32 bytes of tensors are there"),
        (safetensors(data_bytes=40), "is damaged: 8 bytes follow its last tensor"),
        (LONG_HEADER, "is damaged: it states a header of 1000000000 bytes"),
        (CUT_HEADER, "is truncated: 2 of the 50 bytes of its header are there"),
        ((4).to_bytes(8, "little") + b"\xff\xfe{}", "is damaged: its header is not valid JSON"),
        (safetensors([]), "is damaged: its header is not a mapping"),
        (safetensors({"a": {"dtype": "F32"}}), "is damaged: the entry of tensor 'a' is incomplete"),
        (safetensors(FIRST_SHIFTED), "is damaged: tensor 'a' lies at bytes 1 to 25, but must begin at byte 0"),
        (
            safetensors({"a": {"dtype": "F32", "shape": [5], "data_offsets": [0, 24]}}),
            "is damaged: tensor 'a' of 5 elements takes 24 bytes",
        ),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
            "is a Git LFS pointer, not the weights: run git lfs pull",
        ),
    ],
)
def test_a_damaged_file_is_named_with_what_is_wrong(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    assert check_safetensors(path) == f"weight file {path} {reason}"
    assert problems(tmp_path) == [f"weight file {path} {reason}"]
    assert local_weights_bytes(tmp_path) is None


def test_metadata_and_unknown_types_are_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    new = {"__metadata__": {"format": "pt"}, "a": {"dtype": "F4", "shape": [64], "data_offsets": [0, 32]}}
    path.write_bytes(safetensors(new))
    assert check_safetensors(path) is None


def test_a_file_that_cannot_be_read_is_a_reason(tmp_path: Path) -> None:
    reason = check_safetensors(tmp_path / "gone.safetensors")
    assert reason == f"weight file {tmp_path / 'gone.safetensors'} cannot be read: No such file or directory"
