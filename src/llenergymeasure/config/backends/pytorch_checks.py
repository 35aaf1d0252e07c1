"""Checks the settings that speculative and prompt-lookup decoding depend on.

The rules are those of transformers for assisted generation. With beam search, transformers would ignore the settings
without an error.
"""

from __future__ import annotations

from llenergymeasure.config.backends.pytorch import PyTorchConfig
from llenergymeasure.config.base import ContradictionError
from llenergymeasure.config.sections import DecoderConfig

DRAFT, LOOKUP = "decoder.speculative_decoding", "pytorch.prompt_lookup_num_tokens"


def check_token_proposals(decoder: DecoderConfig, section: PyTorchConfig) -> None:
    """Refuse settings under which transformers would fail or ignore the proposed tokens.

    Raises:
        ContradictionError: two settings exclude each other; with both names and the fix.
    """
    lookup, draft = section.prompt_lookup_num_tokens is not None, decoder.speculative_decoding
    if draft and lookup:
        raise ContradictionError(
            "speculative_decoding and pytorch.prompt_lookup_num_tokens exclude each other", "keep one", LOOKUP, DRAFT
        )
    if draft:
        _check_proposals("speculative_decoding", DRAFT, decoder, section)
    elif lookup:
        _check_proposals(LOOKUP, LOOKUP, decoder, section)


def _check_proposals(name: str, field: str, decoder: DecoderConfig, section: PyTorchConfig) -> None:
    if decoder.decoding_strategy == "beam":
        fix = "set decoder.decoding_strategy: greedy or sampling"
        raise ContradictionError(f"{name} works with greedy and sampling", fix, field, "decoder.decoding_strategy")
    if section.effective_batch_size > 1:
        fix = f"set pytorch.batch_size: 1 (it is {section.batch_size})"
        raise ContradictionError(f"{name} works on one prompt at a time", fix, field, "pytorch.batch_size")
    if not section.effective_use_cache:
        fix = "set pytorch.use_cache: true, or remove it"
        raise ContradictionError(f"{name} needs a cache", fix, field, "pytorch.use_cache")
    if section.cache_implementation is not None:
        fix = "remove pytorch.cache_implementation"
        raise ContradictionError(f"{name} needs a dynamic cache", fix, field, "pytorch.cache_implementation")
