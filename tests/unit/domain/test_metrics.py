"""The table of metrics, compared with the results that it describes."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest

from a_result import a_result
from llenergymeasure import ExperimentResult
from llenergymeasure.domain.measurements import Distribution, LatencyResult
from llenergymeasure.domain.metrics import GATED, LATENCIES, METRICS

# Numbers at the top of a result that are no metric: what they are for.
OF_ANOTHER_METRIC = {
    "energy_uncertainty_j": "the error bar of energy_total_j",
    "baseline_power_w": "what energy_adjusted_j takes off",
    "warmup_excluded_samples": "prompts that are in no metric",
    "n_passes": "what totals are divided by when windows are compared",
}


def test_every_number_at_the_top_of_a_result_is_a_metric():
    ExperimentResult.model_rebuild()  # a model is built at its first use, and has no return types before
    numbers = {
        name
        for name, field in ExperimentResult.model_computed_fields.items()
        if any(kind in str(field.return_type) for kind in ("int", "float")) and "dict" not in str(field.return_type)
    }
    assert numbers - set(METRICS) == set(OF_ANOTHER_METRIC)


@pytest.mark.parametrize("name", [name for name in METRICS if name in ExperimentResult.model_computed_fields])
def test_a_metric_is_the_number_of_its_name_at_the_top(name):
    result = a_result()
    assert METRICS[name].read(result) == getattr(result, name)


def test_every_percentile_of_every_latency_is_a_metric():
    reported = {f"{name}_{field}" for name in LATENCIES for field in Distribution.model_fields if field.startswith("p")}
    assert {name for name, metric in METRICS.items() if metric.path[:1] == ("latency",)} == reported
    assert {
        name for name, field in LatencyResult.model_fields.items() if "Distribution" in str(field.annotation)
    } == set(LATENCIES)


def test_joules_are_what_has_them_in_its_unit():
    assert {name for name, metric in METRICS.items() if metric.joules} == {
        name for name, metric in METRICS.items() if metric.unit.split("/")[0] == "J"
    }


def test_what_is_done_per_second_should_be_large():
    more = {name for name, metric in METRICS.items() if not metric.higher_is_worse}
    assert more == {"tokens_per_second", "requests_per_second", "goodput"}


def test_what_may_be_negative_or_follows_from_the_configuration_is_not_gated():
    assert {"energy_adjusted_j", "model_memory_mb", "input_tokens", "n_prompts"}.isdisjoint(GATED)


def test_a_metric_finds_its_value_in_a_result():
    latency = SimpleNamespace(ttft=SimpleNamespace(p95_ms=12.0), itl=None)
    result = SimpleNamespace(
        tokens=SimpleNamespace(output_tokens=128), energy=SimpleNamespace(energy_j=None), latency=latency
    )
    assert METRICS["output_tokens"].read(result) == 128.0
    assert METRICS["ttft_p95_ms"].read(result) == 12.0
    assert METRICS["itl_p50_ms"].read(result) is None
    assert METRICS["energy_total_j"].read(result) is None


def test_a_metric_is_shown_with_its_unit_or_as_not_measured():
    result, unmeasured = a_result(), a_result(energy_j=None)
    assert METRICS["energy_per_output_token"].text(result) == "10 J/token"
    assert METRICS["energy_per_output_token"].text(unmeasured) == "not measured"
    assert METRICS["output_tokens"].text(result) == "20 tokens"
    assert METRICS["flops_exact"].text(result) == "not known"
    assert METRICS["flops_total"].text(result).endswith(" GFLOP")


def test_counts_are_not_rounded():
    result = SimpleNamespace(tokens=SimpleNamespace(output_tokens=1234567))
    assert METRICS["output_tokens"].text(result) == "1234567 tokens"


def test_the_table_is_read_without_anything_but_the_standard_library():
    """The plugin reads it while pytest starts."""
    code = "import sys, llenergymeasure.domain.metrics; print('pydantic' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
