"""Comparisons of results and of studies: ratios, intervals, differences, refusals."""

from __future__ import annotations

import math
import re

import pytest

from a_gpu_result import a_gpu_result
from a_result import a_result
from a_served_result import a_served_result
from a_study import a_design, a_study
from a_traffic_study import a_traffic_study
from llenergymeasure import ExperimentConfig, ExperimentResult, StudyResult
from llenergymeasure.domain.study.effects import Ratio
from llenergymeasure.exceptions import ConfigError
from llenergymeasure.results.comparison.compare import compare
from llenergymeasure.results.comparison.sides import Side, side_of
from llenergymeasure.results.comparison.text import cells_table, text_of
from llenergymeasure.results.comparison.types import MetricRatio


def study_side(name: str, **options) -> Side:
    study = a_study(**options)
    return side_of(name, StudyResult(**{field: getattr(study, field) for field in type(study).model_fields}))


def metric_of(comparison, name: str, cell: int = 0) -> MetricRatio:
    return next(each for each in comparison.cells[cell].metrics if each.metric == name)


def with_gpus(result: ExperimentResult, **changes) -> ExperimentResult:
    snapshot = result.environment_snapshot
    gpus = tuple(gpu.model_copy(update=changes) for gpu in snapshot.gpus)
    return result.model_copy(update={"environment_snapshot": snapshot.model_copy(update={"gpus": gpus})})


def test_energy_of_two_windows_has_the_interval_of_their_uncertainties():
    found = compare(side_of("a", a_result(200.0)), side_of("b", a_result(100.0)))
    energy = metric_of(found, "energy_per_output_token")
    assert (energy.first, energy.second) == (pytest.approx(10), pytest.approx(5))
    assert energy.ratio.value == pytest.approx(0.5)
    # 10 J of 200 J and 10 J of 100 J
    assert math.log(energy.ratio.high / energy.ratio.value) == pytest.approx(math.hypot(0.05, 0.1))
    assert energy.interval == "uncertainty"  # no gain error is known
    assert "gain" not in text_of(found, single=True)


def test_one_window_does_not_show_the_spread_of_the_throughput():
    speed = metric_of(compare(side_of("a", a_result()), side_of("b", a_result())), "tokens_per_second")
    assert (speed.ratio.value, speed.ratio.low, speed.interval) == (1, None, "none")


def test_more_passes_are_not_more_work():
    once = a_result(200.0)
    counts = {name: 3 * getattr(once.tokens, name) for name in ("n_prompts", "input_tokens", "output_tokens")}
    more = {"tokens": once.tokens.model_copy(update={**counts, "n_passes": 3}), "duration_sec": 6.0}
    energy = once.energy.model_copy(update={"energy_j": 600.0, "uncertainty_j": 30.0})
    found = compare(side_of("a", once), side_of("b", once.model_copy(update={**more, "energy": energy})))
    for name in ("energy_total_j", "duration_sec", "output_tokens", "energy_per_output_token", "energy_per_request"):
        assert metric_of(found, name).ratio.value == pytest.approx(1), name
    assert metric_of(found, "energy_total_j").second == pytest.approx(200.0)
    assert "Totals of a window are per pass" in text_of(found, single=True)
    assert "per pass" not in text_of(compare(side_of("a", once), side_of("b", once)), single=True)


def served(*lengths: int, output_tokens: int = 999, **traffic) -> ExperimentResult:
    """A result of a server under traffic, with requests of these lengths and as many tokens in its window."""
    result = a_served_result(**traffic)
    tokens = result.tokens.model_copy(
        update={"n_prompts": len(lengths), "output_tokens": output_tokens, "output_tokens_per_prompt": lengths}
    )
    config = ExperimentConfig(model="m", backend="server", server={"url": "http://127.0.0.1:8000/v1"})
    return result.model_copy(update={"tokens": tokens, "config": config})


