"""One mapping from one file, and every way in which that can fail: with the file, the line and a fix."""

from __future__ import annotations

import os
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llenergymeasure.config.files.yaml import parse_value, read_document, read_experiment
from llenergymeasure.exceptions import ConfigError


@pytest.fixture
def written(tmp_path):
    def write(content):
        path = tmp_path / "config.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def content_of(path):
    return read_document(path).content


def lines_of(path):
    return {place: line for place, (line, _) in read_document(path).marks.items()}


def complaint(path):
    with pytest.raises(ConfigError) as caught:
        read_document(path)
    return str(caught.value)


def test_plain_values_are_read_as_yaml_writes_them(written):
    path = written("model: m\nn: 3\nsection: {flag: yes, list: [1, 2.5, null]}\n")
    assert content_of(path) == {"model": "m", "n": 3, "section": {"flag": True, "list": [1, 2.5, None]}}


@pytest.mark.parametrize("text", ["1e-3", "1E-3", "1.0e-3", "0.1e-2", "+1e-3", ".1e-2", "10e-4", "01e-3"])
def test_numbers_with_an_exponent_are_numbers(written, text):
    assert content_of(written(f"x: {text}\n"))["x"] == pytest.approx(0.001)


@pytest.mark.parametrize(
    "text",
    [
        "0100", "08", "00", "-010", "0x40", "0o100", "0b1", "1_000", "1_0.5", "1_0e3", "1:30", "1:30.5", "190:20:30",
        ".inf", "-.Inf", ".nan",
    ],
)  # fmt: skip
def test_a_number_that_readers_of_yaml_take_differently_is_refused_as_it_is_written(written, text):
    message = complaint(written(f"model: m\nx: {text}\n"))
    assert message.endswith(
        f"line 2, column 4: {text} is not a plain decimal number; write decimal digits without zeros in front, "
        f'or quote it if it is text: "{text}"'
    )
    with pytest.raises(ConfigError, match="is not a plain decimal number"):
        parse_value(text)
    assert content_of(written(f'x: "{text}"\n')) == {"x": text}


@pytest.mark.parametrize("text", ["2024-01-01", "2026-02-31", "2024-1-1 10:00:00", "12:60", "1:2:x", "_1", "=", "1a"])
def test_a_date_and_what_only_resembles_one_is_text(written, text):
    assert content_of(written(f"x: {text}\n")) == {"x": text}
    assert parse_value(text).content == text


@pytest.mark.parametrize("text", ["e3", "1e", "1e-", "a1e3", "1e3b", "1.2.3", '"1e-3"', "+", "."])
def test_text_that_only_resembles_a_number_stays_text(written, text):
    assert isinstance(content_of(written(f"x: {text}\n"))["x"], str)


def test_a_version_at_the_top_is_accepted_and_dropped(written):
    path = written("version: 1\nmodel: m\nnested: {version: 2}\n")
    assert read_experiment(path).content == {"model": "m", "nested": {"version": 2}}


def test_a_byte_order_mark_is_not_part_of_the_first_key(written):
    assert content_of(written(b"\xef\xbb\xbfmodel: m\n")) == {"model": "m"}


def test_merge_keys_take_over_and_may_be_overridden(written):
    path = written("base: &base {n: 1, model: m}\nother:\n  <<: *base\n  n: 2\nthird: {<<: [*base, {x: 3}]}\n")
    fields = content_of(path)
    assert fields["other"] == {"n": 2, "model": "m"}
    assert fields["third"] == {"n": 1, "model": "m", "x": 3}


def test_a_missing_file_is_named_with_the_directory_searched(tmp_path):
    message = complaint(tmp_path / "absent.yaml")
    assert "absent.yaml does not exist; check the path" in message
    assert os.getcwd() in message  # noqa: PTH109 - the words of the message


def test_a_directory_is_not_a_file(tmp_path):
    assert "is a directory; name the YAML file in it" in complaint(tmp_path)


