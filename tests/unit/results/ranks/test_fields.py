"""Every field of a result, and of every block in it, has a rule for several ranks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import pytest
from pydantic import BaseModel

from a_result import a_result
from llenergymeasure import ExperimentResult
from llenergymeasure.domain.energy import EnergyReading
from llenergymeasure.domain.measurements import MemoryResult
from llenergymeasure.domain.metrics import METRICS
from llenergymeasure.exceptions import AggregationError
from llenergymeasure.results.ranks.combine import aggregate
from llenergymeasure.results.ranks.fields import RESULT
from llenergymeasure.results.ranks.files import ProcessFacts, ProcessResult
from llenergymeasure.results.ranks.rules import Block, Rules, Same, combined, given, least, most, total
from llenergymeasure.results.ranks.work import HOST, MEMORY


def blocks(model: type[BaseModel], rules: Rules) -> Iterator[tuple[type[BaseModel], Rules]]:
    """A model with its rules, and every block in it that has rules of its own."""
    yield model, rules
    for name, rule in rules.items():
        if isinstance(rule, Block):
            annotation = model.model_fields[name].annotation
            inner = next(each for each in (annotation, *get_args(annotation)) if isinstance(each, type))
            yield from blocks(inner, rule.rules)


@pytest.mark.parametrize(
    ("model", "rules"), [pytest.param(*each, id=each[0].__name__) for each in blocks(ExperimentResult, RESULT)]
)
def test_every_field_has_a_rule_and_every_rule_a_field(model, rules):
    assert set(model.model_fields) - set(rules) == set(), f"fields of {model.__name__} without a rule in results/ranks"
    assert set(rules) - set(model.model_fields) == set(), f"rules of results/ranks for no field of {model.__name__}"


class Longer(ExperimentResult):
    """A result with a field that was not thought of when ranks are combined."""

    brand_new: int = 0


class LongerMemory(MemoryResult):
    brand_new_mb: float = 0.0


def process(rank, result):
    return ProcessResult(ProcessFacts(rank, 2, "run", "here", 0.0, 2.0), result)


def test_a_field_without_a_rule_is_named_and_nothing_is_combined():
    longer = Longer.model_construct(**dict(a_result()))
    with pytest.raises(LookupError, match="Longer has fields without a rule for several ranks: brand_new"):
        aggregate([process(0, longer), process(1, longer)])


def test_a_field_without_a_rule_is_named_in_a_block_too():
    memory = LongerMemory(peak_memory_mb=1.0, source="process_rss")
    with pytest.raises(LookupError, match=r"LongerMemory has fields without .*brand_new_mb"):
        combined([memory, memory], MEMORY)


@pytest.mark.parametrize("name", [name for name, metric in METRICS.items() if metric.ranks in ("sum", "same")])
def test_a_metric_becomes_one_as_the_table_of_metrics_says(name):
    one = on_gpu(0)
    whole, own = (METRICS[name].read(result) for result in (aggregate([process(0, one), process(1, on_gpu(1))]), one))
    assert whole == (own if own is None or METRICS[name].ranks == "same" else 2 * own)


def on_gpu(index):
    energy = EnergyReading(meter="nvml", energy_j=200.0, method="counter", per_device_j={f"GPU-{index}": 200.0})
    return a_result().model_copy(update={"energy": energy})


def test_what_one_rank_does_not_know_is_not_known_of_the_whole():
    known, unknown = MemoryResult(peak_memory_mb=3.0, source="a"), MemoryResult(source="b")
    more = MemoryResult(peak_memory_mb=4.0, source="a")
    for rule, expected in ((total, 7.0), (most, 4.0), (least, 3.0)):
        assert rule([known, unknown], "peak_memory_mb") is None
        assert rule([known, more], "peak_memory_mb") == expected


def test_whole_numbers_stay_whole():
    tokens = a_result().tokens
    assert isinstance(total([tokens, tokens], "output_tokens"), int)
    assert isinstance(total([a_result().host] * 2, "cpu_seconds"), float)


def test_a_missing_value_is_named():
    with pytest.raises(LookupError, match="other_cpu_share is not combined"):
        combined([a_result().host] * 2, HOST)
    with pytest.raises(LookupError, match=r"name is not .*\(because\)"):
        given("because")([], "name")


def test_what_is_the_same_where_it_is_known_is_no_difference():
    known, unknown = MemoryResult(source="a", peak_memory_mb=1.0), MemoryResult(source="a")
    Same("peak", where_known=True).check([unknown, known], "peak_memory_mb")
    assert Same("peak", where_known=True)([unknown, known], "peak_memory_mb") == 1.0
    with pytest.raises(AggregationError, match=r"peak is None on rank 0 and 1.0 on rank 1"):
        Same("peak").check([unknown, known], "peak_memory_mb")
    other = MemoryResult(source="a", peak_memory_mb=2.0)
    with pytest.raises(AggregationError, match=r"peak is 1.0 on rank 1 and 2.0 on rank 2"):
        Same("peak", where_known=True).check([unknown, known, other], "peak_memory_mb")