def test_two_windows_of_a_server_need_not_have_equal_totals():
    """Both have requests of 16 tokens; how many tokens lie in a window depends on its length."""
    found = compare(side_of("a", served(16, 16)), side_of("b", served(16, 16, 16, output_tokens=1500)))
    text = text_of(found, single=True)
    assert (found.windowed, found.cells[0].tokens_per_request) == (True, (16.0, 16.0))
    assert "differ by more than 1 %" not in text
    assert "its totals depend on its length: compare values per token, per request or per second" in text
    assert re.search(r"\nanswered requests +requests +2 +3 ", text)
    assert "prompts" not in text.split("\n\n")[1]


def test_windows_of_a_server_with_many_requests_show_the_p99_of_their_limits():
    few, many = served(*[16] * 99), served(*[16] * 100)
    assert "time to first token, p99" in text_of(compare(side_of("a", many), side_of("b", many)), single=True)
    assert "p99" not in text_of(compare(side_of("a", many), side_of("b", few)), single=True)


def test_failed_requests_of_a_server_are_named_because_their_latencies_are_missing():
    found = compare(side_of("a", served(16, 16, failed=0)), side_of("b", served(16, 16, failed=2, sent=8)))
    assert found.cells[0].failed_shares == (0.0, 0.25)
    note = "Requests failed (0 % in A, 25 % in B): latencies are those of the answered requests."
    assert note in text_of(found, single=True).splitlines()
    answered = compare(side_of("a", served(16, 16, failed=0)), side_of("b", served(16, 16, failed=0)))
    assert "failed" not in text_of(answered, single=True)


def test_two_windows_of_a_server_with_other_lengths_of_answers_are_unequal_work():
    found = compare(side_of("a", served(16, 16)), side_of("b", served(16, 15)))
    assert "Output tokens per request differ by more than 1 %: compare energy per token" in text_of(found, single=True)


def test_other_windows_are_compared_by_their_totals():
    once = a_result()
    more = once.tokens.model_copy(update={"output_tokens": 24, "output_tokens_per_prompt": (12, 12)})
    found = compare(side_of("a", once), side_of("b", once.model_copy(update={"tokens": more})))
    text = text_of(found, single=True)
    assert not found.windowed
    assert "Output tokens per request differ by more than 1 %" in text
    assert "depend on its length" not in text
    assert "prompts " in text.split("\n\n")[1]


def a_served_side(name: str, lengths: float, total: float) -> Side:
    """A study over rates whose runs have requests of this length and windows with as many tokens."""
    study = a_traffic_study()
    runs = tuple(
        run.model_copy(update={"values": {**run.values, "output_tokens": total}, "output_tokens_per_request": lengths})
        for run in study.runs
    )
    fields = {field: getattr(study, field) for field in type(study).model_fields}
    return side_of(name, StudyResult(**{**fields, "runs": runs}))


def test_two_studies_of_servers_are_compared_by_their_tokens_per_request():
    same = compare(a_served_side("a", 16.0, 4096.0), a_served_side("b", 16.0, 5000.0))
    assert "differ by more than 1 %" not in text_of(same, single=False)
    other = compare(a_served_side("a", 16.0, 4096.0), a_served_side("b", 14.0, 4096.0))
    assert "Output tokens per request differ by more than 1 %" in text_of(other, single=False)


def test_on_the_same_gpu_the_gain_error_of_the_sensor_cancels():
    first = a_gpu_result(n=4)
    parts = first.energy.uncertainty_parts_j
    found = compare(side_of("a", first), side_of("b", a_gpu_result(n=4)))
    assert found.machines == "same"
    rest = math.hypot(*(part for name, part in parts.items() if name != "gain"))
    energy = metric_of(found, "energy_total_j")
    assert math.log(energy.ratio.high) == pytest.approx(math.sqrt(2) * rest / first.energy.energy_j)
    assert "without the gain error of the sensor" in text_of(found, single=True)


