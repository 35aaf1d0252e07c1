"""A model runs with its own weights, or not at all."""

from __future__ import annotations

import json
import logging

import pytest

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
safetensors = pytest.importorskip("safetensors.torch")

from llenergymeasure import ExperimentConfig  # noqa: E402
from llenergymeasure.core.backends.pytorch.loading import TransformersLoader  # noqa: E402
from llenergymeasure.core.backends.pytorch.weights import LOAD_LOG  # noqa: E402
from llenergymeasure.core.machine.clock import SystemClock  # noqa: E402
from llenergymeasure.exceptions import BackendError  # noqa: E402
from llenergymeasure.models.builtin import builtin_model_path  # noqa: E402

SIZES = {
    "vocab_size": 8192, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 2, "head_dim": 8,
}  # fmt: skip


def saved(folder, model_type="llama", **fields):
    """A small model of a family with its tokenizer, as `save_pretrained` writes it."""
    config = transformers.AutoConfig.for_model(model_type, **(fields or SIZES))
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    transformers.AutoTokenizer.from_pretrained(builtin_model_path("builtin/tiny-llama")).save_pretrained(folder)
    return folder


def rewrite(folder, change, name="model.safetensors"):
    """Change the tensors of a checkpoint."""
    weights = change(safetensors.load_file(folder / name))
    safetensors.save_file(weights, folder / name, metadata={"format": "pt"})


def load(folder, **fields):
    config = ExperimentConfig(model=str(folder), precision="fp32", pytorch={"device": "cpu"}, **fields)
    return TransformersLoader(SystemClock()).load(config)


@pytest.fixture
def checkpoint(tmp_path):
    return saved(tmp_path / "model")


def without(part):
    return lambda weights: {name: value for name, value in weights.items() if part not in name}


def renamed(before, after):
    return lambda weights: {name.replace(before, after): value for name, value in weights.items()}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda weights: {f"module.{name}": value for name, value in weights.items()}, ("21 of 21", "module.lm_head")),
        (without("lm_head"), ("1 of 21", "lm_head.weight")),
        (without("layers.1."), ("9 of 21", "model.layers.1.input_layernorm.weight", "(9 in all)")),
        (renamed("layers.1.mlp", "layers.1.ffn"), ("3 of 21", "model.layers.1.mlp.down_proj", "model.layers.1.ffn.")),
        (renamed("norm.weight", "norm.scale"), ("5 of 21", "model.norm.weight")),
    ],
    ids=["every name has a prefix", "no head", "a layer is missing", "a layer is renamed", "norms have another name"],
)
def test_weights_that_are_not_there_are_an_error_with_their_names_and_the_fix(checkpoint, change, words):
    rewrite(checkpoint, change)
    with pytest.raises(BackendError, match=r"pytorch\.load_format: dummy") as caught:
        load(checkpoint)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_random_weights_may_be_asked_for(checkpoint):
    rewrite(checkpoint, without("lm_head"))
    config = ExperimentConfig(model=str(checkpoint), pytorch={"device": "cpu", "load_format": "dummy"})
    assert TransformersLoader(SystemClock()).load(config).info.random_weights


def test_weights_of_another_shape_are_an_error_with_both_shapes(checkpoint):
    config = json.loads((checkpoint / "config.json").read_text())
    (checkpoint / "config.json").write_text(json.dumps({**config, "intermediate_size": 64}))
    with pytest.raises(
        BackendError, match=r"6 weights have another shape.*\(16 x 32 in the checkpoint, 16 x 64 in the"
    ):
        load(checkpoint)


def test_another_shape_cannot_be_waved_through(checkpoint):
    config = json.loads((checkpoint / "config.json").read_text())
    (checkpoint / "config.json").write_text(json.dumps({**config, "intermediate_size": 64}))
    with pytest.raises(BackendError, match="6 weights have another shape"):
        load(checkpoint, passthrough_kwargs={"ignore_mismatched_sizes": True})


def test_weights_that_cannot_be_converted_are_named(tmp_path):
    """Experts are stored one by one and joined when they are loaded."""
    sizes = {**SIZES, "num_local_experts": 2, "num_experts_per_tok": 1}
    rewrite(saved(tmp_path, "mixtral", **sizes), without("experts.1.w1"))
    with pytest.raises(BackendError, match=r"experts\.gate_up_proj \| CONVERSION.*Error: Concatenate on tensors"):
        load(tmp_path)


def test_the_log_of_transformers_is_left_as_it_was(checkpoint):
    logger = logging.getLogger(LOAD_LOG)
    before = logger.level, logger.propagate, list(logger.handlers)
    load(checkpoint)
    assert (logger.level, logger.propagate, list(logger.handlers)) == before


