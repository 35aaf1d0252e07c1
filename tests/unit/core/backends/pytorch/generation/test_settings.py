"""What generation really uses: every field of transformers' generation configuration is accounted for."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from llenergymeasure import ExperimentConfig  # noqa: E402
from llenergymeasure.core.backends.pytorch.arguments import generate_arguments  # noqa: E402
from llenergymeasure.core.backends.pytorch.generation.settings import (  # noqa: E402
    ALWAYS,
    CONDITIONAL,
    HARMLESS,
    effective_settings,
    plain,
)
from llenergymeasure.core.backends.pytorch.library import Transformers  # noqa: E402

END = 2
LIBRARY = Transformers()
FIELDS = sorted(vars(transformers.GenerationConfig()))


def arguments(**fields):
    """What `generate` is given for an experiment."""
    config = ExperimentConfig(model="m", max_output_tokens=4, **fields)
    return {"pad_token_id": 0, **generate_arguments(config, LIBRARY.generate_names())}


@pytest.fixture(scope="module")
def model():
    sizes = dict(hidden_size=8, intermediate_size=8, num_hidden_layers=2, num_attention_heads=2, vocab_size=64)
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**sizes, eos_token_id=END, bos_token_id=1)).eval()


def settings_with(model, files, **fields):
    """Effective settings where the model's generation_config.json says this."""
    given = arguments(**fields)
    before = model.generation_config
    model.generation_config = transformers.GenerationConfig(**{"eos_token_id": END, **files})
    try:
        found, defaults = LIBRARY.effective_generation(model, given)
        return effective_settings(found, defaults, given, END)
    finally:
        model.generation_config = before


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_is_passed_or_recorded_or_harmless_with_a_reason(field):
    """A field that a new transformers brings fails here: sort it into one of the tables of `settings`."""
    places = {
        "passed": field in arguments(),
        "recorded": field in ALWAYS | CONDITIONAL,
        "harmless": bool(HARMLESS.get(field)),
    }
    assert sum(places.values()) == 1, places


SAMPLING = {"decoder": {"decoding_strategy": "sampling"}}
BEAM = {"decoder": {"decoding_strategy": "beam"}}
LOOKUP = {"pytorch": {"prompt_lookup_num_tokens": 2}}
STATIC = {"pytorch": {"cache_implementation": "static"}}
# Of each recorded field: what a model's file may say, and the experiment in which it has an effect.
EXAMPLES = {
    "assistant_early_exit": (1, {}),
    "bad_words_ids": ([[5]], {}),
    "begin_suppress_tokens": ([5], {}),
    "encoder_no_repeat_ngram_size": (2, {}),
    "encoder_repetition_penalty": (1.5, {}),
    "eos_token_id": ([END, 7], {}),
    "exponential_decay_length_penalty": ([2, 1.5], {}),
    "forced_bos_token_id": (5, {}),
    "forced_eos_token_id": (5, {}),
    "guidance_scale": (1.5, {}),
    "max_time": (60.0, {}),
    "min_length": (3, {}),
    "no_repeat_ngram_size": (2, {}),
    "prefill_chunk_size": (2, {}),
    "remove_invalid_values": (True, {}),
    "renormalize_logits": (True, {}),
    "sequence_bias": ([[[5], -1.0]], {}),
    "stop_strings": (["x"], {}),
    "suppress_tokens": ([5], {}),
    "token_healing": (True, {}),
    "use_mtp": (True, {}),
    "watermarking_config": ({"bias": 3.0}, {}),
    "min_p": (0.1, SAMPLING),
    "top_h": (0.5, SAMPLING),
    "typical_p": (0.9, SAMPLING),
    "epsilon_cutoff": (0.1, SAMPLING),
    "eta_cutoff": (0.1, SAMPLING),
    "early_stopping": (True, BEAM),
    "length_penalty": (2.0, BEAM),
    "num_assistant_tokens": (3, LOOKUP),
    "num_assistant_tokens_schedule": ("heuristic", LOOKUP),
    "assistant_confidence_threshold": (0.9, LOOKUP),
    "assistant_lookbehind": (3, LOOKUP),
    "target_lookbehind": (3, LOOKUP),
    "max_matching_ngram_size": (3, LOOKUP),
    "assistant_ensemble_weight": (0.5, LOOKUP),
    "speculation_type": ("dflash", LOOKUP),
    "max_cache_len": (64, STATIC),
    "compile_config": (transformers.generation.CompileConfig(), STATIC),
    "disable_compile": (True, STATIC),
}
OURS_WHEN_SAMPLING = {"temperature", "top_k", "top_p"}


