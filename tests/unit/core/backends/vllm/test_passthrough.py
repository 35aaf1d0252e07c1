"""Passthrough arguments that vLLM does not know, or cannot take, are found in its files before it is imported."""

from __future__ import annotations

import pytest

from llenergymeasure.config.loader import build_experiment_config
from llenergymeasure.core.backends.vllm.passthrough import (
    NOT_PASSED,
    SOURCES,
    argument_names,
    check_passthrough,
    passthrough_findings,
)
from llenergymeasure.exceptions import BackendError

ENGINE = "class EngineArgs:\n    model: str = ''\n    swap_space: int = 4\n    plain = 1\n    def __post_init__(self): pass\n"
SAMPLING = (
    "class Other:\n    wrong: int\nclass SamplingParams:\n    min_p: float = 0.0\n    skip_clone: bool\n    _own: int\n"
)
LLM = "class LLM:\n    def __init__(self, model, *, seed=0, **kwargs): pass\n    def chat(self, messages): pass\n"


def write(folder, *texts):
    for source, text in zip(SOURCES, texts, strict=True):
        file = folder / source.file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


def config(**passthrough):
    return build_experiment_config(
        {"model": "org/model", "backend": "vllm"}, {"passthrough_kwargs": passthrough} if passthrough else {}
    )


def test_the_names_are_fields_and_arguments_of_the_classes(tmp_path):
    names = argument_names(write(tmp_path, ENGINE, SAMPLING, LLM))
    assert names == {"model", "swap_space", "min_p", "seed"}


@pytest.mark.parametrize("text", ["class Renamed:\n    a: int\n", "class SamplingParams:\n    pass\n", "not python ("])
def test_names_in_another_form_are_not_known(tmp_path, text):
    assert argument_names(write(tmp_path, ENGINE, text, LLM)) is None


def test_names_without_their_files_are_not_known(tmp_path):
    assert argument_names(tmp_path) is None


def test_an_unknown_name_is_found():
    (finding,) = passthrough_findings(config(swap_spaec=2, min_p=0.1), frozenset({"min_p", "swap_space"}))
    assert "swap_spaec, which neither vllm.LLM nor SamplingParams knows" in str(finding.problem)


def test_where_the_names_are_not_known_only_refused_ones_are_found():
    assert list(passthrough_findings(config(swap_spaec=2), None)) == []
    (finding,) = passthrough_findings(config(swap_spaec=2, nnodes=2), None)
    assert str(finding.problem).startswith("passthrough_kwargs may not set nnodes: ")


@pytest.mark.parametrize("name", ["structured_outputs", "repetition_detection"])
def test_an_argument_that_needs_an_object_of_vllm_is_refused(name):
    with pytest.raises(BackendError, match=rf"may not set {name}: .*which a configuration cannot hold; remove it"):
        check_passthrough(config(**{name: {"regex": "[a-z]+"}}), frozenset({name}))


def test_a_plain_experiment_has_no_findings():
    assert list(passthrough_findings(config(), frozenset(NOT_PASSED))) == []
