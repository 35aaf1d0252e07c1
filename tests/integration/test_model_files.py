"""What a model's own config.json and generation_config.json change: the numbers are right, or one message says why not."""

from __future__ import annotations

import json
import shutil

import pytest

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from llenergymeasure import ExperimentConfig  # noqa: E402
from llenergymeasure.core.backends.pytorch.loading import TransformersLoader  # noqa: E402
from llenergymeasure.core.flops.collectors import ExactFlopsCollector  # noqa: E402
from llenergymeasure.core.machine.clock import SystemClock  # noqa: E402
from llenergymeasure.exceptions import BackendError  # noqa: E402
from llenergymeasure.models.builtin import builtin_model_path  # noqa: E402
from llenergymeasure.protocols import Window  # noqa: E402

PROMPTS = [[5, 6, 7, 8, 9], [10, 11, 12]]


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain")
    sizes = dict(hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, vocab_size=8192)
    tokenizer = transformers.AutoTokenizer.from_pretrained(builtin_model_path("builtin/tiny-llama"))
    torch.manual_seed(5)
    config = transformers.LlamaConfig(**sizes, eos_token_id=tokenizer.eos_token_id)
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def measured(plain, tmp_path):
    """What a model says of itself, its records and its FLOPs, with fields of its two files changed."""

    def measure(generation=None, config=None, batch_size=2, **fields):
        folder = shutil.copytree(plain, tmp_path / "model", dirs_exist_ok=True)
        for name, changes in (("generation_config.json", generation), ("config.json", config)):
            if changes:
                before = json.loads((plain / name).read_text())
                (folder / name).write_text(json.dumps({**before, **changes}))
        experiment = ExperimentConfig(
            model=str(folder), precision="fp32", max_output_tokens=6, pytorch={"batch_size": batch_size, "device": "cpu"},
            **fields,
        )  # fmt: skip
        engine = TransformersLoader(SystemClock()).load(experiment)
        records = engine.run(engine.prepare(PROMPTS)).records()
        flops = ExactFlopsCollector().collect(Window(0.0, 1.0, 1.0, (records,), experiment, engine))
        return engine.info, [request.output_ids for request in records.requests], flops

    return measure


