"""Factors follow from the cells alone, whether a grid or a list defined them."""

from __future__ import annotations

import pytest

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.study.load import load_study_config
from llenergymeasure.domain.study.design import Factor
from llenergymeasure.domain.study.factors import factors_and_cells


@pytest.fixture
def study(tmp_path):
    def load(text):
        (tmp_path / "study.yaml").write_text(text, encoding="utf-8")
        return load_study_config(tmp_path / "study.yaml")

    return load


def cells(*fields):
    return [ExperimentConfig.model_validate({"model": "m", **each}) for each in fields]


def test_every_field_that_varies_is_a_factor_with_its_levels_in_order_of_appearance(study):
    found = factors_and_cells(
        study("model: m\nsweep: {precision: [fp16, bf16], pytorch.batch_size: [8, 1]}\n").experiments
    )
    assert found.factors == (
        Factor(name="precision", fields=("precision",), levels=("fp16", "bf16")),
        Factor(name="pytorch.batch_size", fields=("pytorch.batch_size",), levels=(8, 1)),
    )
    assert [cell.id for cell in found.cells] == ["01", "02", "03", "04"]
    assert found.cells[2].label == "precision bf16, batch_size 8"
    assert found.cells[2].levels == {"precision": 1, "pytorch.batch_size": 0}


def test_a_list_gives_the_same_factors_as_a_grid(study):
    grid = study("model: m\nsweep: {precision: [fp16, bf16], n: [1, 2]}\n").experiments
    listed = study(
        "model: m\nexperiments:\n- {precision: fp16, n: 1}\n- {precision: fp16, n: 2}\n"
        "- {precision: bf16, n: 1}\n- {precision: bf16, n: 2}\n"
    ).experiments
    assert factors_and_cells(grid) == factors_and_cells(listed)


def test_fields_that_always_change_together_are_one_factor(study):
    found = factors_and_cells(
        study("model: m\nsweep:\n  max_input_tokens, max_output_tokens: [[128, 64], [1024, 256]]\n").experiments
    )
    (factor,) = found.factors
    assert factor.name == "max_input_tokens, max_output_tokens"
    assert factor.levels == ((128, 64), (1024, 256))
    assert found.cells[1].label == "max_input_tokens 1024, max_output_tokens 256"


def test_a_field_of_a_backend_is_nested_in_it_and_absent_elsewhere(study):
    found = factors_and_cells(
        study(
            "model: m\nsweep:\n  backend: [pytorch, vllm]\n  precision: [fp16, bf16]\n"
            "  pytorch.batch_size: [1, 8, 32]\n  vllm.max_num_seqs: [64, 256]\n"
        ).experiments
    )
    assert [(factor.name, factor.within) for factor in found.factors] == [
        ("backend", None),
        ("precision", None),
        ("pytorch.batch_size", "pytorch"),
        ("vllm.max_num_seqs", "vllm"),
    ]
    assert "pytorch.batch_size" not in found.cells[-1].levels
    assert found.cells[-1].label == "backend vllm, precision bf16, max_num_seqs 256"
    assert found.cells[-1].id == "10"


def test_a_section_that_is_absent_counts_as_its_defaults():
    (factor,) = factors_and_cells(cells({}, {"pytorch": {"batch_size": 8}})).factors
    assert (factor.name, factor.levels) == ("pytorch.batch_size", (1, 8))


def test_a_field_that_has_no_effect_in_a_cell_has_no_level_there():
    found = factors_and_cells(
        cells(
            {},
            {"decoder": {"decoding_strategy": "sampling", "temperature": 0.5}},
            {"decoder": {"decoding_strategy": "sampling", "temperature": 0.9}},
        )
    )
    assert [factor.name for factor in found.factors] == ["decoder.decoding_strategy", "decoder.temperature"]
    assert "decoder.temperature" not in found.cells[0].levels


def test_text_and_synthetic_prompts_are_levels_of_the_dataset():
    found = factors_and_cells(cells({}, {"dataset": {"n": 200}}, {"dataset": {"n": 300}}))
    assert [(factor.name, factor.levels) for factor in found.factors] == [
        ("dataset", ("aienergyscore", "synthetic")),
        ("dataset.n", (200, 300)),
    ]


def test_maps_and_absent_adapters_are_levels_too():
    found = factors_and_cells(cells({}, {"lora": {"adapter_id": "a"}}, {"pytorch": {"device_map": {"": "cpu"}}}))
    assert [(factor.name, factor.levels) for factor in found.factors] == [
        ("pytorch.device_map", (None, {"": "cpu"})),
        ("lora.adapter_id", (None, "a")),
    ]


def test_a_study_of_one_cell_has_no_factor_and_the_model_as_label():
    found = factors_and_cells(cells({}))
    assert (found.factors, found.cells[0].label, found.cells[0].id) == ((), "m", "01")


def test_ids_are_as_wide_as_the_last_number():
    found = factors_and_cells(cells(*({"random_seed": seed} for seed in range(100))))
    assert (found.cells[0].id, found.cells[-1].id) == ("001", "100")


def test_names_that_are_ambiguous_without_their_section_keep_it():
    found = factors_and_cells(
        cells({"n": 1, "dataset": {"n": 200}}, {"n": 2, "dataset": {"n": 200}}, {"n": 1, "dataset": {"n": 300}})
    )
    assert found.cells[2].label == "n 1, dataset.n 300"


def served(**fields):
    return {"backend": "server", "server": {"launch": ["serve", "{port}"], **fields}}


def test_a_rate_is_one_factor_and_an_argument_another(study):
    found = factors_and_cells(
        study(
            "model: m\nbackend: server\nserver: {launch: [serve, '{port}']}\ntraffic: {mode: poisson}\n"
            "sweep: {traffic.rate: [1, 2, 4], server.arguments.max-num-seqs: [64, 128]}\n"
        ).experiments
    )
    assert {(factor.name, factor.within) for factor in found.factors} == {
        ("traffic.rate", None), ("server.arguments.max-num-seqs", None),
    }  # fmt: skip
    assert found.cells[-1].label == "max-num-seqs 128, rate 4"


def test_a_concurrency_is_a_factor_without_its_ramp_up():
    each = [{**served(), "traffic": {"concurrency": count}} for count in (1, 8)]
    (factor,) = factors_and_cells(cells(*each)).factors
    assert (factor.name, factor.levels) == ("traffic.concurrency", (1, 8))


@pytest.mark.parametrize("other", [{}, {"arguments": {"enforce-eager": False}}])
def test_an_argument_that_is_left_out_is_a_level(other):
    found = factors_and_cells(cells(served(arguments={"enforce-eager": True}), served(**other)))
    (factor,) = found.factors
    assert (factor.name, factor.levels, factor.within) == ("server.arguments.enforce-eager", (True, False), None)
    assert [cell.label for cell in found.cells] == ["enforce-eager true", "enforce-eager false"]


def test_traffic_is_nested_in_the_backend_server():
    both = [{}, *({**served(), "traffic": {"concurrency": count}} for count in (1, 8))]
    factors = {factor.name: factor.within for factor in factors_and_cells(cells(*both)).factors}
    assert factors["traffic.concurrency"] == "server"
