"""Speculative and prompt-lookup decoding: what they need of the other settings.

As transformers demands of assisted generation; with beam search it would leave them out without an error.
"""

from __future__ import annotations

from llenergymeasure.config.backend_configs import PyTorchConfig
from llenergymeasure.config.sections import DecoderConfig


def check_token_proposals(decoder: DecoderConfig, section: PyTorchConfig) -> None:
    """Refuse settings under which proposed tokens would be refused or ignored at run time.

    Raises:
        ValueError: names both settings and the way out.
    """
    lookup = section.prompt_lookup_num_tokens is not None
    if decoder.speculative_decoding and lookup:
        raise ValueError("speculative_decoding and pytorch.prompt_lookup_num_tokens exclude each other: keep one")
    if not decoder.speculative_decoding and not lookup:
        return
    name = "pytorch.prompt_lookup_num_tokens" if lookup else "speculative_decoding"
    if decoder.decoding_strategy == "beam":
        raise ValueError(f"{name} works with greedy and sampling: set decoder.decoding_strategy to one, not beam")
    if section.effective_batch_size > 1:
        raise ValueError(f"{name} works on one prompt at a time: set pytorch.batch_size to 1, not {section.batch_size}")
    if not section.effective_use_cache:
        raise ValueError(f"{name} needs a cache: set pytorch.use_cache to true, or remove it")
    if section.cache_implementation is not None:
        raise ValueError(f"{name} needs a dynamic cache: remove pytorch.cache_implementation")