def test_a_path_that_no_system_can_open_is_refused(tmp_path):
    assert "cannot be read" in complaint("a\0b")
    assert "cannot be read" in complaint(tmp_path / ("x" * 5000))


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused(written):
    path = written("model: m\n")
    path.chmod(0)
    assert "cannot be read: Permission denied; check the path and its permissions" in complaint(path)


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        ("model: m\nx: [1,\n", 3, "broken YAML"),
        ("model: m\n\tx: 1\n", 2, "broken YAML"),
        ("model: m\nx: 'open\n", 3, "broken YAML"),
        ("model: m\n  n: 1\n", 2, "broken YAML"),
        ("model: *nobody\n", 1, "undefined alias"),
        ("a: 1\n---\nb: 2\n", 2, "another document"),
        ("model: m\nn: 1\nn: 2\n", 3, "'n' is given twice, first in line 2; keep one"),
        ("a:\n  b:\n    c: 1\n    c: 2\n", 4, "'c' is given twice, first in line 3"),
        ("a: {b: 1, b: 2}\n", 1, "'b' is given twice"),
        ("a:\n  1: x\n  +1: y\n", 3, "'+1' is given twice"),
        ("a: {010: x}\n", 1, "010 is not a plain decimal number"),
        ("a: {<<: {x: 1}, <<: {x: 2}}\n", 1, "'<<' is given twice"),
        ("model: m\nx: !!python/object:os.system {}\n", 2, "tag !!python/object:os.system is refused"),
        ("x: !!python/object/apply:os.system ['true']\n", 1, "write plain values without tags"),
        ("!!python/name:os.system x: 1\n", 1, "is refused"),
        ("x: !own 3\n", 1, "tag !own is refused"),
        ("? [a, b]\n: 1\n", 1, "cannot be a key"),
        ("model: m\nx: \0\n", 2, "character U+0000 is not allowed"),
        ("model: m\nx: \x07\n", 2, "character U+0007 is not allowed"),
        (b"model: m\nx: \xff\xfe\n", 2, "not UTF-8; save the file as UTF-8 text"),
        ("- model: m\n", 1, "the top level is 'list', not a mapping"),
        ("just words\n", 1, "the top level is 'text', not a mapping"),
        ("model: m\n1: x\n", 2, "key '1' is of type int in YAML; quote it"),
        ("model: m\non: x\n", 2, "key 'on' is of type bool in YAML; quote it"),
        ("<<: {1: x}\n", 1, "key '1' is of type int"),
        ("x: !!bool maybe\n", 1, "not a valid bool"),
        ("x: !!float ''\n", 1, "is not a plain decimal number"),
        ("x: !!int 0x10\n", 1, "0x10 is not a plain decimal number"),
        ("x: !!int [1]\n", 1, "is not a plain decimal number"),
        ("x: !!timestamp 2026-01-01\n", 1, "tag !!timestamp is refused"),
        ("x: &a [1, *a]\n", 1, "alias *a contains itself"),
        ("x: &a {y: {<<: *a}}\n", 1, "alias *a contains itself"),
        ("x:\n" + "- " * 60 + "1\n", 2, "nested too deeply, at most 50 levels; use fewer levels"),
        ("x: " + "[" * 5000, 1, "nested too deeply, at most 50 levels"),
        ("x: " + "{a: " * 5000, 1, "nested too deeply, at most 50 levels"),
        ("x: " + "9" * 5000 + "\n", 1, "a number of 5000 characters; quote it if it is text"),
        ("x: 1" + ":59" * 5000 + "\n", 1, "a number of 15001 characters"),
    ],
)
def test_what_is_wrong_in_a_file_is_named_with_its_line(written, content, line, words):
    path = written(content)
    message = complaint(path)
    assert re.match(rf"{re.escape(str(path))}, line {line}(, column \d+)?: ", message), message
    assert words in message


@pytest.mark.parametrize("content", ["", "\n\n", "# nothing but a comment\n", "---\n", "--- # a comment\n"])
def test_an_empty_file_gives_a_message_with_an_example(written, content):
    assert "model: builtin/tiny-llama" in complaint(written(content))


def test_an_empty_file_is_an_empty_mapping_where_that_is_allowed(written):
    assert read_document(written("# every default\n"), allow_empty=True).content == {}