def test_tensors_without_a_place_are_counted_and_named(checkpoint):
    rewrite(checkpoint, lambda weights: {**weights, "vision.proj.weight": torch.ones(2, 2), "extra": torch.ones(1)})
    info = load(checkpoint).info
    assert (info.n_unexpected_weights, info.unexpected_weights) == (2, ("extra", "vision.proj.weight"))


def test_a_draft_model_needs_its_weights_too(checkpoint, tmp_path):
    draft = saved(tmp_path / "draft")
    rewrite(draft, without("lm_head"))
    with pytest.raises(BackendError, match="draft does not fit"):
        load(checkpoint, decoder={"speculative_decoding": True, "draft_model": str(draft)})


GPT = {"vocab_size": 8192, "n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 64}
FAMILIES = {
    "llama": SIZES,
    "llama tied": {**SIZES, "tie_word_embeddings": True},
    "gpt2": GPT,
    "opt": {**SIZES, "ffn_dim": 32, "word_embed_proj_dim": 16, "max_position_embeddings": 64},
    "bloom": {"vocab_size": 8192, "hidden_size": 16, "n_layer": 2, "n_head": 2},
    "gemma": SIZES,
    "gemma2": SIZES,
    "qwen2": SIZES,
    "mamba": {"vocab_size": 8192, "hidden_size": 16, "num_hidden_layers": 2, "state_size": 4},
    "gptj": {**GPT, "rotary_dim": 4},
    "gpt_neox": SIZES,
    "mixtral": {**SIZES, "num_local_experts": 2, "num_experts_per_tok": 1},
    "falcon": {"vocab_size": 8192, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2},
}


@pytest.mark.parametrize("family", FAMILIES)
def test_tied_heads_and_buffers_are_no_false_alarm(tmp_path, family):
    info = load(saved(tmp_path, family.partition(" ")[0], **FAMILIES[family])).info
    assert (info.random_weights, info.n_unexpected_weights) == (False, 0)


def test_a_base_model_s_checkpoint_is_enough_where_the_head_is_tied(tmp_path):
    saved(tmp_path, "gpt2", **GPT)
    transformers.AutoModel.from_pretrained(tmp_path).save_pretrained(tmp_path)
    assert load(tmp_path).info.n_unexpected_weights == 0


@pytest.fixture
def adapter(checkpoint, tmp_path):
    peft = pytest.importorskip("peft")
    settings = peft.LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM", init_lora_weights=False)
    model = transformers.AutoModelForCausalLM.from_pretrained(checkpoint)
    peft.get_peft_model(model, settings).save_pretrained(tmp_path / "adapter")
    return tmp_path / "adapter"


@pytest.mark.parametrize("merged", [False, True])
def test_an_adapter_that_fits_loads_without_a_message(checkpoint, adapter, merged):
    lora = {"adapter_path": str(adapter), "merge_weights": merged}
    assert load(checkpoint, lora=lora).info.n_unexpected_weights == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda weights: {f"x.{name}": value for name, value in weights.items()}, "4 weights are missing"),
        (without("layers.1."), "2 weights are missing: .*layers.1"),
        (without("lora_B"), "2 weights are missing: .*lora_B"),
        (lambda weights: {name: value[:, :1].contiguous() for name, value in weights.items()}, "size mismatch"),
    ],
    ids=["every name has a prefix", "a layer is missing", "half of each pair is missing", "another shape"],
)
def test_an_adapter_that_does_not_fit_is_an_error(checkpoint, adapter, change, words):
    rewrite(adapter, change, "adapter_model.safetensors")
    with pytest.raises(BackendError, match=words):
        load(checkpoint, lora={"adapter_path": str(adapter)})


def test_an_adapter_of_a_deeper_model_is_counted(checkpoint, adapter):
    name = "base_model.model.model.layers.7.self_attn.q_proj.lora_A.weight"
    rewrite(adapter, lambda weights: {**weights, name: torch.ones(2, 16)}, "adapter_model.safetensors")
    assert load(checkpoint, lora={"adapter_path": str(adapter)}).info.unexpected_weights == (name,)


def test_virtual_tokens_are_no_false_alarm(checkpoint, tmp_path):
    peft = pytest.importorskip("peft")
    settings = peft.PromptTuningConfig(num_virtual_tokens=2, task_type="CAUSAL_LM")
    model = transformers.AutoModelForCausalLM.from_pretrained(checkpoint)
    peft.get_peft_model(model, settings).save_pretrained(tmp_path / "prompt")
    assert load(checkpoint, lora={"adapter_path": str(tmp_path / "prompt")}).info.n_unexpected_weights == 0