def test_on_another_gpu_the_gain_does_not_cancel_and_the_machine_is_named():
    other = with_gpus(a_gpu_result(n=4), uuid="GPU-other")
    found = compare(side_of("a", a_gpu_result(n=4)), side_of("b", other))
    same = compare(side_of("a", a_gpu_result(n=4)), side_of("b", a_gpu_result(n=4)))
    assert found.machines == "same_model"
    assert metric_of(found, "energy_total_j").ratio.high > metric_of(same, "energy_total_j").ratio.high
    assert "different GPUs of the same model" in text_of(found, single=True)
    another = compare(side_of("a", a_gpu_result(n=4)), side_of("b", with_gpus(other, name="NVIDIA H100")))
    assert another.machines == "another"
    assert "different machines" in text_of(another, single=True)


def test_what_differs_is_listed_by_kind():
    second = a_result(pytorch={"batch_size": 2})
    snapshot = second.environment_snapshot
    packages = {**snapshot.packages, "torch": "9.9"}
    second = second.model_copy(
        update={
            "environment_snapshot": snapshot.model_copy(update={"driver_version": "999", "packages": packages}),
            "model_info": second.model_info.model_copy(update={"effective_settings": {"do_sample": True}}),
        }
    )
    found = compare(side_of("a", a_result()), side_of("b", second))
    assert [each.name for each in found.configuration] == ["pytorch.batch_size"]
    assert {"driver_version", "packages.torch"} <= {each.name for each in found.environment}
    assert "timestamp_utc" not in {each.name for each in found.environment}
    assert ("do_sample", "true") in {(each.name, each.second) for each in found.settings}
    text = text_of(found, single=True)
    assert "configuration that differs\n  pytorch.batch_size: not set -> 2" in text


def test_equal_results_have_no_differences():
    text = text_of(compare(side_of("a", a_result()), side_of("b", a_result())), single=True)
    assert "No difference of configuration, settings or environment is known." in text


def test_the_table_of_two_results_fits_a_terminal_and_has_no_percentile_of_few_requests():
    found = compare(side_of("a", a_gpu_result(n=4)), side_of("b", a_gpu_result(n=4)))
    table = text_of(found, single=True).split("\n\n")[1]
    assert max(map(len, table.splitlines())) <= 80
    assert "FLOPs                        MFLOP" in table
    assert "time to first token, median  s " in table
    assert "p95" in table
    assert "p90" not in table
    assert "p99" not in table


def test_latencies_above_a_second_are_compared_in_seconds():
    slow = MetricRatio(
        metric="request_p50_ms",
        first=900.0,
        second=1800.0,
        ratio=Ratio(value=2.0, low=None, high=None),
        interval="none",
    )
    found = compare(side_of("a", a_result()), side_of("b", a_result()))
    cell = found.cells[0].model_copy(update={"metrics": (slow,)})
    text = text_of(found.model_copy(update={"cells": (cell,)}), single=True)
    assert "request latency, median  s     0.900  1.80      2.00" in text


@pytest.mark.parametrize(
    ("fields", "name"),
    [({"max_input_tokens": 64}, "max_input_tokens"), ({"min_output_tokens": 5}, "min_output_tokens")],
)
def test_different_work_is_refused_with_its_fields(fields, name):
    first, second = side_of("a", a_result()), side_of("b", a_result(**fields))
    with pytest.raises(ConfigError, match=f"a and b did different work: {name} is .*; add --allow-different-work"):
        compare(first, second)
    found = compare(first, second, different_work=True)
    assert [each.name for each in found.work] == [name]
    assert "They did different work" in text_of(found, single=True)


def test_other_prompts_behind_equal_fields_are_different_work():
    second = a_result()
    changed = second.model_copy(update={"dataset": second.dataset.model_copy(update={"sha256": "0" * 64})})
    first = second.model_copy(update={"dataset": second.dataset.model_copy(update={"sha256": "1" * 64})})
    with pytest.raises(ConfigError, match="hash of the prompts is 1"):
        compare(side_of("a", first), side_of("b", changed))


def test_energy_of_different_kinds_is_not_compared():
    second = a_result()
    estimated = second.model_copy(update={"energy": second.energy.model_copy(update={"method": "estimated"})})
    found = compare(side_of("a", a_result()), side_of("b", estimated))
    assert not any(each.metric.startswith("energy") for each in found.cells[0].metrics)
    text = text_of(found, single=True)
    assert "Energy is not compared: it was measured by fake in A and estimated by fake in B." in text


