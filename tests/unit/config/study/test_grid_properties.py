"""For any axes: every combination once, in order, and the factors are the axes."""

from __future__ import annotations

import math
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from llenergymeasure.config.files.yaml import Document
from llenergymeasure.config.study.effective import effective_fields
from llenergymeasure.config.study.load import load_study_config
from llenergymeasure.domain.study.factors import factors_and_cells

numbers = st.lists(st.integers(1, 50), min_size=1, max_size=4, unique=True)
AXES = {
    "n": numbers,
    "precision": st.lists(st.sampled_from(["fp32", "fp16", "bf16"]), min_size=1, unique=True),
    "max_output_tokens": numbers,
    "pytorch.batch_size": numbers,
    "pytorch.use_cache": st.lists(st.booleans(), min_size=1, unique=True),
    "decoder.repetition_penalty": st.lists(st.sampled_from([1.0, 1.1, 1.5]), min_size=1, unique=True),
}
some_axes = st.permutations(list(AXES)).flatmap(
    lambda names: st.integers(1, 4).flatmap(lambda k: st.fixed_dictionaries({name: AXES[name] for name in names[:k]}))
)
quick = settings(max_examples=60, deadline=None, derandomize=True, database=None)


def study_of(axes, **keys):
    return load_study_config(Document("the study", {"model": "m", "sweep": axes, **keys}, {}, {}))


@quick
@given(some_axes)
def test_every_combination_is_one_cell_in_the_order_of_the_axes(axes):
    found = [tuple(effective_fields(each)[name] for name in axes) for each in study_of(axes).experiments]
    assert found == list(product(*axes.values()))


@quick
@given(some_axes)
def test_the_factors_are_the_axes_with_several_values(axes):
    factors = {factor.name: list(factor.levels) for factor in factors_and_cells(study_of(axes).experiments).factors}
    assert _parts(factors) == {name: values for name, values in axes.items() if len(values) > 1}


def _parts(factors):
    """The factors, those of two fields that happen to change together separated."""
    return {
        name: levels if ", " not in joined else [level[index] for level in levels]
        for joined, levels in factors.items()
        for index, name in enumerate(joined.split(", "))
    }


@quick
@given(some_axes, st.data())
def test_an_excluded_combination_is_the_only_one_that_is_missing(axes, data):
    combination = {name: data.draw(st.sampled_from(values)) for name, values in axes.items()}
    if math.prod(map(len, axes.values())) > 1:
        study = study_of(axes, exclude=[combination])
        found = [{name: effective_fields(each)[name] for name in axes} for each in study.experiments]
        assert combination not in found
        assert len(found) == math.prod(map(len, axes.values())) - 1


@quick
@given(some_axes, st.data())
def test_a_reference_selects_its_combination(axes, data):
    combination = {name: data.draw(st.sampled_from(values)) for name, values in axes.items()}
    study = study_of(axes, reference=combination)
    fields = effective_fields(study.experiments[study.reference_cell])
    assert {name: fields[name] for name in axes} == combination