def test_a_large_file_is_refused_before_it_is_parsed(written):
    path = written("{" * (2 * 1024 * 1024))  # parsing would say something about nesting
    assert "is larger than 1 MiB" in complaint(path)


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="needs /dev/zero")  # noqa: PTH110
def test_a_file_that_reports_no_size_is_read_no_further_than_the_limit():
    assert "is larger than 1 MiB" in complaint("/dev/zero")


def bomb(levels, width=10):
    lines = ["a0: &a0 [" + ", ".join(["x"] * width) + "]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * width)}]" for i in range(1, levels)]
    return "\n".join(lines)


def test_an_alias_bomb_is_refused_where_it_grows_too_large(written):
    message = complaint(written(bomb(levels=9)))  # 10^9 values
    assert ", line 5, column " in message
    assert "its values and aliases expand to more than 25000" in message


def test_a_few_aliases_are_no_bomb(written):
    assert len(content_of(written(bomb(levels=3)))["a2"]) == 10


def test_a_long_chain_of_merges_is_refused_as_nesting(written):
    lines = ["a0: &a0 {x: 1}", *(f"a{i}: &a{i} {{<<: *a{i - 1}}}" for i in range(1, 2000))]
    assert "nested too deeply, at most 50 levels" in complaint(written("\n".join(lines)))


def test_a_message_stays_short_when_the_file_is_not(written):
    assert len(complaint(written("x: !" + "y" * 100_000))) < 500
    assert len(complaint(written("k" * 900 + ": 1\n" + "k" * 900 + ": 2\n"))) < 500


def test_lines_of_keys_and_items_are_known(written):
    path = written("model: m\npytorch:\n  batch_size: 4\nexperiments:\n  - n: 1\n  - n: 2\n")
    assert lines_of(path) == {
        ("model",): 1, ("pytorch",): 2, ("pytorch", "batch_size"): 3, ("experiments",): 4,
        ("experiments", 0): 5, ("experiments", 0, "n"): 5, ("experiments", 1): 6, ("experiments", 1, "n"): 6,
    }  # fmt: skip


def test_a_merged_key_has_the_line_where_it_was_written(written):
    lines = lines_of(written("base: &b\n  n: 1\nx:\n  <<: *b\n"))
    assert lines["x", "n"] == 2


def test_what_is_no_text_is_known_as_it_is_written(written):
    document = read_document(written("a: 680841e1\nb: {c: off, d: 1.50}\ne: [+5, ~]\nf: text\ng: '1e3'\n"))
    assert document.texts == {
        ("a",): "680841e1", ("b", "c"): "off", ("b", "d"): "1.50", ("e", 0): "+5", ("e", 1): "~",
    }  # fmt: skip


def test_a_single_value_is_known_as_it_is_written():
    assert parse_value("1e3").texts == {(): "1e3"}
    assert parse_value("{a: off}").texts == {("a",): "off"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("4", 4), ("1e-3", 0.001), ("true", True), ("null", None), ("bf16", "bf16"), ("[1, a]", [1, "a"]),
        ("{a: 1}", {"a": 1}), ("a: b", "a: b"), ("- a", "- a"), ("org/model", "org/model"), ("'4'", "4"),
    ],
)  # fmt: skip
def test_a_single_value_is_a_scalar_or_in_brackets(text, value):
    assert parse_value(text).content == value


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.text(alphabet=st.sampled_from("ab1:-?[]{},&*!|>'\"%@`#<=~. \n\t\0é"), max_size=60),
        st.lists(
            st.sampled_from(
                [
                    "a: ", "b: ", "<<: ", "? ", "- ", "\n", "  ", "&x ", "*x ", "!!int ", "!!float ", "!!bool ", "!!set ",
                    "!!omap ", "!!binary ", "!!timestamp ", "!!null ", "!!python/tuple ", "1", "1:2", "0b", "0x", ".inf",
                    "''", "[", "]", "{", "}", ", ", "2026-13-01", "~", "=", "x",
                ]
            ),
            max_size=25,
        ).map("".join),
        st.binary(max_size=60),
    )
)  # fmt: skip
def test_no_content_whatsoever_fails_in_another_way(written, content):
    path = written(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    try:
        fields = content_of(path)
    except ConfigError as refusal:
        fields, message = None, str(refusal)
    assert isinstance(fields, dict) or str(path) in message