def with_estimates(result: ExperimentResult) -> ExperimentResult:
    return result.model_copy(update={"energy": result.energy.model_copy(update={"method": "estimated"})})


def test_a_ratio_of_two_estimates_says_that_they_are_estimates():
    found = compare(side_of("a", with_estimates(a_result())), side_of("b", with_estimates(a_result(100.0))))
    assert metric_of(found, "energy_per_output_token").energy == "estimated"
    assert metric_of(found, "tokens_per_second").energy is None
    assert found.cells[0].energy_kinds == ("estimated by fake", "estimated by fake")
    text = text_of(found, single=True)
    for name in ("energy per output token", "energy per request", "energy above idle", "energy"):
        assert f"\n{name}, an estimate  " in text
    assert "Energy is an estimate in A and in B, and not a measurement" in text


def test_a_ratio_of_two_measurements_does_not_speak_of_estimates():
    found = compare(side_of("a", a_result()), side_of("b", a_result()))
    assert metric_of(found, "energy_total_j").energy == "measured"
    assert "estimate" not in text_of(found, single=True)


def a_side_with_estimates(*cells: str, **options) -> Side:
    """A study in which the energy of these cells, or of all, is an estimate."""
    study = a_study(**options)
    runs = tuple(run.model_copy(update={"energy_estimated": not cells or run.cell in cells}) for run in study.runs)
    fields = {field: getattr(study, field) for field in type(study).model_fields}
    return side_of("study", StudyResult(**{**fields, "runs": runs}))


def test_the_columns_of_estimates_of_two_studies_say_so():
    found = compare(a_side_with_estimates(), a_side_with_estimates(seed=8))
    text = text_of(found, single=False)
    assert cells_table(found).head[2] == "energy per output token, an estimate"
    assert "Energy is an estimate in A and in B" in text
    assert "estimate" not in text_of(compare(study_side("a"), study_side("b")), single=False)


def test_the_joules_of_a_study_that_were_replayed_are_not_called_measured():
    study = a_study()
    replayed = {"energy_method": "replayed", "meter": "replay"}
    fields = {field: getattr(study, field) for field in type(study).model_fields}
    runs = tuple(run.model_copy(update=replayed) for run in study.runs)
    side = side_of("study", StudyResult(**{**fields, "runs": runs}))
    found = compare(side, side)
    assert found.energy_kinds == ("replayed by replay", "replayed by replay")
    assert "Energy is simulated in A and in B: recorded joules were replayed." in text_of(found, single=False)


def test_a_cell_that_is_measured_in_one_study_and_estimated_in_the_other_has_no_ratio_of_energy():
    """Also where both studies have the same two kinds of energy."""
    first, second = a_side_with_estimates("01"), a_side_with_estimates("02")
    found = compare(first, second)
    by_cell = [any(each.energy for each in cell.metrics) for cell in found.cells]
    assert by_cell == [False, False, *[True] * 10]
    text = text_of(found, single=False)
    assert "Energy is not compared in 1 of 12 cells: it was estimated by nvml in A and measured by nvml in B." in text
    assert "Energy is not compared in 1 of 12 cells: it was measured by nvml in A and estimated by nvml in B." in text


def test_energy_below_idle_has_no_ratio():
    second = a_result(10.0)
    adjusted = metric_of(compare(side_of("a", a_result()), side_of("b", second)), "energy_adjusted_j")
    assert adjusted.ratio is None
    assert adjusted.second < 0


def test_studies_are_compared_by_cell_with_the_spread_of_their_runs():
    found = compare(study_side("a"), study_side("b", seed=8))
    assert len(found.cells) == 12
    inside = [
        each.ratio.low < 1 < each.ratio.high
        for cell in found.cells
        for each in cell.metrics
        if each.metric == "energy_per_output_token"
    ]
    assert sum(inside) >= 9
    assert found.cells[0].metrics[0].interval == "repeats"
    text = text_of(found, single=False)
    assert "batch_size=32, precision=bf16, attn_implementation=sdpa" in text
    assert "Intervals are 95 % intervals of Welch over the runs of a cell." in text


