"""Pages of studies of every shape: no factor, no grid, holes, one cycle, backends with settings of their own, many levels."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

from benchmarks.simulated_study import Simulation, design_of, protocol

from a_page import Page, is_passive
from a_study import ATTENTION, BATCH, PRECISION, a_design, a_study
from llenergymeasure.domain.study.design import Factor
from llenergymeasure.domain.study.result import StudyData
from llenergymeasure.results.report.study.page import html_text
from llenergymeasure.study.analysis.analyse import analyse
from llenergymeasure.study.analysis.words.summary import summary


def factor(name: str, *levels: object, within: str | None = None) -> Factor:
    return Factor(name=name, fields=tuple(name.split(", ")), levels=levels, within=within)


def of_some_cells() -> StudyData:
    design = a_design()
    return a_study(design.model_copy(update={"cells": tuple(design.cells[at] for at in (0, 3, 5, 10))}))


def of_two_backends() -> StudyData:
    factors = (
        factor("backend", "pytorch", "vllm"),
        factor(BATCH, 1, 8, within="pytorch"),
        factor("vllm.max_num_seqs", 16, 64, within="vllm"),
    )
    cells = [{"backend": 0, BATCH: at} for at in (0, 1)] + [{"backend": 1, "vllm.max_num_seqs": at} for at in (0, 1)]
    design, how = design_of(factors, cells), protocol(3)
    rows = tuple(Simulation(design, lambda levels: float(levels["backend"])).rows(random.Random(1)))
    effects = analyse(design, rows, how)
    assert effects is not None
    return StudyData(
        study_id="two", design=design, protocol=how, runs=rows, effects=effects, answer=summary(design, effects)
    )


LENGTHS = factor("max_input_tokens, max_output_tokens", (128, 128), (1024, 256))
SHAPES: dict[str, Callable[[], StudyData]] = {
    "one cell": lambda: a_study(a_design(())),
    "one run": lambda: a_study(a_design(()), n_cycles=1),
    "one factor": lambda: a_study(a_design((factor(PRECISION, "fp32", "bf16"),))),
    "one cycle": lambda: a_study(n_cycles=1),
    "no grid": of_some_cells,
    "the reference failed": lambda: a_study(failed="01"),
    "a hole": lambda: a_study(failed="06"),
    "grouped": lambda: a_study(order="grouped"),
    "two backends": of_two_backends,
    "switches and lengths": lambda: a_study(
        a_design((factor("pytorch.use_cache", True, False), factor("min_output_tokens", None, 5), LENGTHS))
    ),
    "many levels": lambda: a_study(a_design((factor(BATCH, *range(1, 20)), factor(ATTENTION, "eager", "sdpa")))),
    "long names": lambda: a_study(
        a_design((factor(PRECISION, "fp32", "bf16"),), name="n" * 400, model="organisation/" + "model-" * 60)
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_page_of_any_shape_is_complete_and_states_only_what_is_known(shape):
    study = SHAPES[shape]()
    text = html_text(study)
    page = Page(text)
    assert is_passive(page)
    assert study.answer in page.text
    assert "Cells" in page.text
    assert not re.search(r"\b(?:nan|inf|None|True|False|NoneType)\b", page.text.replace("Warnings None.", ""))
    assert all(title and words for title, words in page.figures.values())


def test_backends_are_compared_at_their_best_cell():
    text = Page(html_text(of_two_backends())).text
    assert "Each backend at its best cell" in text
    assert "batch size (in pytorch)" in text
