"""Our counts and ids against a hand-written transformers loop on the built-in model."""

from __future__ import annotations

import copy

import pytest

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from llenergymeasure import ExperimentConfig  # noqa: E402
from llenergymeasure.core.backends.pytorch.loading import TransformersLoader  # noqa: E402
from llenergymeasure.core.machine.clock import SystemClock  # noqa: E402
from llenergymeasure.datasets.loader import open_dataset  # noqa: E402
from llenergymeasure.models.builtin import builtin_model_path  # noqa: E402

NEW_TOKENS = 12


def config(**fields) -> ExperimentConfig:
    section = {"load_format": "dummy", "device": "cpu", **fields.pop("pytorch", {})}
    return ExperimentConfig(
        model="builtin/tiny-llama", precision="fp32", max_output_tokens=NEW_TOKENS, max_input_tokens=64, pytorch=section,
        **fields,
    )  # fmt: skip


@pytest.fixture(scope="module")
def bare():
    """The same weights, drawn the same way, without our code."""
    path = str(builtin_model_path("builtin/tiny-llama"))
    torch.manual_seed(42)
    model = transformers.AutoModelForCausalLM.from_config(
        transformers.AutoConfig.from_pretrained(path), dtype=torch.float32
    )
    return model.eval(), transformers.AutoTokenizer.from_pretrained(path)


def bare_loop(bare, texts, batch_size, **arguments):
    """Ids that a user's own loop generates, prompt by prompt, cut after end-of-sequence."""
    model, tokenizer = bare
    tokenizer.padding_side = "left"
    rows = []
    for start in range(0, len(texts), batch_size):
        inputs = tokenizer(
            texts[start : start + batch_size], return_tensors="pt", padding=True, truncation=True, max_length=64
        )
        ids = model.generate(**inputs, max_new_tokens=NEW_TOKENS, do_sample=False, **arguments)
        for row in ids[:, inputs["input_ids"].shape[1] :].tolist():
            end = row.index(tokenizer.eos_token_id) + 1 if tokenizer.eos_token_id in row else len(row)
            rows.append(row[:end])
    return rows


def our_run(settings: ExperimentConfig):
    engine = TransformersLoader(SystemClock()).load(settings)
    prompts = open_dataset(settings.dataset, settings.n, settings.random_seed)
    ids = [row[:64] for row in prompts.token_ids(engine.tokenizer)]
    return engine, prompts, engine.run(engine.prepare(ids)).records()


def outputs_of(records):
    by_prompt = {request.prompt_index: list(request.output_ids) for request in records.requests}
    return [by_prompt[index] for index in sorted(by_prompt)]


