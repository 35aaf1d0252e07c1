"""A file, its base and the command line become a study: defaults < base < common fields < sweep < entries < command line."""

from __future__ import annotations

import pytest

from llenergymeasure import ExperimentConfig, StudyConfig
from llenergymeasure.config.study.load import load_study_config


def test_each_layer_overrides_the_one_before(study, write):
    write("base.yaml", "model: base\nn: 1\nrandom_seed: 1\nmax_output_tokens: 1\nmax_input_tokens: 1\n")
    found = study(
        "base: base.yaml\nrandom_seed: 2\nsweep: {max_output_tokens: [3]}\nexperiments: [{max_output_tokens: 4}]\n",
        {"max_input_tokens": 5},
    ).experiments
    values = [(each.n, each.random_seed, each.max_output_tokens, each.max_input_tokens) for each in found]
    assert values == [(1, 2, 3, 5), (1, 2, 4, 5)]
    assert {each.precision for each in found} == {"bf16"}


def test_sections_of_all_layers_are_merged_field_by_field(study, write):
    write("base.yaml", "model: m\npytorch: {use_cache: false, device: cpu}\n")
    (found,) = study(
        "base: base.yaml\npytorch: {device: auto}\nsweep: {pytorch.batch_size: [4]}\n", {"pytorch.num_processes": 2}
    ).experiments
    section = found.pytorch
    assert (section.use_cache, section.device, section.batch_size, section.num_processes) == (False, "auto", 4, 2)


def test_an_axis_overrides_the_base(study, write):
    write("base.yaml", "model: m\nprecision: fp32\n")
    assert [each.precision for each in study("base: base.yaml\nsweep: {precision: [bf16, fp16]}\n").experiments] == [
        "bf16",
        "fp16",
    ]


def test_a_base_may_be_a_mapping_of_fields(study):
    found = study("base: {model: a, n: 5}\nexperiments: [{}, {n: 6}]\n").experiments
    assert [(each.model, each.n) for each in found] == [("a", 5), ("a", 6)]
    assert len(study("base: {model: a}\nsweep: {n: [1, 2]}\n").experiments) == 2


def test_a_base_alone_is_a_study_of_one(study, write):
    write("base.yaml", "model: m\nn: 3\n")
    assert study("base: base.yaml\nn: 4\n") == StudyConfig(experiments=[ExperimentConfig(model="m", n=4)])


BASES = {
    "missing": ("base: nowhere.yaml", "study.yaml, line 1, column 1: base: nowhere.yaml does not exist; check the path; it is "
                "relative to the folder of study.yaml"),
    "with a sweep": ("base: swept.yaml", "swept.yaml, line 2, column 1: swept.yaml is the base of study.yaml and has 'sweep:'"),
    "with a base": ("base: based.yaml", "has 'base:' itself; a base must be a file with one experiment"),
    "broken": ("base: broken.yaml", "broken.yaml, line 2, column 1: broken YAML"),
    "wrong": ("base: wrong.yaml", "wrong.yaml, line 2, column 1: n: 0: must be greater than or equal to 1"),
    "a list": ("base: [1]", "'base:' is [1]; write the fields that all experiments share below it, or the path of a file"),
}  # fmt: skip


@pytest.mark.parametrize("case", BASES)
def test_a_base_that_cannot_be_used_is_refused(complaint, write, case):
    write("swept.yaml", "model: m\nsweep: {n: [1]}\n")
    write("based.yaml", "model: m\nbase: base.yaml\n")
    write("broken.yaml", "model: [\n")
    write("wrong.yaml", "model: m\nn: 0\n")
    base, words = BASES[case]
    assert words in complaint(f"{base}\nsweep: {{precision: [bf16, fp16]}}\n")


@pytest.mark.parametrize("more", ["sweep: {precision: [bf16, fp16]}", "experiments: [{precision: bf16}]"])
def test_a_wrong_value_of_a_base_is_found_there(complaint, write, more):
    write("wrong.yaml", "model: m\npytorch:\n  batch_size: 0\n")
    message = complaint(f"base: wrong.yaml\n{more}\n")
    assert message == "wrong.yaml, line 3, column 3: pytorch.batch_size: 0: must be greater than or equal to 1"


def test_a_wrong_entry_above_a_good_base_is_found_in_the_entry(complaint, write):
    write("good.yaml", "model: m\n")
    message = complaint("base: good.yaml\nexperiments:\n- {n: 1}\n- {n: 0}\n")
    assert message == "study.yaml, line 4: experiments.1.n: 0: must be greater than or equal to 1"


def test_a_list_may_be_combined_with_common_fields(study):
    found = study("model: m\nn: 7\nexperiments: [{}, {n: 8}]\n").experiments
    assert [each.n for each in found] == [7, 8]


def test_entries_of_several_backends_take_their_own_common_section(study):
    found = study(
        "model: m\npytorch: {batch_size: 4}\nvllm: {max_num_seqs: 5}\nexperiments: [{}, {backend: vllm}]\n"
    ).experiments
    assert [(each.pytorch is None, each.vllm is None) for each in found] == [(False, True), (True, False)]


def test_the_backend_of_the_command_line_decides_which_section_counts(study):
    found = study("model: m\nvllm: {max_num_seqs: 5}\nexperiments: [{n: 1}, {n: 2}]\n", {"backend": "vllm"}).experiments
    assert [each.vllm.max_num_seqs for each in found] == [5, 5]


