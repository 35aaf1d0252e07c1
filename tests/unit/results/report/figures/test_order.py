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


def test_runs_that_are_not_in_the_analysis_are_not_drawn_against_its_means():
    """One run's energy is an estimate of another meter, a hundred times too small."""
    study = a_study()
    odd = {"meter": "codecarbon", "energy_estimated": True}
    runs = tuple(
        run.model_copy(update={**odd, "values": {**run.values, "energy_per_output_token": 0.01}})
        if run.place == 5
        else run
        for run in study.runs
    )
    effects = analyse(study.design, runs, study.protocol)
    picture = order(study.model_copy(update={"runs": runs}), effects.metrics[0])
    assert picture.text.startswith("35 runs; ")
    assert "Not in the analysis and not shown: 1 run." in picture.caption
