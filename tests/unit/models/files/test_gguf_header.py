"""GGUF files, written by hand: what their header states, and every way in which it can be broken."""

from __future__ import annotations

import struct
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from a_gguf import ARRAY, BOOL, F32, Q8_0, STRING, U32, gguf
from llenergymeasure.exceptions import ConfigError
from llenergymeasure.models.files.gguf import config_in_gguf, gguf_findings, gguf_header
from llenergymeasure.models.files.gguf_header import ArrayLength, BrokenGgufError, read_gguf_header


@pytest.fixture
def written(tmp_path: Path):
    def write(content: bytes) -> Path:
        path = tmp_path / "m.gguf"
        path.write_bytes(content)
        return path

    return write


def test_values_and_tensors_are_read(written) -> None:
    values = {
        "general.architecture": (STRING, "llama"),
        "llama.block_count": (U32, 2),
        "llama.rope.freq_base": (F32, 0.5),
        "tokenizer.ggml.add_bos_token": (BOOL, True),
        "tokenizer.ggml.tokens": (ARRAY, (STRING, ["a", "bc", ""])),
        "tokenizer.ggml.scores": (ARRAY, (F32, [0.0, 1.0])),
        "nested": (ARRAY, (ARRAY, [(U32, [1]), (U32, [])])),
        "last": (U32, 7),
    }
    header = read_gguf_header(written(gguf(values, (("a", (64, 2), Q8_0, 0), ("b", (3,), 0, 160)), bytes(172))))
    assert header.architecture == "llama"
    assert header.n_parameters == 131
    assert header.types == {0, Q8_0}
    assert header.values["tokenizer.ggml.tokens"] == ArrayLength(3)
    assert header.values["tokenizer.ggml.scores"] == ArrayLength(2)
    assert (header.values["llama.rope.freq_base"], header.values["last"]) == (0.5, 7)


def test_sizes_come_back_under_the_names_of_a_config(written) -> None:
    values = {
        "general.architecture": (STRING, "qwen2"),
        "qwen2.block_count": (U32, 24),
        "qwen2.context_length": (U32, 32768),
        "qwen2.attention.head_count": (U32, 14),
        "qwen2.attention.head_count_kv": (ARRAY, (U32, [2, 4])),
        "tokenizer.ggml.tokens": (ARRAY, (STRING, ["a", "b"])),
    }
    assert config_in_gguf(gguf_header(str(written(gguf(values))))) == {
        "model_type": "qwen2", "num_hidden_layers": 24, "max_position_embeddings": 32768, "num_attention_heads": 14,
        "vocab_size": 2,
    }  # fmt: skip


WHOLE = gguf()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"GGML" + WHOLE[4:], "is not a GGUF file"),
        (b"", "is not a GGUF file"),
        (b"GGUF", "is truncated or damaged"),
        (WHOLE[:30], "is truncated or damaged"),
        (WHOLE[:-1], f"is truncated: {len(WHOLE) - 1} of its {len(WHOLE)} bytes are there"),
        (gguf(version=1), "has GGUF version 1; versions 2 and 3 can be read"),
        (WHOLE[:8] + struct.pack("<Q", 2**60) + WHOLE[16:], "is damaged: it states 1152921504606846976 values"),
        (gguf({"x": (U32, 1)}).replace(struct.pack("<I", U32), struct.pack("<I", 99), 1), "a value is of type 99"),
        (gguf({"x": (STRING, "y" * 9)})[:40], "is truncated or damaged"),
    ],
)
def test_a_broken_file_is_named_with_what_is_wrong(written, content: bytes, reason: str) -> None:
    path = written(content)
    with pytest.raises(BrokenGgufError, match=reason.partition(";")[0]):
        read_gguf_header(path)
    (finding,) = gguf_findings(str(path))
    assert finding.problem.startswith(f"model file {path} ")
    assert reason in finding.problem
    assert finding.fix == "fetch or copy the file again"


def test_a_whole_file_is_no_finding(written) -> None:
    assert list(gguf_findings(str(written(WHOLE)))) == []


def test_a_tensor_of_a_type_that_is_not_known_is_no_damage(written) -> None:
    assert read_gguf_header(written(gguf(tensors=(("t", (256,), 20, 0),), data=b""))).n_parameters == 256


def test_a_file_that_is_not_there_is_a_finding(tmp_path: Path) -> None:
    (finding,) = gguf_findings(str(tmp_path / "gone.gguf"))
    assert (finding.fix, "No such file" in finding.problem) == ("check the path", True)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_damage_whatsoever_fails_in_another_way(written, data) -> None:
    content = bytearray(gguf({"general.architecture": (STRING, "llama"), "a": (ARRAY, (STRING, ["x", "yz"]))}))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = written(bytes(content[: data.draw(st.integers(0, len(content)))]))
    with suppress(ConfigError):
        assert isinstance(config_in_gguf(gguf_header(str(path))), dict)


def test_a_file_is_read_once_until_it_changes(written) -> None:
    path = written(gguf({"general.architecture": (STRING, "llama")}))
    first = gguf_header(str(path))
    assert gguf_header(str(path)) is first
    written(gguf({"general.architecture": (STRING, "another")}))
    assert gguf_header(str(path)).architecture == "another"