def test_every_recorded_field_has_an_example():
    assert set(EXAMPLES) | OURS_WHEN_SAMPLING == ALWAYS | CONDITIONAL


@pytest.mark.parametrize("field", EXAMPLES)
def test_what_a_model_s_file_chooses_is_recorded_with_its_value(model, field):
    value, experiment = EXAMPLES[field]
    found = settings_with(model, {field: value}, **experiment)
    assert set(found.from_model) == {field}
    assert found.values[field] == found.from_model[field]
    if not hasattr(value, "to_dict") and field != "watermarking_config":
        assert found.values[field] == value


@pytest.mark.parametrize("field", sorted(CONDITIONAL - OURS_WHEN_SAMPLING))
def test_what_has_no_effect_in_this_experiment_is_left_out(model, field):
    found = settings_with(model, {field: EXAMPLES[field][0]})
    assert (field in found.values, dict(found.from_model)) == (False, {})


@pytest.mark.parametrize("field", sorted(OURS_WHEN_SAMPLING))
def test_sampling_is_ours(model, field):
    found = settings_with(model, {"temperature": 0.2, "top_k": 3, "top_p": 0.4}, **SAMPLING)
    assert (found.values[field], dict(found.from_model)) == ({"temperature": 1.0, "top_k": 0, "top_p": 1.0}[field], {})


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"use_cache": False}, {"use_cache": True}),
        ({"prompt_lookup_num_tokens": 3}, {"prompt_lookup_num_tokens": None}),
        ({"cache_implementation": "static"}, {"cache_implementation": None}),
        ({"repetition_penalty": 1.3}, {"repetition_penalty": 1.0}),
        ({"min_new_tokens": 3}, {"min_new_tokens": None}),
        ({"num_beams": 3, "do_sample": True, "max_new_tokens": 99}, {"num_beams": 1, "do_sample": False, "max_new_tokens": 4}),
        ({"penalty_alpha": 0.6, "dola_layers": "low", "is_assistant": True}, {}),
        ({"do_sample": True, "num_return_sequences": 2, "return_dict_in_generate": True, "output_scores": True}, {}),
    ],
)  # fmt: skip
def test_documented_settings_have_priority_over_the_file(model, files, expected):
    found = settings_with(model, files)
    assert {name: found.values.get(name) for name in expected} == expected
    assert (dict(found.from_model), set(files) & {"penalty_alpha", "return_dict_in_generate"} & set(found.values)) == (
        {},
        set(),
    )


def test_one_end_of_sequence_is_recorded_and_no_surprise(model):
    found = settings_with(model, {})
    assert (found.values["eos_token_id"], dict(found.from_model)) == (END, {})


def test_what_the_user_passes_through_is_not_the_model_s(model):
    found = settings_with(model, {"min_p": 0.1}, **SAMPLING, passthrough_kwargs={"min_p": 0.3})
    assert (found.values["min_p"], dict(found.from_model)) == (0.3, {})


def test_null_switches_off_what_a_file_says(model):
    found = settings_with(model, {"suppress_tokens": [5]}, passthrough_kwargs={"suppress_tokens": None})
    assert ("suppress_tokens" in found.values, dict(found.from_model)) == (False, {})


def test_a_value_that_changes_nothing_is_not_the_model_s_choice(model):
    assert dict(settings_with(model, {"guidance_scale": 1.0, "suppress_tokens": [], "min_length": 0}).from_model) == {}


def test_values_are_such_as_json_can_hold():
    found = plain(
        {"a": (1, float("-inf")), 2: torch.float16, "c": transformers.generation.CompileConfig(mode="default")}
    )
    assert found["a"] == [1, "-inf"]
    assert found["2"] == "torch.float16"
    assert found["c"]["mode"] == "default"
