"""The bars of the factors."""

from __future__ import annotations

import pytest

pytest.importorskip("matplotlib")

from a_nested_study import a_nested_study
from llenergymeasure.results.report.figures.spans import spans
from llenergymeasure.results.study_tables.texts import ratio_text


def test_a_factor_inside_each_of_two_backends_has_a_bar_for_each():
    study = a_nested_study()
    analysis = study.effects.metrics[0]
    picture = spans(study.design, analysis)
    for backend in ("pytorch", "vllm"):
        span = analysis.factor("precision", backend).span
        assert f"precision (in {backend}): {ratio_text(span)}" in picture.text
