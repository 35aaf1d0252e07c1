"""The closed form against torch: operations of a real `generate` as integers, and parameters of real models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from llenergymeasure.core.flops.architecture import shape_of
from llenergymeasure.core.flops.count import GeneratedWork, GenerationWay, exact_flops
from llenergymeasure.core.flops.families import FAMILIES
from llenergymeasure.domain.measurements import FlopsResult

pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

import torch  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

pytestmark = pytest.mark.torch

SMALL: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 96,
    "max_position_embeddings": 128,
}
PLAIN = {key: value for key, value in SMALL.items() if key != "num_key_value_heads"}
GEMMA = {**SMALL, "head_dim": 16}
QWEN_SLIDING = {"use_sliding_window": True, "sliding_window": 6, "max_window_layers": 1}
EXPERTS = {"num_experts": 5, "num_experts_per_tok": 2, "moe_intermediate_size": 20}
GPT2: dict[str, Any] = {"n_embd": 32, "n_layer": 3, "n_head": 4, "vocab_size": 96, "n_positions": 128}

MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("llama", SMALL),
    "llama, one key-value head per head": ("llama", {**SMALL, "num_key_value_heads": 4}),
    "llama, tied": ("llama", {**SMALL, "tie_word_embeddings": True}),
    "llama, wide heads": ("llama", {**SMALL, "head_dim": 24}),
    "llama, biases": ("llama", {**SMALL, "attention_bias": True, "mlp_bias": True}),
    "granite": ("granite", SMALL),
    "mistral": ("mistral", {**SMALL, "sliding_window": None}),
    "mistral, sliding": ("mistral", {**SMALL, "sliding_window": 6}),
    "mixtral": ("mixtral", {**SMALL, "num_local_experts": 5}),
    "qwen2": ("qwen2", SMALL),
    "qwen2, sliding": ("qwen2", {**SMALL, **QWEN_SLIDING}),
    "qwen2_moe": ("qwen2_moe", {**SMALL, **EXPERTS, "shared_expert_intermediate_size": 28}),
    "qwen2_moe, mixed layers": (
        "qwen2_moe",
        {**SMALL, **EXPERTS, **QWEN_SLIDING, "shared_expert_intermediate_size": 28, "decoder_sparse_step": 2},
    ),
    "qwen3": ("qwen3", {**SMALL, "head_dim": 16}),
    "qwen3, sliding": ("qwen3", {**SMALL, **QWEN_SLIDING, "head_dim": 16}),
    "qwen3_moe": ("qwen3_moe", {**SMALL, **EXPERTS, "head_dim": 16}),
    "qwen3_moe, mixed layers": ("qwen3_moe", {**SMALL, **EXPERTS, "head_dim": 16, "mlp_only_layers": [1]}),
    "qwen3_moe, sliding": ("qwen3_moe", {**SMALL, **EXPERTS, **QWEN_SLIDING, "head_dim": 16}),
    "gemma": ("gemma", GEMMA),
    "gemma2": ("gemma2", {**GEMMA, "sliding_window": 6}),
    "gemma3_text": ("gemma3_text", {**GEMMA, "sliding_window": 6, "num_hidden_layers": 7}),
    "phi": ("phi", SMALL),
    "phi3": ("phi3", {**SMALL, "pad_token_id": 0}),
    "phi3, sliding": ("phi3", {**SMALL, "pad_token_id": 0, "sliding_window": 6}),
    "gpt2": ("gpt2", GPT2),
    "gpt2, narrow and untied": ("gpt2", {**GPT2, "n_inner": 40, "tie_word_embeddings": False}),
    "gpt_neox": ("gpt_neox", PLAIN),
    "gpt_neox, no attention bias": ("gpt_neox", {**PLAIN, "attention_bias": False}),
    "gpt_oss": ("gpt_oss", {**SMALL, "head_dim": 16, "num_local_experts": 5, "sliding_window": 6}),
    "opt": ("opt", {**{k: v for k, v in PLAIN.items() if k != "intermediate_size"}, "ffn_dim": 48}),
    "olmo": ("olmo", SMALL),
    "olmo2": ("olmo2", SMALL),
    "olmo3": ("olmo3", {**SMALL, "sliding_window": 6, "num_hidden_layers": 5}),
    "olmoe": ("olmoe", {**SMALL, "num_experts": 5, "num_experts_per_tok": 2}),
    "smollm3": ("smollm3", {**SMALL, "pad_token_id": 0}),
    "smollm3, sliding": ("smollm3", {**SMALL, **QWEN_SLIDING, "pad_token_id": 0, "no_rope_layer_interval": 2}),
    "starcoder2": ("starcoder2", SMALL),
    "starcoder2, sliding, no biases": ("starcoder2", {**SMALL, "sliding_window": 6, "use_bias": False}),
}
ONE_BY_ONE = GenerationWay()


def config_of(name: str) -> Any:
    family, sizes = MODELS[name]
    return transformers.AutoConfig.for_model(family, **sizes)


def build(config: Any) -> Any:
    torch.manual_seed(0)
    experts = {"experts_implementation": "eager"} if any("expert" in key for key in config.to_dict()) else {}
    return transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager", **experts).eval()


def counted(model: Any, lengths: Sequence[int], steps: int, **arguments: Any) -> int:
    """Operations that torch counts in one `generate` of left-padded prompts, with `steps` new tokens."""
    width = max(lengths)
    ids = torch.randint(3, 90, (len(lengths), width), generator=torch.Generator().manual_seed(1))
    mask = torch.tensor([[0] * (width - length) + [1] * length for length in lengths])
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.generate(
            input_ids=ids,
            attention_mask=mask,
            max_new_tokens=steps,
            min_new_tokens=steps,
            do_sample=False,
            pad_token_id=0,
            **arguments,
        )
    return int(counter.get_total_flops())


def computed(
    config: Any,
    lengths: Sequence[int],
    steps: int,
    way: GenerationWay = ONE_BY_ONE,
    static_cache_length: int | None = None,
) -> FlopsResult:
    work = GeneratedWork(max(lengths), steps, tuple(lengths), (steps,) * len(lengths), static_cache_length)
    return exact_flops(shape_of(config.to_dict()), [work], "fp32", way)


@pytest.mark.parametrize("name", MODELS)
def test_every_family_gives_the_integer_that_torch_counts(name: str) -> None:
    config = config_of(name)
    assert computed(config, [9, 5], 5).value == counted(build(config), [9, 5], 5)


@pytest.mark.parametrize("name", MODELS)
def test_every_family_has_as_many_parameters_as_the_real_model(name: str) -> None:
    config = config_of(name)
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(config)
    shape = shape_of(config.to_dict())
    assert shape is not None
    assert shape.n_parameters == sum(parameter.numel() for parameter in model.parameters())
    assert shape.tied == (model.get_input_embeddings().weight is model.get_output_embeddings().weight)


def test_no_family_is_left_out() -> None:
    assert {family for family, _ in MODELS.values()} == set(FAMILIES)


@pytest.mark.parametrize("name", ["llama", "mixtral", "mistral, sliding", "gemma3_text", "gpt2"])
def test_the_useful_part_is_what_torch_counts_for_every_prompt_alone(name: str) -> None:
    config, lengths, new_tokens = config_of(name), (9, 4, 1), (5, 7, 1)
    model = build(config)
    alone = sum(counted(model, [length], new) for length, new in zip(lengths, new_tokens))
    work = GeneratedWork(9, 7, lengths, new_tokens)
    assert exact_flops(shape_of(config.to_dict()), [work], "fp32").flops_useful == alone


@pytest.mark.parametrize("steps", [1, 2, 3, 9])
def test_a_sliding_window_is_counted_from_the_step_that_fills_it(steps: int) -> None:
    config = config_of("mistral, sliding")
    assert computed(config, [4], steps).value == counted(build(config), [4], steps)


def test_prefill_is_what_one_forward_for_one_token_takes() -> None:
    config = config_of("llama")
    assert computed(config, [9, 5], 8).flops_prefill == counted(build(config), [9, 5], 1)


def test_the_example_of_the_methodology_gives_978_944_000() -> None:
    sizes = {"hidden_size": 256, "intermediate_size": 688, "num_hidden_layers": 4, "num_attention_heads": 8}
    config = transformers.AutoConfig.for_model("llama", **sizes, vocab_size=4096)
    model = build(config)
    assert counted(model, [64], 64) == computed(config, [64], 64).value == 978_944_000


LLAMA_8B = {**SMALL, "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "vocab_size": 128256}
HEADS_8B = {"num_attention_heads": 32, "num_key_value_heads": 8}


def test_the_shape_of_an_8b_model_gives_the_integer_that_torch_counts_without_its_weights() -> None:
    config = transformers.AutoConfig.for_model("llama", **{**LLAMA_8B, **HEADS_8B})
    rows, length = 2, 512
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval()
        cache = transformers.DynamicCache(config=config)
        for start, new in ((0, length), (length, 1), (length + 1, 1)):
            model(
                input_ids=torch.zeros(rows, new, dtype=torch.long),
                position_ids=torch.arange(start, start + new).expand(rows, new),
                past_key_values=cache,
                logits_to_keep=1,
            )
    assert counter.get_total_flops() == computed(config, [length] * rows, 3).value == 14_631_744_569_344


@pytest.mark.parametrize("name", ["llama", "gemma2", "mixtral"])
def test_without_a_cache_every_step_runs_over_the_whole_sequence(name: str) -> None:
    config = config_of(name)
    result = computed(config, [9, 5], 4, GenerationWay(use_cache=False))
    assert result.value == counted(build(config), [9, 5], 4, use_cache=False)


@pytest.mark.parametrize("name", ["llama", "gemma2", "mistral, sliding", "gpt2"])
@pytest.mark.parametrize("length", [4, 9])
def test_a_static_cache_is_covered_from_end_to_end(name: str, length: int) -> None:
    config, steps = config_of(name), 5
    model = build(config)
    cache = {"cache_implementation": "static", "disable_compile": True}
    result = computed(config, [length, 3], steps, static_cache_length=length + steps - 1)
    assert result.value == counted(model, [length, 3], steps, **cache)


def test_a_static_cache_stays_as_long_as_an_earlier_call_made_it() -> None:
    config, cache = config_of("llama"), {"cache_implementation": "static", "disable_compile": True}
    model = build(config)
    counted(model, [20], 5, **cache)
    assert computed(config, [9, 5], 5, static_cache_length=20 + 5 - 1).value == counted(model, [9, 5], 5, **cache)


@pytest.mark.parametrize("name", ["llama", "mixtral"])
def test_beam_search_runs_every_beam_as_a_row(name: str) -> None:
    config = config_of(name)
    model = build(config)
    model.generation_config.eos_token_id = None
    result = computed(config, [9, 5], 4, GenerationWay(beams=3))
    assert result.value == counted(model, [9, 5], 4, num_beams=3)
    assert result.flops_useful is None


class EndsFirstRow(transformers.StoppingCriteria):  # type: ignore[misc]
    """The first row is done after two new tokens, the others never are."""

    def __init__(self, length: int) -> None:
        self.length = length

    def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> torch.Tensor:
        done = torch.zeros(len(input_ids), dtype=torch.bool)
        done[0] = input_ids.shape[1] >= self.length + 2
        return done


def test_a_row_that_ended_early_is_executed_until_the_last_one_ends() -> None:
    config = config_of("llama")
    executed = counted(build(config), [9, 5], 6, stopping_criteria=[EndsFirstRow(9)])
    result = exact_flops(shape_of(config.to_dict()), [GeneratedWork(9, 6, (9, 5), (2, 6))], "fp32")
    assert result.value == executed
    assert result.flops_useful is not None
    assert result.flops_useful < executed


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
@pytest.mark.parametrize(("name", "targets"), [("llama", ["q_proj", "v_proj", "down_proj"]), ("gpt2", ["c_attn"])])
def test_an_adapter_that_is_not_merged_adds_its_two_thin_matrices(name: str, targets: list[str]) -> None:
    peft = pytest.importorskip("peft")
    config, rank = config_of(name), 3
    settings = peft.LoraConfig(r=rank, target_modules=targets, fan_in_fan_out=name == "gpt2")
    model = peft.get_peft_model(build(config), settings).eval()
    adapter = sum(value.numel() for key, value in model.named_parameters() if "lora_" in key)
    shape = shape_of(config.to_dict())
    assert shape is not None
    per_layer = rank * (32 + 96) if name == "gpt2" else rank * ((32 + 32) + (32 + 16) + (48 + 32))
    assert adapter == shape.n_layers * per_layer
    result = computed(config, [9, 5], 5, GenerationWay(adapter_parameters=adapter))
    assert result.value == counted(model, [9, 5], 5)
