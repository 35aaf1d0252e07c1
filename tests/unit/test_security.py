"""Names that reach the disk, and texts that reach a reader."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llenergymeasure.security import redact, sanitise_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("tiny-llama", "tiny-llama"),
        ("../../etc/passwd", "etc-passwd"),
        ("a/b\\c\0d", "a-b-c-d"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        (".hidden", "hidden"),
        ("-rf", "rf"),
        ("a\u2215b\uff0fc", "a-b-c"),
        ("ends.", "ends"),
    ],
)
def test_a_name_becomes_one_safe_component(text, name):
    assert sanitise_name(text) == name


def test_long_names_that_differ_at_their_end_stay_different():
    a, b = sanitise_name("x" * 10_000 + "a"), sanitise_name("x" * 10_000 + "b")
    assert a != b
    assert len(a.encode()) <= 100


@given(st.text(max_size=300))
def test_any_name_stays_below_its_base(tmp_path_factory, text):
    name = sanitise_name(text)
    assert name == sanitise_name(name)
    assert 0 < len(name.encode()) <= 100
    assert name.isascii()
    assert "/" not in name
    assert name not in (".", "..")
    base = tmp_path_factory.getbasetemp()
    assert (base / name).resolve().parent == base.resolve()


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("https://user:secret@host/x", "https://***@host/x"),
        ("https://ghp_token1234567@host/x", "https://***@host/x"),
        ("token hf_abcdEFGH1234 was used", "token *** was used"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("the value is s3cret-value here", "the value is *** here"),
        ("https://host/x?access_token=abcd&n=1", "https://host/x?access_token=***&n=1"),
        ("pip install hf_transfer", "pip install hf_transfer"),
        ("nothing to hide: user@host, hf_x", "nothing to hide: user@host, hf_x"),
    ],
)
def test_secrets_are_blackened(text, clean):
    assert redact(text, {"MY_API_KEY": "s3cret-value", "PATH": "nothing", "SHORT_TOKEN": "a"}) == clean


def test_a_secret_is_found_in_the_spelling_of_a_url_and_line_by_line():
    assert redact("https://host/a%2Fb%2Bcdef", {"MY_TOKEN": "a/b+cdef"}) == "https://host/***"
    assert redact("second-line", {}, secrets=["first-line\nsecond-line"]) == "***"


def test_variables_that_only_sound_secret_are_not():
    environ = {"MAX_TOKENS": "1234567", "TOKENIZERS_PARALLELISM": "false--", "PWD": "/home/me"}
    assert redact("1234567 false-- /home/me", environ) == "1234567 false-- /home/me"
