"""Checks settings of an experiment that do not go together in vLLM."""

from __future__ import annotations

from llenergymeasure.config.backends.vllm import VLLMConfig
from llenergymeasure.config.base import ContradictionError
from llenergymeasure.config.sections import DecoderConfig, LoRAConfig


def check_vllm(section: VLLMConfig, decoder: DecoderConfig, lora: LoRAConfig | None, output_limit: int) -> None:
    """Refuse settings under which vLLM would fail or ignore one of them.

    Raises:
        ContradictionError: two settings exclude each other; with both names and the fix.
    """
    _check_proposals(section, decoder)
    if lora is not None:
        _check_lora(section, lora)
    if section.max_model_len is not None and section.max_model_len <= output_limit:
        problem = (
            f"vllm.max_model_len {section.max_model_len} has no space for a prompt and {output_limit} output tokens"
        )
        fix = f"set vllm.max_model_len above {output_limit}, or lower max_output_tokens"
        raise ContradictionError(problem, fix, "vllm.max_model_len", "max_output_tokens")


def _check_proposals(section: VLLMConfig, decoder: DecoderConfig) -> None:
    if decoder.speculative_decoding:
        raise ContradictionError(
            "decoder.speculative_decoding is a setting of pytorch",
            f"set vllm.speculative: {{model: {decoder.draft_model}, num_tokens: 5}}",
            "decoder.speculative_decoding",
            "backend",
        )
    if section.speculative is not None and decoder.decoding_strategy == "beam":
        fix = "set decoder.decoding_strategy: greedy or sampling"
        problem = "vllm.speculative works with greedy and sampling, not with beam"
        raise ContradictionError(problem, fix, "vllm.speculative", "decoder.decoding_strategy")


def _check_lora(section: VLLMConfig, lora: LoRAConfig) -> None:
    if section.enable_lora is False:
        problem = "vllm.enable_lora is false, but lora names an adapter"
        raise ContradictionError(problem, "remove one of them", "vllm.enable_lora", "lora")
    if lora.merge_weights:
        problem = "vLLM applies an adapter beside the weights and does not merge it"
        raise ContradictionError(problem, "remove lora.merge_weights", "lora.merge_weights", "backend")
