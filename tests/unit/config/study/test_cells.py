"""Which cells can be measured: contradictions are skipped with the reason, wrong values are errors, equal cells are merged."""

from __future__ import annotations


def test_a_combination_that_cannot_be_is_skipped_with_the_reason(study):
    found = study("model: m\nsweep:\n  backend: [pytorch, vllm]\n  precision: [bf16, int8]\n")
    assert [(each.backend, each.precision) for each in found.experiments] == [
        ("pytorch", "bf16"),
        ("vllm", "bf16"),
        ("vllm", "int8"),
    ]
    (skipped,) = found.skipped
    assert skipped.fields == {"backend": "pytorch", "precision": "int8"}
    assert skipped.reason == (
        "precision 'int8' is not supported by backend 'pytorch'; valid: fp32, fp16, bf16; "
        "for quantised weights set pytorch.load_in_8bit: true"
    )


def test_two_settings_that_contradict_each_other_are_skipped(study):
    found = study("model: m\nsweep:\n  max_output_tokens: [64, 256]\n  min_output_tokens: [null, 128]\n")
    assert [each.fields for each in found.skipped] == [{"max_output_tokens": 64, "min_output_tokens": 128}]
    assert len(found.experiments) == 3


def test_the_backend_of_a_common_section_is_not_forgotten(complaint):
    message = complaint("model: m\nvllm: {max_num_seqs: 4}\nsweep: {precision: [fp16, bf16]}\n")
    assert message.startswith(
        "study.yaml: none of the 2 cells of the sweep can be measured; section 'vllm' belongs to another"
    )


def test_a_grid_in_which_no_cell_can_be_measured_is_refused_with_the_reasons(complaint):
    message = complaint("model: m\nsweep: {precision: [int4, int8, fp8]}\n")
    assert message.startswith(
        "study.yaml: none of the 3 cells of the sweep can be measured; precision 'int4' is not supported"
    )


def test_a_wrong_value_beside_a_contradiction_is_an_error(complaint):
    message = complaint("model: m\nsweep:\n  precision: [bf16, int8]\n  n: [0, 1]\n")
    assert message == "study.yaml, line 4, column 7: n: 0: must be greater than or equal to 1"


def test_a_wrong_common_field_is_reported_once_with_its_own_place(complaint):
    message = complaint("model: m\nwarmup:\n  n_warmup: 0\nsweep: {precision: [bf16, fp16]}\n")
    assert message == "study.yaml, line 3, column 3: warmup.n_warmup: 0: must be greater than or equal to 1"


def test_a_missing_model_is_asked_for_once(complaint):
    assert complaint("sweep: {n: [1, 2]}\n") == "study.yaml: model: is missing; give it a value"
    assert complaint("name: x\n", None, ["n=1,2"]) == "study.yaml: model: is missing; give it a value"


def test_settings_without_effect_make_no_cell_of_their_own(study):
    found = study(
        "model: m\nsweep:\n  decoder.decoding_strategy: [greedy, sampling]\n  decoder.temperature: [0.7, 1.0]\n"
    )
    assert len(found.experiments) == 3
    (merged,) = found.merged
    assert merged.fields == {"decoder.decoding_strategy": "greedy", "decoder.temperature": 1.0}
    assert merged.same_as == 0


def test_a_default_that_is_written_out_is_the_same_cell(study):
    found = study("model: m\nsweep: {pytorch.batch_size: [null, 1, 2]}\n")
    assert [each.pytorch.batch_size for each in found.experiments] == [None, 2]
    assert [(each.fields, each.same_as) for each in found.merged] == [({"pytorch.batch_size": 1}, 0)]


def test_an_entry_that_equals_a_cell_of_the_grid_is_merged_with_it(study):
    found = study("model: m\nsweep: {n: [1, 2]}\nexperiments:\n- {n: 2}\n- {n: 3}\n")
    assert [each.n for each in found.experiments] == [1, 2, 3]
    assert [(each.fields, each.same_as) for each in found.merged] == [({"n": 2}, 1)]


def test_maps_and_further_arguments_are_compared_by_their_content(study):
    found = study(
        "model: m\nexperiments:\n"
        "- pytorch: {device_map: auto, max_memory: {0: 1GiB, cpu: 2GiB}}\n"
        "- pytorch: {device_map: auto, max_memory: {cpu: 2GiB, 0: 1GiB}}\n"
        "- pytorch: {device_map: auto, max_memory: {cpu: 3GiB, 0: 1GiB}}\n"
        "- passthrough_kwargs: {a: 1}\n- passthrough_kwargs: {a: true}\n- passthrough_kwargs: {a: null}\n- {}\n"
    )
    assert len(found.experiments) == 6
    assert [each.same_as for each in found.merged] == [0]
