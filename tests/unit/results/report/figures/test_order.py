"""The runs in their order."""

from __future__ import annotations

import pytest

pytest.importorskip("matplotlib")

from a_study import a_study
from llenergymeasure.results.report.figures.order import order
from llenergymeasure.study.analysis.analyse import analyse


def test_totals_of_windows_with_several_passes_are_compared_per_pass():
    """Every run needs 4 s for each pass."""
    study = a_study()
    runs = tuple(
        run.model_copy(update={"n_passes": 1 + run.cycle, "values": {"cpu_seconds": 4.0 * (1 + run.cycle)}})
        for run in study.runs
    )
    effects = analyse(study.design, runs, study.protocol)
    picture = order(study.model_copy(update={"runs": runs}), effects.metrics[0])
    assert effects.headline == "cpu_seconds"
    assert float(picture.text.removesuffix(" %").rpartition(" is ")[2]) < 1e-9
