"""Prompts from a JSONL file: what is accepted, and which message a faulty file gives."""

from __future__ import annotations

import codecs
import hashlib
import json
import tempfile
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llenergymeasure.datasets.jsonl import MAX_LINE_BYTES, PROMPT_FIELDS, read_jsonl
from llenergymeasure.exceptions import ConfigError

ONE = b'{"prompt": "one"}\n'


@pytest.fixture
def write(tmp_path):
    def write_file(content: bytes) -> Path:
        path = tmp_path / "own.jsonl"
        path.write_bytes(content)
        return path

    return write_file


def complaint(path, n=10):
    with pytest.raises(ConfigError) as caught:
        read_jsonl(path, n)
    problem, _, fix = str(caught.value).partition("; ")
    assert fix, "an error names its fix after a semicolon"
    return problem, fix


def test_the_first_prompts_are_kept_and_all_are_counted(write):
    content = read_jsonl(write(b"".join(b'{"prompt": "p%d"}\n' % i for i in range(7))), 3)
    assert content.texts == ("p0", "p1", "p2")
    assert content.n_available == 7


def test_the_hash_is_that_of_the_whole_file(write):
    path = write(ONE * 5)
    assert read_jsonl(path, 1).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_byte_order_mark_blank_lines_and_windows_line_ends_are_tolerated(write):
    content = read_jsonl(write(codecs.BOM_UTF8 + b'\r\n{"prompt": "one"}\r\n\n   \n{"prompt": "two"}'), 5)
    assert content.texts == ("one", "two")
    assert content.n_available == 2


def test_a_byte_order_mark_alone_is_no_prompt(write):
    assert "is empty" in complaint(write(codecs.BOM_UTF8 + b"\n"))[0]


@pytest.mark.parametrize("field", PROMPT_FIELDS)
def test_each_accepted_field_may_contain_the_prompt(write, field):
    assert read_jsonl(write(json.dumps({"id": 1, field: "hello"}).encode()), 1).texts == ("hello",)


@pytest.mark.parametrize(("first", "second"), list(pairwise(PROMPT_FIELDS)))
def test_the_preferred_field_counts_at_any_position(write, first, second):
    assert read_jsonl(write(json.dumps({second: "no", first: "yes"}).encode()), 1).texts == ("yes",)


def test_a_null_field_is_as_good_as_absent(write):
    assert read_jsonl(write(b'{"prompt": null, "text": "here"}'), 1).texts == ("here",)


def test_lines_after_the_requested_prompts_are_not_checked(write):
    assert read_jsonl(write(ONE + b"this is not JSON\n"), 1).n_available == 2


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip), min_size=1), st.booleans()
)
def test_any_text_comes_back_as_it_was_written(texts, ascii_only):
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "any.jsonl")
        lines = [json.dumps({"prompt": text}, ensure_ascii=ascii_only) + "\n" for text in texts]
        path.write_bytes("".join(lines).encode("utf-8"))
        assert read_jsonl(path, len(texts)).texts == tuple(texts)


@pytest.mark.parametrize(
    ("line", "problem", "fix"),
    [
        (b"not json", "not JSON (Expecting value at column 1)", "one JSON object per line"),
        (b'{"prompt": "half', "not JSON (Unterminated string", "one JSON object per line"),
        (b"[" * 100_000, "unreasonable JSON", "one JSON object per line"),
        (b'["a", "list"]', "list, not an object", '{"prompt": "..."}'),
        (b'"a string"', "str, not an object", '{"prompt": "..."}'),
        (b'{"id": 7, "answer": "x"}', "no prompt among the fields 'id', 'answer'", "name it prompt, text, question"),
        (b"{}", "no prompt among the fields (none)", "name it prompt, text, question"),
        (b'{"prompt": ["a"]}', "'prompt' is list, not text", "one string per prompt"),
        (b'{"prompt": 7}', "'prompt' is int, not text", "one string per prompt"),
        (b'{"question": ""}', "'question' is empty", "remove the line or fill it"),
        (b'{"prompt": " \\n\\t "}', "'prompt' is empty", "remove the line or fill it"),
        (b'{"prompt": "caf\xe9"}', "not UTF-8 at byte 16", "save the file as UTF-8"),
        (b'{"prompt": "\\ud83d"}', "half a surrogate pair at character 1", "the character itself"),
    ],
)
def test_a_faulty_line_is_named_with_file_number_and_fix(write, line, problem, fix):
    path = write(ONE + b"\n" + line + b"\n" + ONE)
    found, advice = complaint(path)
    assert found.startswith(f"dataset {path}, line 3: ")
    assert problem in found
    assert fix in advice


def test_every_accepted_field_is_named_in_order_of_preference(write):
    assert "prompt, text, question, instruction, input or content" in complaint(write(b'{"id": 1}'))[1]


def test_a_file_without_a_line_break_is_refused_before_it_fills_the_memory(write):
    problem, fix = complaint(write(b"x" * (MAX_LINE_BYTES + 1)))
    assert f"line 1: longer than {MAX_LINE_BYTES} bytes" in problem
    assert "one JSON object per line" in fix


@pytest.mark.parametrize("content", [b"", b"\n\n  \n"])
def test_a_file_without_prompts_is_called_empty(write, content):
    assert "is empty" in complaint(write(content))[0]


def test_a_missing_file_is_reported_as_missing(tmp_path):
    problem, fix = complaint(tmp_path / "nothing.jsonl")
    assert problem == f"dataset file {tmp_path / 'nothing.jsonl'} does not exist"
    assert str(Path.cwd()) in fix


def test_a_directory_is_called_a_directory(tmp_path):
    assert complaint(tmp_path)[0] == f"dataset {tmp_path} is a directory"


def test_a_device_is_not_read():
    assert complaint(Path("/dev/zero"))[0] == "dataset /dev/zero is not a regular file"


def test_a_file_that_the_system_will_not_open_is_reported_with_its_reason():
    unreadable = Path("/proc/self/mem")  # a regular file by its type; reading from its start fails for everybody
    if not unreadable.is_file():
        pytest.skip("needs Linux's /proc")
    problem, fix = complaint(unreadable)
    assert problem.startswith("dataset file /proc/self/mem cannot be read: ")
    assert "permissions" in fix


@pytest.mark.parametrize("name", ["a\0b.jsonl", "x" * 5000 + ".jsonl"])
def test_a_name_that_no_file_can_have_is_an_ordinary_error(name):
    assert complaint(Path(name))[0].startswith("dataset file ")