@pytest.mark.parametrize(
    ("text", "overrides", "sweeps", "words"),
    [
        ("precision: fp16\nsweep: {precision: [bf16]}\n", {}, [],
         "line 2, column 1: precision is an axis of the sweep, and is also set for all cells; remove one"),
        ("pytorch:\n  batch_size: 4\nsweep: {pytorch.batch_size: [8]}\n", {}, [],
         "line 3, column 3: pytorch.batch_size is an axis of the sweep, and is also set for all cells"),
        ("dataset: {n: 200}\nsweep: {dataset: [aienergyscore, a.jsonl]}\n", {}, [], "dataset.n is an axis of the sweep"),
        ("max_input_tokens: null\nsweep: {max_input_tokens: [5]}\n", {}, [], "max_input_tokens is an axis of the sweep"),
        ("sweep: {n: [1, 2]}\n", {"n": 3}, [],
         "line 2, column 9: n: is an axis of the sweep, and the command line sets n for all cells; remove one"),
        ("sweep: {pytorch.batch_size: [1, 2]}\n", {"pytorch": {"batch_size": 1}}, [], "sets pytorch for all cells"),
        ("n: 1\n", {"n": 3}, ["n=1,2"], "--sweep: n: is an axis of the sweep, and the command line sets n"),
        ("dataset: a.jsonl\nsweep: {n: [1]}\n", {"dataset.n": 200}, [], "'dataset.n' cannot be set: dataset is \"a.jsonl\""),
    ],
)  # fmt: skip
def test_a_field_that_is_swept_and_set_is_refused(complaint, text, overrides, sweeps, words):
    assert words in complaint(f"model: m\n{text}", overrides, sweeps)


@pytest.mark.parametrize("section", ["pytorch:\n", "pytorch: {}\n", "pytorch: {use_cache: true}\n"])
def test_a_section_beside_an_axis_of_one_of_its_fields_is_no_contradiction(study, section):
    assert len(study(f"model: m\n{section}sweep: {{pytorch.batch_size: [1, 2]}}\n").experiments) == 2


def test_an_axis_of_the_command_line_makes_an_experiment_a_study(study):
    found = study("model: m\nprecision: fp32\n", {"n": 4}, ["precision=bf16,fp16"])
    assert [(each.precision, each.n) for each in found.experiments] == [("bf16", 4), ("fp16", 4)]
    assert found.n_cycles == 3


def test_an_axis_of_the_command_line_replaces_that_of_the_file_in_its_place(study):
    found = study(
        "model: m\nsweep: {n: [1, 2], precision: [bf16, fp16]}\n", None, ["n=3,4", "random_seed=1"]
    ).experiments
    assert [(each.n, each.precision, each.random_seed) for each in found] == [
        (3, "bf16", 1),
        (3, "fp16", 1),
        (4, "bf16", 1),
        (4, "fp16", 1),
    ]


def test_axes_need_no_file():
    found = load_study_config(overrides={"model": "m"}, sweeps=["n=1,2"])
    assert [each.n for each in found.experiments] == [1, 2]


def test_settings_of_the_execution_come_from_file_and_command_line(study):
    found = study("model: m\nname: mine\nexecution: {n_cycles: 4, control: true}\n", {"execution.n_cycles": 5})
    assert (found.name, found.execution.n_cycles, found.execution.control) == ("mine", 5, True)
    assert study("model: m\n", {"execution.n_cycles": 2}).n_cycles == 2


@pytest.mark.parametrize("text", ["model: m\nn: 3\n", "model: m\nexecution:\n", "model: m\nexperiments: [{}]\n"])
def test_one_cell_is_measured_once(study, text):
    assert study(text).n_cycles == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("execution: {n_cycle: 4}", "line 2: execution.n_cycle: there is no such field; did you mean 'execution.n_cycles'?"),
        ("execution: {n_cycles: 0}", "line 2: execution.n_cycles: 0: must be greater than or equal to 1"),
        ("execution: {n_cycles: 2.5}", "execution.n_cycles: 2.5: a whole number is needed"),
        ("execution: {cycle_order: shufled}", "did you mean 'shuffled'?"),
        ("execution: {isolation: forked}", "valid: process, spawn, none"),
        ("execution: {cooldown_celsius: 0}", "must be greater than 0"),
        ("execution: 5", "line 2: execution: 5: a mapping is needed"),
        ("name: ''", "line 2: name: must not be empty"),
        ("name: \"a\\nb\"", "is not a valid name; write printable characters on one line"),
        ("name: 5", "name: 5: text is needed"),
        ("experimets: []\nsweep: {n: [1]}", "line 2, column 1: experimets: there is no such field; did you mean 'experiments'?"),
        ("sweeep: {n: [1]}", "line 2: sweeep: there is no such field; did you mean 'sweep'?"),
        ("experiments: []", "'experiments:' is not a list with entries"),
        ("experiments: [5]", "experiment 1 is 5; write fields such as `model: ...`"),
    ],
)  # fmt: skip
def test_a_wrong_key_or_setting_of_a_study_is_refused(complaint, text, words):
    assert words in complaint(f"model: m\n{text}\n")


def test_what_is_skipped_and_merged_is_kept_with_the_study(study):
    found = study("model: m\nsweep: {precision: [bf16, int8], pytorch.batch_size: [null, 1]}\n")
    assert (len(found.experiments), len(found.skipped), len(found.merged)) == (1, 2, 1)
