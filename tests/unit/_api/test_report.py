"""Reports of stored results and studies."""

from __future__ import annotations

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

from a_page import Page
from a_result import a_result
from a_study import a_study
from a_traffic_study import a_traffic_study
from llenergymeasure import StudyResult
from llenergymeasure._api.report import limits_of, load, write_report
from llenergymeasure.domain.files.study import write_study
from llenergymeasure.exceptions import ConfigError
from llenergymeasure.results.study_tables.runs import write_runs_csv


@pytest.fixture
def folder(tmp_path):
    """A study of three cells on disk."""
    study = a_study()
    write_study(study, tmp_path / "study")
    write_runs_csv(study, tmp_path / "study" / "runs.csv")
    (tmp_path / "study" / "study.yaml").write_text("model: m\nsweep: {precision: [fp32, bf16]}\n")
    return tmp_path / "study"


def test_the_report_of_a_study_has_a_page_figures_and_tables(folder):
    written = write_report(folder)
    assert written.page == folder / "report.html"
    assert written.figures == folder / "figures"
    assert {"spans.svg", "spans.pdf", "pareto.pdf", "order.svg"} <= {path.name for path in written.figures.iterdir()}
    assert {path.name for path in written.tables.iterdir()} == {
        f"{name}.{ending}"
        for name in ("cells", "factors", "levels", "spans", "interactions")
        for ending in ("tex", "md")
    }
    page = Page(written.page.read_text(encoding="utf-8"))
    assert "sweep: {precision" not in page.text  # the file alone does not describe this study
    assert 'experiments: - {"precision": "fp32", "pytorch": {' in page.text
    links = page.values("href")
    assert {"study.json", "runs.csv", "figures/spans.pdf", "tables/cells.tex"} <= set(links)
    assert all((folder / link).is_file() for link in links)
    assert written.answer == StudyResult.from_dir(folder).answer


def test_a_report_replaces_an_earlier_one_with_the_same_bytes(folder):
    first = {path: path.read_bytes() for path in write_report(folder).page.parent.rglob("*") if path.is_file()}
    write_report(folder / "study.json")
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == first


def test_the_best_cell_inside_a_limit_is_named(folder):
    text = Page(
        write_report(folder, ["ttft_p95_ms=1000", "tokens_per_second=10"]).page.read_text(encoding="utf-8")
    ).text
    assert "best cell inside the limits" in text
    assert "time to first token, p95 at most 1000 ms, throughput at least 10 tokens/s" in text


def test_a_limit_that_no_cell_meets_is_reported(folder):
    text = Page(write_report(folder, ["ttft_p95_ms=1"]).page.read_text(encoding="utf-8")).text
    assert "best cell inside the limits none no cell has time to first token, p95 at most 1 ms" in text


def test_a_limit_chooses_another_rate_of_a_study_over_the_traffic_of_a_server(tmp_path):
    study = a_traffic_study()
    write_study(study, tmp_path)
    assert study.answer != write_report(tmp_path, ["ttft_p99_ms=60", "goodput=2"]).answer
    written = write_report(tmp_path, ["ttft_p99_ms=60", "goodput=2"])
    assert "goodput of at least 2 requests/s, a request rate of 4 requests/s needs the least energy" in written.answer
    assert "tables/curves.csv" in Page(written.page.read_text(encoding="utf-8")).values("href")
    assert [row["best"] for row in StudyResult.from_dir(tmp_path).curve_rows()] == [False, False, True, False]


def test_a_factor_whose_interval_is_inside_the_margin_makes_no_difference_above_it(folder):
    assert "no difference above" not in write_report(folder).answer
    assert "make no difference above 50 %." in write_report(folder, margin="50").answer


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "two", ""])
def test_a_margin_is_a_number_above_0(folder, text):
    with pytest.raises(ConfigError, match="is not a number above 0; for example --margin 2"):
        write_report(folder, margin=text)


def test_a_margin_is_for_studies(tmp_path):
    with pytest.raises(ConfigError, match="a margin is for the factors of a study"):
        write_report(a_result().save(tmp_path).parent, margin="2")


def test_the_report_of_a_result_is_its_page(tmp_path):
    saved = a_result().save(tmp_path)
    assert write_report(saved.parent).page.read_text() == write_report(saved).page.read_text()
    assert write_report(saved.parent).page == saved.parent / "report.html"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nothing", "does not exist; name"),
        ("empty", "has neither result.json nor study.json; name the folder of a result or of a study"),
        ("killed", "the study in .*killed has not ended; llem run --resume "),
        ("broken", "is damaged: .*; restore it from a copy"),
    ],
)
def test_a_bad_folder_is_one_message_and_nothing_is_written(tmp_path, name, words):
    for folder in ("empty", "killed", "broken"):
        (tmp_path / folder).mkdir()
    (tmp_path / "killed" / "manifest.json").write_text("{}")
    (tmp_path / "broken" / "study.json").write_text("{")
    with pytest.raises(ConfigError, match=words):
        write_report(tmp_path / name)
    assert list(tmp_path.rglob("report.html")) == []


def test_a_configuration_is_not_read_as_a_result(tmp_path):
    file = tmp_path / "study.yaml"
    file.write_text("model: builtin/tiny-llama\n")
    with pytest.raises(
        ConfigError, match=r"study\.yaml is a configuration, and not a result; measure it with `llem run "
    ):
        write_report(file)


def test_a_limit_of_a_single_result_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="chooses between the cells of a study"):
        write_report(a_result().save(tmp_path).parent, ["ttft_p95_ms=5"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ttft_p95=500", "no metric 'ttft_p95'; did you mean 'ttft_p95_ms'?"),
        ("ttft_p95_ms", "'' is not a number above 0; for example --limit ttft_p95_ms=500"),
        ("ttft_p95_ms=0500", "'0500' is not a number"),
        ("ttft_p95_ms=-1", "'-1' is not a number above 0"),
    ],
)
def test_a_limit_that_cannot_be_understood_is_one_message(text, words):
    with pytest.raises(ConfigError, match=words.replace("?", r"\?")):
        limits_of([text])


def test_two_limits_of_one_metric_are_refused():
    with pytest.raises(ConfigError, match=r"--limit ttft_p95_ms is given twice; keep one"):
        limits_of(["ttft_p95_ms=500", "tokens_per_second=10", "ttft_p95_ms=400"])


def test_a_name_that_is_too_long_for_a_folder_is_a_usage_error(tmp_path):
    with pytest.raises(ConfigError, match="does not exist; name"):
        load(tmp_path / ("x" * 300))
