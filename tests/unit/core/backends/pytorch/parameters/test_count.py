"""Parameters in matrix products: from the architecture where it is known, from the modules elsewhere, else None and why."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from torch import nn  # noqa: E402

from llenergymeasure.core.backends.pytorch.parameters.count import count_parameters, quantization_of  # noqa: E402

H, MLP, V = 8, 16, 32
SIZES = dict(
    hidden_size=H, intermediate_size=MLP, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2, vocab_size=V,
    head_dim=4, pad_token_id=0,
)  # fmt: skip
ATTENTION = 4 * H * H
HEAD = H * V


def built(config):
    with torch.device("meta"):
        return transformers.AutoModelForCausalLM.from_config(config)


def llama(**changes):
    return built(transformers.LlamaConfig(**{**SIZES, **changes}))


class UnknownConfig(transformers.LlamaConfig):
    """A model of which only its modules are known."""

    model_type = "unknown"


def unknown(**changes):
    with torch.device("meta"):
        return transformers.LlamaForCausalLM(UnknownConfig(**{**SIZES, **changes}))


def gemma4(**changes):
    sizes = {**SIZES, "global_head_dim": 4, "hidden_size_per_layer_input": 0, "vocab_size_per_layer_input": V}
    return built(transformers.Gemma4TextConfig(**{**sizes, **changes}))


@pytest.mark.parametrize("tied", [True, False])
def test_a_head_counts_even_when_it_is_tied(tied):
    counts = count_parameters(llama(tie_word_embeddings=tied))
    layer = ATTENTION + 3 * H * MLP
    assert counts.in_matrix_products == counts.counted_in_matrix_products == layer + HEAD
    assert counts.total == layer + 3 * H + HEAD * (1 if tied else 2)
    assert (counts.in_adapters, counts.reason) == (0, None)


def test_experts_under_other_keys_count_by_the_share_that_a_token_meets():
    experts = dict(enable_moe_block=True, num_experts=8, top_k_experts=2, moe_intermediate_size=4)
    dense, mixed = count_parameters(gemma4()), count_parameters(gemma4(**experts))
    router, one_expert = H * 8, 3 * H * 4
    assert mixed.in_matrix_products - dense.in_matrix_products == router + 2 * one_expert
    assert mixed.total > dense.total + 8 * one_expert


def test_experts_whose_number_is_null_count_as_none():
    counts = count_parameters(gemma4(num_experts=None, top_k_experts=None))
    assert counts.reason is None
    assert counts.in_matrix_products == ATTENTION + 3 * H * MLP + HEAD


def test_experts_with_another_number_in_each_layer_are_not_counted():
    model = built(transformers.HunYuanMoEV1Config(**SIZES, num_experts=4, moe_topk=[2]))
    counts = count_parameters(model)
    assert counts.in_matrix_products is None
    assert "belongs to routed experts" in counts.reason
    assert counts.total == sum(parameter.numel() for parameter in model.parameters())


def test_experts_outside_of_experts_are_found_by_their_shape():
    sizes = {**SIZES, "num_hidden_layers": 1, "kv_channels": 4, "num_key_value_heads": 1}
    sizes.pop("head_dim")
    model = built(transformers.JetMoeConfig(**sizes, num_local_experts=4, num_experts_per_tok=2))
    stacked = [p for name, p in model.named_parameters() if p.ndim == 3]
    assert stacked
    assert any(".experts." not in name for name, p in model.named_parameters() if p.ndim == 3)
    plain = sum(
        p.numel()
        for name, p in model.named_parameters()
        if p.ndim == 2 and "embed" not in name and "lm_head" not in name
    )
    head = model.get_output_embeddings().weight.numel()
    assert count_parameters(model).in_matrix_products == plain + head + sum(p.numel() for p in stacked) / 2


def test_experts_that_compute_nothing_cannot_be_counted():
    counts = count_parameters(unknown(zero_expert_num=2))
    assert counts.in_matrix_products is None
    assert "compute nothing" in counts.reason


class WithTower(nn.Module):
    """A language model with a vision tower and a projector, as multimodal models have them."""

    def __init__(self) -> None:
        super().__init__()
        self.language_model = unknown()
        self.vision_tower = nn.Linear(100, 100, device="meta")
        self.multi_modal_projector = nn.Linear(100, H, device="meta")
        self.config = self.language_model.config

    def get_output_embeddings(self):
        return self.language_model.get_output_embeddings()


def test_towers_that_text_does_not_reach_are_idle():
    model = WithTower()
    counts = count_parameters(model)
    assert counts.in_matrix_products == ATTENTION + 3 * H * MLP + HEAD
    assert counts.total == sum(parameter.numel() for parameter in model.parameters())


class Packed(nn.Module):
    """A quantised linear layer: eight weights of 4 bits in each whole number, as GPTQ keeps them."""

    def __init__(self, inputs: int, outputs: int, sizes: bool = True) -> None:
        super().__init__()
        self.register_buffer("qweight", torch.zeros(inputs // 8, outputs, dtype=torch.int32))
        self.register_buffer("qzeros", torch.zeros(1, outputs // 8, dtype=torch.int32))
        self.register_buffer("scales", torch.zeros(1, outputs))
        if sizes:
            self.in_features, self.out_features = inputs, outputs


@pytest.mark.parametrize("make", [llama, unknown])
def test_packed_weights_count_unpacked(make):
    model = make(tie_word_embeddings=False)
    plain = count_parameters(model)
    model.model.layers[0].mlp.down_proj = Packed(MLP, H)
    model.config.quantization_config = {"quant_method": "gptq"}
    counts = count_parameters(model)
    assert counts.in_matrix_products == counts.counted_in_matrix_products == plain.in_matrix_products
    assert counts.total == plain.total
    assert quantization_of(model) == "gptq"


def test_packed_weights_of_unknown_size_are_none_with_the_reason_unless_the_architecture_knows():
    model, other = llama(), unknown()
    plain = count_parameters(model)
    for each in (model, other):
        each.model.layers[0].mlp.down_proj = Packed(MLP, H, sizes=False)
    known, without = count_parameters(model), count_parameters(other)
    assert (known.in_matrix_products, known.total) == (plain.in_matrix_products, plain.total)
    assert known.counted_in_matrix_products is None
    assert (without.in_matrix_products, without.total) == (None, None)
    assert "down_proj.qweight are packed" in without.reason


def test_a_model_that_was_not_quantised_names_no_method():
    assert quantization_of(llama()) is None


def adapted(config, **changes):
    peft = pytest.importorskip("peft")
    model = transformers.AutoModelForCausalLM.from_config(transformers.LlamaConfig(**{**SIZES, **changes}))
    return peft.get_peft_model(model, config(peft))


def lora(**options):
    return lambda peft: peft.LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM", **options)


@pytest.mark.parametrize("options", [{}, {"modules_to_save": ["lm_head"]}, {"bias": "all"}])
def test_plain_lora_adds_its_two_matrices(options):
    counts = count_parameters(adapted(lora(**options), tie_word_embeddings=False))
    base = ATTENTION + 3 * H * MLP + HEAD
    assert counts.in_adapters == 2 * (H + H)
    assert counts.in_matrix_products == counts.counted_in_matrix_products == base + counts.in_adapters


OTHERS = {
    "DoRA": lora(use_dora=True),
    "LoHa": lambda peft: peft.LoHaConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM"),
    "VeRA": lambda peft: peft.VeraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM"),
    "prompt tuning": lambda peft: peft.PromptTuningConfig(num_virtual_tokens=2, task_type="CAUSAL_LM"),
    "IA3": lambda peft: peft.IA3Config(target_modules=["k_proj"], feedforward_modules=[], task_type="CAUSAL_LM"),
    "an embedding": lambda peft: peft.LoraConfig(r=2, target_modules=["embed_tokens"], task_type="CAUSAL_LM"),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_adapters_of_other_kinds_are_none_with_the_reason(kind):
    counts = count_parameters(adapted(OTHERS[kind], tie_word_embeddings=False))
    assert (counts.in_adapters, counts.in_matrix_products) == (None, None)
    assert "adapter" in counts.reason
