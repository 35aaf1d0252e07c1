"""A whole experiment with settings that transformers does not apply: its result says so, with both values."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.torch
pytest.importorskip("transformers")

from llenergymeasure import run_experiment  # noqa: E402


def warnings_with(**fields):
    """The sentences of `setting_not_applied` of a short experiment with the built-in model."""
    result = run_experiment(
        model="builtin/tiny-llama", n=2, max_output_tokens=6, energy={"backend": "null"}, baseline={"enabled": False},
        warmup={"enabled": False}, **fields,
    )  # fmt: skip
    return result, [each for each in result.warnings if each.code == "setting_not_applied"]


def test_an_ordinary_experiment_has_no_such_warning():
    result, found = warnings_with(min_output_tokens=6, pytorch={"attn_implementation": "eager"})
    assert found == []
    used = result.effective_settings
    assert (used["dtype"], used["attn_implementation"], used["min_new_tokens"]) == ("bfloat16", "eager", 6)


def test_a_cache_with_windows_of_a_model_without_windows():
    result, (found,) = warnings_with(pytorch={"cache_implementation": "sliding_window"})
    assert found.sentence == "pytorch.cache_implementation is sliding_window, but the engine used static"
    assert result.effective_settings["kv_cache"] == "static"


def test_outputs_that_end_before_their_least_length():
    """A stop string ends the output although min_output_tokens forbids the end of sequence."""
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    _, (found,) = warnings_with(min_output_tokens=6, passthrough_kwargs={"stop_strings": [*letters, " "]})
    assert found.values["asked"] == 6
    assert found.values["found"] < 6


def test_an_argument_without_its_condition():
    _, (found,) = warnings_with(passthrough_kwargs={"length_penalty": 2.0})
    assert found.sentence == "passthrough_kwargs.length_penalty is 2.0, but it has no effect here"