def test_a_cell_that_failed_in_one_study_is_named():
    found = compare(study_side("a"), study_side("b", failed="12"))
    assert len(found.cells) == 11
    assert found.only_first == ("batch_size=32, precision=bf16, attn_implementation=sdpa",)
    assert "Only in A: batch_size=32" in text_of(found, single=False)


def test_studies_of_one_cycle_have_no_intervals():
    found = compare(study_side("a", n_cycles=1), study_side("b", n_cycles=1))
    assert metric_of(found, "tokens_per_second").interval == "none"
    assert "compare several cycles for intervals" in text_of(found, single=False)


def test_studies_of_another_model_are_different_work_with_the_same_cells():
    first, second = study_side("a"), study_side("b", design=a_design(model="acme/other"))
    with pytest.raises(ConfigError, match="model is acme/some-model-8b and acme/other"):
        compare(first, second)
    assert len(compare(first, second, different_work=True).cells) == 12


def test_a_result_and_a_study_are_refused():
    with pytest.raises(ConfigError, match=r"cannot compare a result with a study: .*; compare results with results"):
        compare(side_of("a", a_result()), study_side("b"))


def test_studies_without_a_common_cell_are_refused():
    from llenergymeasure.domain.study.design import Factor

    design = a_design((Factor(name="precision", fields=("precision",), levels=("fp16", "bf16")),))
    with pytest.raises(ConfigError, match="have no common cell"):
        compare(study_side("a"), study_side("b", design=design))


def test_a_study_without_a_completed_run_is_refused():
    study = a_study().model_copy(update={"runs": ()})
    with pytest.raises(ConfigError, match="has no completed run"):
        side_of("a", StudyResult(**{field: getattr(study, field) for field in type(study).model_fields}))


def with_gain(result: ExperimentResult) -> ExperimentResult:
    """Energy of a CPU sensor: of its 10 J of uncertainty, 8 J are its gain and 6 J the rest."""
    energy = result.energy.model_copy(update={"uncertainty_parts_j": {"gain": 8.0, "edges": 6.0}})
    return result.model_copy(update={"energy": energy})


def test_without_a_gpu_one_cpu_model_may_be_two_machines_so_nothing_cancels():
    found = compare(side_of("a", with_gain(a_result(200.0))), side_of("b", with_gain(a_result(200.0))))
    energy = metric_of(found, "energy_total_j")
    assert (found.machines, energy.interval) == ("same_cpu_model", "uncertainty")
    assert math.log(energy.ratio.high) == pytest.approx(math.hypot(0.05, 0.05))
    assert "it is not known whether it was the same machine" in text_of(found, single=True)


def test_two_servers_differ_in_their_program_their_version_and_the_name_of_their_model():
    first = a_served_result()
    assert first.server is not None
    changed = {"version": "0.33.0", "served_model": "other", "url": "http://127.0.0.1:9999/v1", "cpu_seconds": 9.0}
    second = first.model_copy(update={"server": first.server.model_copy(update=changed)})
    found = compare(side_of("a", first), side_of("b", second)).environment
    assert [(each.name, each.second) for each in found] == [
        ("server.version", "0.33.0"),
        ("server.served_model", "other"),
    ]


def test_settings_and_environment_are_those_of_a_common_cell(tmp_path):
    """The first run of each study is that of another cell, with another effective setting."""

    def side(name: str, order: list[int]) -> Side:
        study = a_study(n_cycles=1)
        results = {
            run.run_id: a_result().model_copy(
                update={"model_info": a_result().model_info.model_copy(update={"effective_settings": {"of": run.cell}})}
            )
            for run in study.runs
        }
        runs = tuple(sorted(study.runs, key=lambda run: order.index(int(run.cell))))
        fields = {field: getattr(study, field) for field in type(study).model_fields}
        return side_of(name, StudyResult(**{**fields, "runs": runs}).with_results(results))

    cells = list(range(1, 13))
    assert compare(side("a", cells), side("b", cells[::-1])).settings == ()
