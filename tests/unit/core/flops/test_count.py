"""Operations by hand: one layer, hidden 2, one head of 2, MLP of 3, vocabulary 5.

16 attention and 18 MLP parameters process a token (68 operations), the head has 10 (20 operations), and attention takes
4 x 1 x 2 = 8 operations per pair of positions.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llenergymeasure.core.flops.count import GeneratedWork, GenerationWay, exact_flops, palm_flops
from llenergymeasure.core.flops.dimensions import TransformerShape
from llenergymeasure.domain.measurements import FlopsResult

SHAPE = TransformerShape(
    family="llama",
    hidden_size=2,
    n_layers=1,
    n_heads=1,
    head_dim=2,
    n_kv_heads=1,
    mlp_width=3,
    vocab_size=5,
    gated=True,
    tied=True,
    windows=(None,),
    experts=None,
    expert_layers=(False,),
    n_vector_parameters=6,
)
DOCUMENTED = replace(
    SHAPE,
    hidden_size=256,
    n_layers=4,
    n_heads=8,
    head_dim=32,
    n_kv_heads=8,
    mlp_width=688,
    vocab_size=4096,
    windows=(None,) * 4,
    expert_layers=(False,) * 4,
)


def one(input_length: int, steps: int) -> GeneratedWork:
    return GeneratedWork(input_length, steps, (input_length,), (steps,))


def exact(*works: GeneratedWork, shape: TransformerShape = SHAPE, way: GenerationWay | None = None) -> FlopsResult:
    return exact_flops(shape, works, "bf16", way or GenerationWay())


def test_the_palm_rule_is_two_operations_per_parameter_and_token() -> None:
    result = palm_flops(1000, input_tokens=7, output_tokens=3, precision="bf16")
    assert (result.flops_prefill, result.flops_decode, result.value) == (14_000, 6_000, 20_000)
    assert (result.method, result.precision, result.confidence) == ("palm", "bf16", "medium")


def test_the_palm_rule_without_a_parameter_count_gives_the_reason() -> None:
    result = palm_flops(None, input_tokens=7, output_tokens=3, precision="bf16")
    assert (result.value, result.flops_prefill, result.flops_useful) == (None, None, None)
    assert result.notes == "not computed: the number of parameters is unknown"


def test_one_prompt_of_three_tokens_and_three_new_ones() -> None:
    result = exact(one(3, 3))
    assert result.flops_prefill == 3 * 68 + 8 * 9 + 20
    assert result.flops_decode == (68 + 8 * 4 + 20) + (68 + 8 * 5 + 20)
    assert result.value == result.flops_useful == 296 + 248
    assert result.confidence == "high"


def test_one_new_token_takes_no_decode_step() -> None:
    assert exact(one(3, 1)).flops_decode == 0


def test_the_documented_example() -> None:
    assert exact(one(64, 64), shape=DOCUMENTED).value == 978_944_000


def test_a_padded_batch_executes_the_longest_row_for_every_row() -> None:
    result = exact(GeneratedWork(3, 3, (3, 1), (3, 1)))
    assert result.value == 2 * 544
    assert result.flops_useful == 544 + (68 + 8 + 20)


def test_batches_add_up() -> None:
    assert exact(one(3, 3), one(1, 1)).value == 544 + 96


def test_a_sliding_window_limits_decode_and_not_prefill() -> None:
    result = exact(one(3, 3), shape=replace(SHAPE, windows=(4,)))
    assert result.flops_prefill == 296
    assert result.flops_decode == 2 * (68 + 8 * 4 + 20)


def test_a_static_cache_is_covered_whole_and_its_surplus_is_not_useful() -> None:
    result = exact(replace(one(3, 3), static_cache_length=10))
    assert result.flops_prefill == 3 * 68 + 8 * 3 * 10 + 20
    assert result.flops_decode == 2 * (68 + 8 * 10 + 20)
    assert result.flops_useful == 544


def test_without_a_cache_every_step_starts_again() -> None:
    result = exact(one(3, 3), way=GenerationWay(use_cache=False))
    assert result.flops_decode == (4 * 68 + 8 * 16 + 20) + (5 * 68 + 8 * 25 + 20)


def test_an_adapter_adds_two_operations_per_parameter_and_token() -> None:
    result = exact(one(3, 3), way=GenerationWay(adapter_parameters=7))
    assert result.value == 544 + 2 * 7 * (3 + 2)


def test_beams_are_rows_whose_useful_part_is_not_distinguished() -> None:
    result = exact(one(3, 3), way=GenerationWay(beams=4))
    assert result.value == 4 * 544
    assert result.flops_useful is None
    assert result.notes.endswith("4 beams per prompt")


def test_speculative_decoding_gives_no_number_and_has_the_reason() -> None:
    result = exact(one(3, 3), way=GenerationWay(unknown_because="drafts were verified"))
    assert (result.value, result.flops_prefill, result.flops_decode, result.flops_useful) == (None,) * 4
    assert "drafts were verified" in result.notes


def test_an_unknown_architecture_gives_no_number_and_has_the_reason() -> None:
    result = exact_flops(None, [one(3, 3)], "bf16")
    assert (result.value, result.confidence) == (None, "low")
    assert "architecture" in result.notes


rows = st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=5)


@given(rows, st.none() | st.integers(1, 50))
def test_useful_operations_never_exceed_the_executed_ones(lengths: list[tuple[int, int]], window: int | None) -> None:
    inputs, outputs = zip(*lengths)
    result = exact(GeneratedWork(max(inputs), max(outputs), inputs, outputs), shape=replace(SHAPE, windows=(window,)))
    assert result.value is not None
    assert result.flops_useful is not None
    assert 0 < result.flops_useful <= result.value
    assert (result.flops_useful == result.value) == (len(set(inputs)) == len(set(outputs)) == 1)


@given(st.integers(1, 60), st.integers(1, 60), st.none() | st.integers(1, 80))
@pytest.mark.parametrize("n_layers", [1, 3])
def test_the_closed_form_is_the_sum_over_steps(n_layers: int, length: int, steps: int, window: int | None) -> None:
    shape = replace(SHAPE, n_layers=n_layers, windows=(window,) * n_layers, expert_layers=(False,) * n_layers)
    seen = [length + t if window is None else min(length + t, window) for t in range(1, steps)]
    assert exact(one(length, steps), shape=shape).flops_decode == sum(n_layers * (68 + 8 * n) + 20 for n in seen)