@pytest.mark.parametrize(("n", "batch_size"), [(3, 1), (7, 3)])
def test_greedy_ids_and_counts_equal_the_bare_loop(bare, n, batch_size):
    settings = config(n=n, pytorch={"batch_size": batch_size})
    _, prompts, records = our_run(settings)
    expected = bare_loop(bare, list(prompts.texts), batch_size)
    assert len(records.batches) == -(-n // batch_size)
    assert outputs_of(records) == expected


def test_a_prompt_that_ends_early_is_counted_to_its_end(bare):
    """The token that the first prompt generates third becomes end-of-sequence."""
    settings = config(n=2, pytorch={"batch_size": 2}, decoder={"repetition_penalty": 5.0})
    _, _, records = our_run(settings)
    third = outputs_of(records)[0][2]
    _, _, records = our_run(settings.model_copy(update={"passthrough_kwargs": {"eos_token_id": third}}))
    assert len(outputs_of(records)[0]) == 3
    assert outputs_of(records)[0][-1] == third


def test_dynamic_batching_pads_less_and_generates_for_every_prompt():
    plain = our_run(config(n=12, pytorch={"batch_size": 2}))[2]
    sorted_by_length = our_run(config(n=12, pytorch={"batch_size": 2, "batching_strategy": "dynamic"}))[2]

    def executed(records):
        return sum(batch.padded_length * len(batch.prompt_indices) for batch in records.batches)

    assert executed(sorted_by_length) < executed(plain)
    assert sorted(request.prompt_index for request in sorted_by_length.requests) == list(range(12))


def test_every_step_has_a_time_in_order_within_the_batch():
    _, _, records = our_run(config(n=2, pytorch={"batch_size": 2}))
    record = records.batches[0]
    assert record.step_tokens == tuple(range(1, NEW_TOKENS + 1))
    assert list(record.step_times_s) == sorted(record.step_times_s)
    assert record.started_s < record.step_times_s[0]
    assert record.step_times_s[-1] <= record.finished_s


def test_min_equal_to_max_gives_constant_work():
    _, _, records = our_run(config(n=4, min_output_tokens=NEW_TOKENS, pytorch={"batch_size": 4}))
    assert [len(ids) for ids in outputs_of(records)] == [NEW_TOKENS] * 4


def test_the_seed_decides_the_weights():
    ids = [outputs_of(our_run(config(n=1, random_seed=seed))[2]) for seed in (1, 1, 2)]
    assert ids[0] == ids[1] != ids[2]


def test_sampling_is_repeatable_with_a_seed():
    settings = config(n=2, decoder={"decoding_strategy": "sampling", "temperature": 0.8, "top_p": 0.9, "top_k": 50})
    assert outputs_of(our_run(settings)[2]) == outputs_of(our_run(settings)[2])


def test_beam_search_counts_each_prompt_once():
    _, _, records = our_run(
        config(n=2, decoder={"decoding_strategy": "beam", "num_beams": 3}, min_output_tokens=NEW_TOKENS)
    )
    assert [len(ids) for ids in outputs_of(records)] == [NEW_TOKENS] * 2


def test_prompt_lookup_steps_may_bring_several_tokens(bare):
    settings = config(n=1, pytorch={"prompt_lookup_num_tokens": 3})
    _, prompts, records = our_run(settings)
    assert records.batches[0].step_tokens[-1] >= len(outputs_of(records)[0])
    assert outputs_of(records) == bare_loop(bare, list(prompts.texts), 1)


@pytest.fixture(scope="module")
def adapter(tmp_path_factory):
    """A LoRA adapter of the built-in model that is not the identity."""
    peft = pytest.importorskip("peft")
    model = transformers.AutoModelForCausalLM.from_config(
        transformers.AutoConfig.from_pretrained(builtin_model_path("builtin/tiny-llama"))
    )
    settings = peft.LoraConfig(r=4, target_modules=["q_proj"], task_type="CAUSAL_LM", init_lora_weights=False)
    place = tmp_path_factory.mktemp("adapter")
    torch.manual_seed(7)
    peft.get_peft_model(model, settings).save_pretrained(place)
    return place


@pytest.mark.parametrize("merged", [False, True])
def test_an_adapter_is_applied_as_peft_applies_it(bare, adapter, merged):
    peft = pytest.importorskip("peft")
    settings = config(n=2, lora={"adapter_path": str(adapter), "merge_weights": merged})
    engine, prompts, records = our_run(settings)
    adapted = peft.PeftModel.from_pretrained(copy.deepcopy(bare[0]), adapter)
    adapted = adapted.merge_and_unload() if merged else adapted
    assert outputs_of(records) == bare_loop((adapted.eval(), bare[1]), list(prompts.texts), 1)
    assert engine.info.architecture == "LlamaForCausalLM"
    # 4 layers, rank 4, query matrices of 256 x 256: 4 x 4 x (256 + 256) parameters.
    shape = engine.architecture
    thin = shape["num_hidden_layers"] * 4 * 2 * shape["hidden_size"]
    assert engine.info.adapter_parameters == (0 if merged else thin)


def test_a_draft_model_proposes_as_transformers_lets_it(bare, tmp_path):
    bare[0].save_pretrained(tmp_path)
    bare[1].save_pretrained(tmp_path)
    settings = config(n=2, decoder={"speculative_decoding": True, "draft_model": str(tmp_path)})
    _, prompts, records = our_run(settings)
    assert outputs_of(records) == bare_loop(bare, list(prompts.texts), 1, assistant_model=copy.deepcopy(bare[0]))
    assert any(len(request.token_counts) < request.output_tokens for request in records.requests)