@pytest.mark.parametrize(
    "files",
    [
        {"generation": {"use_cache": False}},
        {"config": {"use_cache": False}},
        {"generation": {"return_dict_in_generate": True, "output_scores": True, "output_logits": True}},
        {"generation": {"output_hidden_states": True}},
        {"config": {"output_hidden_states": True}},
        {"config": {"output_attentions": True, "attn_implementation": "eager"}},
        {"config": {"return_dict": False}},
        {"generation": {"do_sample": True, "num_return_sequences": 2}},
        {"generation": {"num_beams": 3, "early_stopping": True, "length_penalty": 0.5, "num_return_sequences": 3}},
        {"generation": {"do_sample": True, "temperature": 0.5, "top_k": 3}},
        {"generation": {"cache_implementation": "static"}},
        {"generation": {"cache_implementation": "quantized", "cache_config": {"backend": "quanto"}}},
        {"generation": {"prompt_lookup_num_tokens": 3}},
        {"generation": {"repetition_penalty": 5.0}},
        {"generation": {"max_length": 3, "max_new_tokens": 2, "min_new_tokens": 2}},
        {"generation": {"penalty_alpha": 0.6, "top_k": 4}},
        {"generation": {"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 0.5}},
        {"generation": {"is_assistant": True, "assistant_confidence_threshold": 0.9}},
    ],
    ids=lambda files: ",".join(f"{place}:{'+'.join(fields)}" for place, fields in files.items()),
)  # fmt: skip
def test_what_the_configuration_documents_is_as_documented_and_the_numbers_are_those_of_the_plain_model(
    measured, files
):
    info, ids, flops = measured(**files)
    plain_info, plain_ids, plain_flops = measured()
    assert ids == plain_ids
    assert flops == plain_flops
    assert (info.model_generation_defaults, info.effective_settings) == ({}, plain_info.effective_settings)


@pytest.mark.parametrize(
    "files",
    [
        {"suppress_tokens": [5]},
        {"begin_suppress_tokens": [5]},
        {"bad_words_ids": [[5]]},
        {"no_repeat_ngram_size": 2},
        {"min_length": 8},
        {"forced_eos_token_id": 5},
        {"watermarking_config": {"bias": 3.0}},
        {"sequence_bias": [[[5], -9.0]]},
        {"encoder_repetition_penalty": 2.0},
        {"eos_token_id": [2, 77]},
    ],
    ids=lambda files: next(iter(files)),
)
def test_a_setting_that_changes_the_text_is_recorded_and_no_number_is_lost(measured, files):
    info, ids, flops = measured(files)
    assert list(info.model_generation_defaults) == list(files)
    assert flops.value is not None
    assert all(len(row) <= 6 for row in ids)


@pytest.mark.parametrize(
    "files", [{"guidance_scale": 1.5}, {"prefill_chunk_size": 2}], ids=lambda files: next(iter(files))
)
def test_what_changes_how_often_the_model_runs_leaves_the_operations_unknown_with_the_reason(measured, files):
    name = next(iter(files))
    info, _, flops = measured(files)
    assert info.model_generation_defaults == files
    assert (flops.value, flops.confidence) == (None, "low")
    assert name in flops.notes


def test_a_model_that_drafts_for_itself_leaves_the_operations_unknown(measured):
    info, _, flops = measured({"assistant_early_exit": 1}, batch_size=1)
    assert info.model_generation_defaults == {"assistant_early_exit": 1}
    assert flops.value is None
    assert "speculative decoding (assistant_early_exit)" in flops.notes


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"assistant_early_exit": 1}, r"for one prompt at a time, but batches have 2; set pytorch\.batch_size: 1"),
        ({"token_healing": True}, r"passthrough_kwargs: \{token_healing: null\}"),
        ({"use_mtp": True}, r"for one prompt at a time"),
        ({"num_return_sequences": 2}, r"remove num_return_sequences from the model's generation_config\.json"),
    ],
)
def test_what_cannot_be_measured_is_one_clear_message_before_anything_runs(measured, files, words):
    with pytest.raises(BackendError, match=words):
        measured(files)


def test_a_failure_names_what_the_model_s_files_set(measured):
    with pytest.raises(BackendError, match=r"the model's own files set use_mtp; to try without.*\{use_mtp: null\}"):
        measured({"use_mtp": True}, batch_size=1)


def test_a_setting_of_the_model_can_be_switched_off(measured):
    info, ids, flops = measured({"guidance_scale": 1.5}, passthrough_kwargs={"guidance_scale": None})
    assert (info.model_generation_defaults, ids) == ({}, measured()[1])
    assert flops.value is not None


def test_a_stop_string_ends_the_output_at_its_position(measured):
    """The text of the third token that is generated becomes a stop string."""
    _, ids, _ = measured()
    tokenizer = transformers.AutoTokenizer.from_pretrained(builtin_model_path("builtin/tiny-llama"))
    text = tokenizer.decode([ids[0][2]]).strip()
    first = next(count for count in range(1, 7) if text in tokenizer.decode(ids[0][:count]))
    info, stopped, _ = measured({"stop_strings": [text]})
    assert info.model_generation_defaults == {"stop_strings": [text]}
    assert stopped[0] == ids[0][:first]
    assert len(stopped[1]) == 6 or text in tokenizer.decode(stopped[1])


def test_a_time_limit_of_the_model_is_recorded(measured):
    info, ids, _ = measured({"max_time": 1e-9})
    assert info.model_generation_defaults == {"max_time": 1e-9}
    assert all(len(row) == 1 for row in ids)


def test_a_draft_model_s_own_choices_are_recorded(plain, measured, tmp_path):
    draft = shutil.copytree(plain, tmp_path / "draft")
    files = json.loads((draft / "generation_config.json").read_text())
    (draft / "generation_config.json").write_text(json.dumps({**files, "num_assistant_tokens": 3}))
    info, ids, flops = measured(batch_size=1, decoder={"speculative_decoding": True, "draft_model": str(draft)})
    assert info.model_generation_defaults == {"num_assistant_tokens": 3}
    assert (flops.value, ids) == (None, measured(batch_size=1)[1])
