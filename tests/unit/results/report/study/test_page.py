"""The page of a study: what it says, and that nothing in it can load or run."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

from a_page import EVIL, Page, is_passive
from a_study import BATCH, PRECISION, a_study
from llenergymeasure.domain.study.result import StudyData
from llenergymeasure.results.report.study.page import html_text, pictures
from llenergymeasure.results.study_tables.texts import ratio_text
from llenergymeasure.study.analysis.analyse import analyse
from llenergymeasure.study.analysis.words.summary import summary


def page_of(study: StudyData, **options) -> Page:
    return Page(html_text(study, **options))


@pytest.fixture(scope="module")
def page() -> Page:
    return page_of(a_study(control=True), files=["runs.csv", "figures/spans.pdf"])


def test_the_answer_is_first(page):
    text = page.text
    assert text.index(a_study(control=True).answer) < text.index("What matters") < text.index("Cells")
    assert "12 cells of acme/some-model-8b with pytorch, 3 cycles, 36 runs" in text


def test_figures_have_the_numbers_of_the_analysis(page):
    analysis = a_study(control=True).effects.metrics[0]
    assert {"spans", "pareto", "way", "order"} <= set(page.figures)
    spans = page.figures["spans"][1]
    for factor in analysis.factors:
        assert f": {ratio_text(factor.span)}" in spans
        assert ratio_text(factor.span) in page.text  # in the table too
    assert page.figures["way"][1].startswith("batch size: 32, times ")
    assert "batch_size=32, precision=bf16, attn_implementation=sdpa" in page.figures["pareto"][1]


def test_every_figure_has_a_text_alternative(page):
    assert all(len(title) > 5 and len(text) > 10 for title, text in page.figures.values())


def test_the_page_loads_nothing_and_links_only_to_its_data(page):
    assert is_passive(page)
    assert page.values("href") == ["runs.csv", "figures/spans.pdf"]


def test_ids_are_unique(page):
    ids = page.values("id")
    assert len(ids) == len(set(ids))


def test_the_same_study_gives_the_same_page():
    assert html_text(a_study()) == html_text(a_study())


def test_cells_with_their_ratios_are_a_table(page):
    assert "energy per output token in J/token" in page.text
    assert page.count("tr", "marked") == 2  # the reference and the best cell


def test_control_runs_show_their_drift(page):
    assert "The reference at the start and at the end of each cycle: energy per output token in J/token." in page.text
    assert page.text.count("cycle 1") == 1
    assert f"all cycles {ratio_text(a_study(control=True).effects.control_drift)}" in page.text


def test_a_failed_cell_is_named_with_its_reason_and_last_lines():
    text = page_of(a_study(failed="12")).text
    assert (
        "12.c1 batch_size=32, precision=bf16, attn_implementation=sdpa: out of memory. CUDA ran out of memory" in text
    )
    assert "OutOfMemoryError: 80 GB" in text
    assert "fp16 needs a GPU" in text


def test_one_cycle_has_no_intervals_and_no_spread():
    page = page_of(a_study(n_cycles=1))
    text = page.text
    assert "95 % interval" not in text
    assert "There are no intervals, because the runs do not show the spread." in text
    assert "no interval: too few runs to estimate the spread" in text
    assert "not known" in text


def test_energy_that_was_not_measured_is_reported_and_the_answer_is_about_throughput():
    page = page_of(a_study(measured=False))
    assert page.text.count("Energy was not measured, so this is about throughput.") == 1
    assert "pareto" not in page.figures
    assert "Span ratio of each factor for throughput" in page.figures["spans"][0]


def test_the_page_says_which_publication_rules_some_run_breaks():
    study = a_study()
    states = {"window_at_least_60_s": "failed", "at_least_30_prompts": "kept", "not_throttled": "not_applicable"}
    kept = {**states, "window_at_least_60_s": "kept"}
    first, *rest = study.runs
    runs = (
        first.model_copy(update={"publication": states}),
        *(run.model_copy(update={"publication": kept}) for run in rest),
    )
    page = page_of(study.model_copy(update={"runs": runs}))
    assert "1 of the 2 rules that apply are kept in every run." in page.text
    assert "window at least 60 s (1 of 36 runs)" in page.text
    assert "Ready to publish?" not in page_of(study).text


def test_an_estimate_of_energy_is_called_one_everywhere():
    study = a_study()
    runs = tuple(run.model_copy(update={"energy_estimated": True, "meter": "codecarbon"}) for run in study.runs)
    effects = analyse(study.design, runs, study.protocol)
    page = page_of(
        study.model_copy(update={"runs": runs, "effects": effects, "answer": summary(study.design, effects)})
    )
    assert page.text.count("energy per output token in J/token, an estimate") >= 2  # the table of cells, and a figure
    assert "Energy is an estimate by codecarbon, not a measurement." in page.text
    assert "energy per output token (an estimate) against throughput" in page.figures["pareto"][0]
    assert re.search(r"energy per output token \(an estimate\) \d", page.text)  # the table of the span ratios


def test_a_study_without_a_completed_run_states_it():
    page = page_of(a_study().model_copy(update={"effects": None, "answer": ""}))
    assert "No run was completed" in page.text
    assert page.figures == {}


def test_the_methods_name_the_protocol_and_their_sources(page):
    text = page.text
    for words in (
        "We compared 12 configurations of acme/some-model-8b (pytorch.batch_size: 1, 8, 32; precision: fp32, bf16;",
        "The experiment had 3 cycles [1, 2]; each cycle ran every configuration once, in an order that was shuffled",
        "36 of 36 runs were completed. They ran on NVIDIA A100 (GPU-0). Energy was measured by nvml",
        "22 degrees of freedom",
        "[1] R. A. Fisher",
    ):
        assert words in text


def test_a_cool_down_without_a_thermometer_is_not_claimed():
    study = a_study()
    runs = tuple(run.model_copy(update={"temperature_c": None}) for run in study.runs)
    cold = page_of(study.model_copy(update={"runs": runs}))
    assert "Each run then waited until each GPU" in page_of(study).text
    assert "Each run then waited" not in cold.text
    assert "GPU temperature at start not measured" in cold.text


def test_the_configuration_is_shown_as_given_or_made_from_the_design(page):
    assert 'model: "acme/some-model-8b"' in page.text
    assert "sweep: {precision: [fp16]}" in page_of(a_study(), given="sweep: {precision: [fp16]}").text


def test_nothing_that_a_user_wrote_becomes_markup():
    study = a_study(failed="12")
    design = study.design
    cells = tuple(cell.model_copy(update={"label": f"{EVIL} {cell.id}"}) for cell in design.cells)
    skipped = tuple(each.model_copy(update={"reason": EVIL, "fields": {EVIL: EVIL}}) for each in design.skipped)
    factors = tuple(
        factor.model_copy(update={"levels": ("</svg>" + EVIL, "]]>", EVIL)[: len(factor.levels)]})
        for factor in design.factors
    )
    runs = tuple(
        run.model_copy(
            update={
                "host": EVIL,
                "gpus": (EVIL,),
                "failure": run.failure and run.failure.model_copy(update={"message": EVIL, "last_lines": (EVIL,)}),
            }
        )
        for run in study.runs
    )
    evil = study.model_copy(
        update={
            "design": design.model_copy(update={"cells": cells, "name": EVIL, "skipped": skipped, "factors": factors}),
            "runs": runs,
            "warnings": (EVIL,),
            "answer": EVIL,
        }
    )
    page = page_of(evil, given=EVIL, files=[EVIL])
    assert is_passive(page)
    assert page.text.count("<script>") > 10


def test_many_cells_make_a_page_of_limited_size():
    from a_study import a_design
    from llenergymeasure.domain.study.design import Factor

    factors = (
        Factor(name=BATCH, fields=(BATCH,), levels=tuple(range(1, 121))),
        Factor(name=PRECISION, fields=(PRECISION,), levels=("fp32", "bf16", "fp16")),
    )
    study = a_study(a_design(factors))
    text = html_text(study)
    assert "The first 200 of 360 rows; all runs are in runs.csv." in text
    assert re.search(r"\d+ more lines are in the file", text)
    assert len(text) < 700_000


def test_figures_as_files_are_named_after_what_they_show():
    names = [picture.name for picture in pictures(a_study())]
    assert names[:4] == ["spans", "pareto", "way", "order"]


def test_waits_that_were_skipped_are_not_claimed():
    study = a_study()
    assert "were skipped" not in page_of(study).text
    runs = tuple(run.model_copy(update={"skipped_s": 20.0 if run.place == 13 else 0.0}) for run in study.runs)
    text = page_of(study.model_copy(update={"runs": runs})).text
    assert "The wait was 0 s before a run and 60 s before a cycle; 20 s of these waits were skipped." in text


def test_ranks_after_alignment_have_their_own_source(page):
    assert "J. L. Hodges, E. L. Lehmann" in page.text
    assert "Conover" not in page.text


def test_every_figure_and_table_has_a_caption(page):
    tags = [tag for tag, _ in page.elements]
    assert tags.count("figcaption") == tags.count("figure")
    without_numbers = tags.count("table") - page.count("table", "numbers")
    assert tags.count("caption") == without_numbers - 1  # skipped combinations stand below their heading


def test_a_study_that_is_not_finished_states_it():
    study = a_study(control=True)
    assert "The study is not finished" not in page_of(study).text
    runs = tuple(run if run.place <= 30 else run.model_copy(update={"state": "pending"}) for run in study.runs)
    text = page_of(study.model_copy(update={"runs": runs})).text
    assert "The study is not finished: 12 of 42 runs have not ended." in text


def test_the_methods_name_the_release_that_measured_and_not_that_which_wrote_the_page():
    study = a_study()
    assert "with llenergymeasure." in page_of(study).text  # not known
    runs = tuple(run.model_copy(update={"tool_version": "1.9.9"}) for run in study.runs)
    text = page_of(study.model_copy(update={"runs": runs})).text
    assert "with llenergymeasure 1.9.9." in text
    assert "in a clone of llenergymeasure at version 1.9.9" in text
    assert "version = {1.9.9}" in text


def test_the_methods_and_the_commands_name_the_libraries_that_measured():
    study = a_study()
    used = {"torch": "2.13.0", "transformers": "5.23.0"}
    runs = [run.model_copy(update={"libraries": used}) for run in study.runs]
    text = page_of(study.model_copy(update={"runs": tuple(runs)})).text
    assert "with llenergymeasure (torch 2.13.0, transformers 5.23.0)." in text
    assert 'pip install ".[pytorch,report]" "torch==2.13.0" "transformers==5.23.0"' in text
    runs[-1] = runs[-1].model_copy(update={"libraries": {**used, "torch": "2.12.0"}})
    text = page_of(study.model_copy(update={"runs": tuple(runs)})).text
    assert "torch==" not in text
    assert "transformers==5.23.0" in text


def test_gpus_are_named_and_their_uuids_are_folded():
    gpus = tuple(f"NVIDIA H200 (GPU-{number})" for number in range(8))
    study = a_study()
    runs = tuple(run.model_copy(update={"gpus": gpus, "gpu_names": ("NVIDIA H200",) * 8}) for run in study.runs)
    text = page_of(study.model_copy(update={"runs": runs})).text
    assert "36 runs; 8 x NVIDIA H200; first run" in text
    assert "They ran on 8 x NVIDIA H200." in text
    assert text.count("GPU-7") == 1


def test_energy_of_two_kinds_is_not_called_an_estimate_as_a_whole():
    study = a_study()
    estimated = {"energy_estimated": True, "meter": "codecarbon"}
    runs = tuple(run.model_copy(update=estimated) if run.cycle == 3 else run for run in study.runs)
    text = page_of(study.model_copy(update={"runs": runs})).text
    assert "Energy of 24 runs was measured by nvml" in text
    assert "Energy of 12 runs is an estimate by codecarbon, not a measurement." in text


def test_replayed_joules_are_called_simulated_in_the_methods():
    study = a_study()
    replayed = {"energy_method": "replayed", "meter": "replay"}
    runs = tuple(run.model_copy(update=replayed) if run.cycle == 3 else run for run in study.runs)
    text = page_of(study.model_copy(update={"runs": runs})).text
    assert "Energy of 24 runs was measured by nvml" in text
    assert "Energy of 12 runs is simulated: recorded joules were replayed." in text


def test_a_source_about_gpu_sensors_is_cited_with_gpus_only():
    study = a_study()
    runs = tuple(run.model_copy(update={"gpus": (), "meter": "rapl"}) for run in study.runs)
    assert "nvidia-smi" in page_of(study).text
    assert "nvidia-smi" not in page_of(study.model_copy(update={"runs": runs})).text


def test_the_methods_state_the_work_of_a_run(page):
    assert "Each run answered 64 prompts with at most 64 output tokens each." in page.text


def test_no_wait_has_its_own_words():
    assert "There was no fixed wait between runs." in page_of(a_study(cycle_gap_s=0.0)).text
