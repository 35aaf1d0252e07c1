"""Names of factors and levels for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llenergymeasure.domain.study.design import Factor

# Where the words of a field are not its name with spaces.
_NAMES = {
    "n": "number of prompts",
    "pytorch.attn_implementation": "attention",
    "pytorch.torch_compile": "torch.compile",
    "pytorch.torch_compile_mode": "mode of torch.compile",
    "pytorch.torch_compile_backend": "backend of torch.compile",
    "pytorch.load_in_4bit": "4-bit weights",
    "pytorch.load_in_8bit": "8-bit weights",
    "pytorch.bnb_4bit_quant_type": "4-bit type",
    "pytorch.use_cache": "KV cache",
    "pytorch.cache_implementation": "kind of KV cache",
    "pytorch.num_processes": "number of processes",
    "max_input_tokens": "input length",
    "max_output_tokens": "output length",
    "min_output_tokens": "least output length",
    "vllm.max_num_seqs": "number of sequences",
    "vllm.tensor_parallel_size": "tensor parallelism",
    "traffic.rate": "request rate",
    "traffic.mode": "arrivals",
    "server.url": "server",
    "server.launch": "server command",
    "server.arguments.max-num-seqs": "number of sequences",
    "tensorrt.tp_size": "tensor parallelism",
    "decoder.decoding_strategy": "decoding",
    "decoder.speculative_decoding": "speculative decoding",
}


def field_name(field: str) -> str:
    """The name of a dotted field: `pytorch.batch_size` is `batch size`."""
    return _NAMES.get(field) or field.rpartition(".")[2].replace("_", " ")


def factor_name(factor: Factor) -> str:
    """The name of a factor; of fields that change together, all of them."""
    return listed([field_name(field) for field in factor.fields])


def level_text(level: Any) -> str:
    """A level: `on` and `off` for switches, `default` for none, `128/256` for fields that change together, `4` for 4.0."""
    if isinstance(level, (tuple, list)):
        return "/".join(map(level_text, level))
    if isinstance(level, bool):
        return "on" if level else "off"
    if isinstance(level, float) and level.is_integer():
        return f"{level:.0f}"
    return "default" if level is None else str(level)


def listed(parts: Sequence[str]) -> str:
    """`a`, `a and b`, or `a, b and c`."""
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))
