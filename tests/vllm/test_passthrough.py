"""The names that are read from the files of vLLM are those that it has when it is imported."""

from __future__ import annotations

from llenergymeasure.core.backends.vllm.library import VLLMLibrary
from llenergymeasure.core.backends.vllm.passthrough import NOT_PASSED, installed_names
from llenergymeasure.core.backends.vllm.surroundings import surroundings


def test_the_names_in_the_files_are_those_of_the_import():
    with surroundings(devices=1) as around:
        library = VLLMLibrary()
        around.after_import()
        imported = library.engine_names() | library.sampling_names()
    assert installed_names() == imported
    assert set(NOT_PASSED) <= imported
