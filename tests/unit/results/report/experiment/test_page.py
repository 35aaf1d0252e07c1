"""`report.html`: what it says, that it says nothing it does not know, and that nothing in it can load or run."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

from a_gpu_result import a_gpu_result
from a_page import EVIL, Page, is_passive
from a_result import a_result, a_timeseries
from llenergymeasure import ExperimentResult, __version__
from llenergymeasure.domain.energy import EnergyDomain, PhaseEnergy
from llenergymeasure.domain.measurements import MultiGpu
from llenergymeasure.domain.sensors import TimeSeries
from llenergymeasure.domain.timeline import RunningRequests
from llenergymeasure.domain.warnings import MeasurementWarning, warning
from llenergymeasure.results.report.experiment.page import html_text
from llenergymeasure.results.store import FolderRepository


def test_on_a_cpu_throttling_is_not_known_and_not_called_unobserved():
    text = page_of(a_result()).text
    assert "Throttling: not known (" in text
    assert "Throttling: not observed" not in text


def test_a_rule_of_publication_is_written_with_its_unit(gpu_page):
    assert "temperature within 10 °C" in gpu_page.text
    assert "within 10 c" not in gpu_page.text


def page_of(result) -> Page:
    return Page(html_text(result))


@pytest.fixture(scope="module")
def gpu_page() -> Page:
    return page_of(a_gpu_result())


def without_batches(result, prefill):
    """The same result of an engine that schedules its requests."""
    running = RunningRequests(part_s=result.duration_sec / 4, prefill=prefill, running=(4.0, 3.0, 3.0, 1.0))
    return result.model_copy(
        update={
            "timeline": result.timeline.model_copy(update={"batches": (), "running": running}),
            "tokens": result.tokens.model_copy(update={"input_tokens_padded": None}),
            "model_info": result.model_info.model_copy(update={"batch_size": None, "max_num_seqs": 4}),
        }
    )


def test_running_requests_are_shaded_where_there_are_no_batches():
    text = page_of(without_batches(a_gpu_result(n=4), (4.0, 0.0, 1.0, 0.0))).text
    assert "prefill decode of the running requests; the height of the figure is 4 of them." in text
    assert "prompts 4 with at most 4 at the same time" in text
    assert re.search(r"input tokens \d+ \(not padded\)", text)
    assert "in neither" in text
    assert "batch" not in text.split("Latency")[0]


def test_without_the_times_of_first_tokens_the_number_of_requests_is_shaded():
    text = page_of(without_batches(a_gpu_result(n=4), ())).text
    assert "number of the running requests; the height of the figure is 4 of them." in text
    assert "prefill decode of" not in text


def test_headlines_have_their_error_bars():
    text = page_of(a_result()).text
    assert "energy per output token 10 J/token ± 0.5 J/token" in text
    assert "energy in the window 200 J ± 10 J" in text
    assert "energy above idle 120 J" in text
    assert "throughput 10 tokens/s" in text
    assert "time to first token 100 ms p95 100 ms" in text


def test_missing_measurements_have_their_reason():
    text = page_of(a_result(energy_j=None)).text
    assert "energy per output token not measured no sensor" in text
    assert "Energy was not measured." in text
    assert "Power over time: not measured (no GPU sensor was read in this run)" in text
    assert "Temperature and clocks: not measured" in text
    assert not re.search(r"(?<!\.)\b0 J\b", text)


def test_an_estimate_has_no_error_bar_and_is_called_one():
    result = a_result()
    energy = result.energy.model_copy(
        update={
            "method": "estimated",
            "uncertainty_j": None,
            "domains": (EnergyDomain(name="ram", energy_j=33.0, provenance="modelled", included=False),),
        }
    )
    text = page_of(result.model_copy(update={"energy": energy})).text
    assert "Energy is estimated, not measured." in text
    assert "no error bar" in text
    assert "±" not in text
    assert "ram, modelled, not in total" in text
    assert "energy above idle 120 J an estimate; idle 40 W" in text
    assert "above idle, an estimate" in text
    assert "the estimate of the meter" in text
    assert "the reading of the meter" not in text


def test_each_warning_has_its_fix():
    text = page_of(a_result()).text
    remedy = "set min_duration_seconds, or raise n or max_output_tokens."
    assert f"short_measurement_duration the window lasted 0.38 s, below 10 s. {remedy}" in text


def test_a_reason_is_not_taken_for_a_fix():
    reason = warning("energy_unavailable", "energy was not measured: zeus: not installed; nvml: no GPU")
    page = page_of(a_result().model_copy(update={"warnings": (reason,)}))
    assert "energy was not measured: zeus: not installed; nvml: no GPU." in page.text
    assert page.count("span", "remedy") == 0


def test_a_trace_is_drawn_over_the_steps_and_the_batches(gpu_page):
    steps = gpu_page.figures["run"][1]
    assert "load 4 s; warm-up " in steps
    assert "thermal floor 30 s" in steps
    assert {"window-power_w", "window-temperature_c", "window-sm_utilisation_pct"} <= set(gpu_page.figures)
    drawn = html_text(a_gpu_result())
    assert (
        drawn.count("fill: var(--prefill)") == drawn.count("fill: var(--decode)") == 3 * 8
    )  # three figures of eight batches
    assert "GPU 0, RTX A6000 55 °C 55 °C 55 °C 1980 MHz 1980 MHz 1980 MHz" in gpu_page.text
    assert "Throttling: none observed" in gpu_page.text


def test_a_day_of_samples_makes_a_page_of_a_few_hundred_kilobytes():
    seconds, gpus = 86_400, 2
    rows = [(float(time_s), gpu) for gpu in range(gpus) for time_s in range(seconds)]
    column = (300.0,) * len(rows)
    series = TimeSeries(
        timestamp_s=tuple(time_s for time_s, _ in rows),
        gpu_index=tuple(gpu for _, gpu in rows),
        power_w=column, temperature_c=column, memory_used_mb=column, memory_total_mb=column,
        sm_utilisation_pct=column, throttle_reasons=(0,) * len(rows), energy_j=column,
    )  # fmt: skip
    result = a_gpu_result(2, n=4).model_copy(update={"timeseries": series, "duration_sec": float(seconds)})
    text = html_text(result)
    assert len(text) < 500_000
    assert "One value per 108 s (mean) and GPU." in text


def test_energy_is_split_by_device_and_by_phase(gpu_page):
    for words in ("GPU 0, RTX A6000", "prefill ±", "decode ±", "above idle"):
        assert words in gpu_page.text


def test_a_uuid_is_only_in_a_folded_table(gpu_page):
    assert gpu_page.text.count("GPU-0") == 1
    assert "UUIDs of the GPUs GPU 0 GPU-0" in gpu_page.text
    assert [tag for tag, _ in gpu_page.elements].count("details") == 2


def test_a_gpu_that_the_snapshot_does_not_know_has_its_uuid():
    text = page_of(a_result()).text
    assert "GPU-0" in text


def test_the_energy_by_device_names_the_section_with_uuids_only_where_it_has_them(gpu_page):
    assert "by device. The UUIDs are in the section on the environment." in gpu_page.text
    without = page_of(a_result()).text
    assert "Energy of the window by device." in without
    assert "The UUIDs are in the section" not in without


def test_the_page_names_the_release_that_measured_and_the_one_that_wrote_it():
    text = page_of(a_result().model_copy(update={"tool_version": "2.0.0"})).text
    assert f"Measured by llenergymeasure 2.0.0, written by llenergymeasure {__version__} from result.json" in text


def test_packages_are_folded(gpu_page):
    assert "2 installed packages" in page_of(with_packages(2)).text


def with_packages(count: int):
    result = a_result()
    packages = {f"package-{number}": "1.0" for number in range(count)}
    seen = result.environment_snapshot.model_copy(update={"packages": packages})
    return result.model_copy(update={"environment_snapshot": seen})


def test_every_figure_and_table_has_a_caption(gpu_page):
    tags = [tag for tag, _ in gpu_page.elements]
    assert tags.count("figcaption") == tags.count("figure")
    folded = 1  # the table of UUIDs, which has a summary
    assert tags.count("caption") + gpu_page.count("table", "numbers") + folded == tags.count("table")


def test_p99_is_shown_from_100_samples_on(gpu_page):
    """32 requests, and 2016 times between tokens."""
    assert "time to first token 2 s p95 2 s median of 32 samples" in gpu_page.text
    assert "inter-token latency 46 ms p95 52 ms, p99 52 ms" in gpu_page.text
    assert "p99 is shown from 100 samples on" in gpu_page.text
    assert "request, s 32 4.9 0 4.9 4.9 4.9 4.9 - 4.9" in gpu_page.text  # in seconds above 1,000 ms
    assert "inter-token, ms 2016 46 4 40 46 52 52 52 52" in gpu_page.text


def test_what_repeats_the_experiment_is_on_the_page(gpu_page):
    text = gpu_page.text
    assert 'The configuration, as experiment.yaml : model: "acme/some-model-8b" n: 32' in text
    assert "llem run experiment.yaml --report" in text
    assert "llem run --from-result result.json --report" in text
    assert "@software{llenergymeasure," in text


def test_two_gpus_have_a_line_each():
    page = page_of(a_gpu_result(2, n=8))
    assert page.text.count("GPU 1") >= 4  # in axes, legends and the table
    assert page.figures["window-power_w"][1].startswith("GPU 0: from ")
    assert "Idle power of all GPUs together: 116 W." in page.text


def test_the_way_of_the_number_the_rules_and_the_machine_are_reported(gpu_page):
    for words in (
        "handed in by a test",
        "cross-check",
        "of it gain",
        "window at least 60 s",
        "power limit 300 W",
        "driver 580.1",
    ):
        assert words in gpu_page.text


def test_settings_that_are_not_the_default_are_marked(gpu_page):
    assert gpu_page.count("tr", "changed") == 5  # n, max_output_tokens, batch size, and two of the warm-up


def test_a_split_that_is_not_known_has_the_reason():
    result = a_result(timeseries=a_timeseries())
    split = PhaseEnergy(reason="phases of 0.1 s are shorter than the sensor's period")
    text = page_of(result.model_copy(update={"phase_energy": split})).text
    assert "not separated (phases of 0.1 s are shorter" in text


def test_a_split_that_is_absent_has_the_reason_of_the_result():
    result = a_gpu_result(n=4).model_copy(update={"phase_energy": None, "phases": None})
    assert f"not separated ({result.reasons['phase_energy']})" in page_of(result).text


def test_nothing_that_a_user_wrote_becomes_markup():
    result = a_gpu_result(model=EVIL, n=4)
    seen = result.environment_snapshot.model_copy(update={"packages": {EVIL: EVIL}, "cpu_model": EVIL, "os": EVIL})
    evil = result.model_copy(
        update={
            "environment_snapshot": seen,
            "warnings": (MeasurementWarning(code=EVIL, sentence=EVIL, remedy=EVIL),),
            "energy": result.energy.model_copy(update={"meter": EVIL, "per_device_j": {EVIL: 3.0}}),
            "meter": result.meter.model_copy(update={"name": EVIL, "reason": EVIL, "probes": {EVIL: EVIL}}),
            "model_info": result.model_info.model_copy(update={"name": EVIL, "notes": (EVIL,), "devices": (EVIL,)}),
            "dataset": result.dataset.model_copy(update={"name": EVIL, "note": EVIL}),
        }
    )
    page = page_of(evil)
    assert is_passive(page)
    assert page.text.count("<script>") > 10


def test_a_name_with_control_characters_is_shown_escaped():
    result = a_result(passthrough_kwargs={"x": "a\x1b[31m\u202egpj"})
    text = html_text(result)
    assert "a\\u001b[31m\\u202egpj" in text
    assert not {"\x1b", "\u202e"} & set(text)


def test_the_page_loads_nothing_and_forbids_it(gpu_page):
    assert is_passive(gpu_page)
    text = html_text(a_result())
    assert "@import" not in text
    assert "http://" not in text
    in_commands = text.count("--index-url https://")  # text that a person may copy
    assert text.count("https://") == in_commands <= 1


def test_the_page_follows_the_light_of_the_screen_and_prints_light():
    text = html_text(a_gpu_result())
    assert "@media screen and (prefers-color-scheme: dark)" in text
    assert "@media print" in text
    assert not re.findall(r"<(?:path|text|use|g|rect)[^>]*#[0-9a-f]{6}", text)  # every colour of a figure follows


def test_a_report_is_in_the_folder_of_its_result(tmp_path):
    result_file = FolderRepository(tmp_path, report=html_text).save(a_result(timeseries=a_timeseries())).path
    assert {path.name for path in result_file.parent.iterdir()} == {"result.json", "timeseries.parquet", "report.html"}
    assert not a_result().save(tmp_path).with_name("report.html").exists()


def test_a_report_that_fails_costs_no_result(tmp_path):
    def broken(result):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        FolderRepository(tmp_path, report=broken).save(a_result())
    (folder,) = tmp_path.iterdir()
    assert [path.name for path in folder.iterdir()] == ["result.json"]


def test_a_report_of_a_result_that_was_read_back_is_the_same(tmp_path):
    result_file = FolderRepository(tmp_path, report=html_text).save(a_result(timeseries=a_timeseries())).path
    again = ExperimentResult.from_json(result_file).to_html(tmp_path / "again.html")
    assert again.read_text() == result_file.with_name("report.html").read_text()


def test_a_missing_trace_file_is_reported(tmp_path):
    result_file = a_result(timeseries=a_timeseries()).save(tmp_path)
    result_file.with_name("timeseries.parquet").unlink()
    with pytest.warns(UserWarning, match="is missing"):
        result = ExperimentResult.from_json(result_file)
    assert "the time-series file timeseries.parquet was not in the folder of the result" in page_of(result).text


def test_blocks_that_are_missing_leave_a_reason_and_no_gap():
    bare = a_result(energy_j=None).model_copy(
        update={
            "latency": None,
            "phases": None,
            "timeline": None,
            "warmup": None,
            "gpu_conditions": None,
            "sampler": None,
        }
    )
    text = page_of(bare).text
    assert "Latency: not measured" in text
    assert "time to first token not measured steps of generation were not recorded" in text
    assert "None" not in text.replace("None.", "")


def test_a_result_of_several_processes_states_why_it_has_no_trace():
    result = a_gpu_result(2, n=4)
    several = result.model_copy(
        update={
            "process_results": ({"rank": 0}, {"rank": 1}),
            "multi_gpu": MultiGpu(devices=("cuda:0", "cuda:1"), strategy="data_parallel"),
            "timeline": None,
            "timeseries": None,
            "gpu_conditions": None,
        }
    )
    text = page_of(several).text
    assert "several devices data parallel, 2 processes" in text
    assert "results of several processes are combined without their traces" in text
