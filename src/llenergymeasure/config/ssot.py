"""The single list of what each inference backend supports. Values that are not listed are refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

Backend = Literal["pytorch", "vllm", "tensorrt", "server"]
Precision = Literal["fp32", "fp16", "bf16", "int8", "fp8", "int4"]
DecodingStrategy = Literal["greedy", "sampling", "beam"]

BACKENDS: tuple[str, ...] = get_args(Backend)

# The backend that a section of an experiment belongs to. All other sections are common.
BACKEND_OF_SECTION: Mapping[str, str] = {**{name: name for name in BACKENDS}, "traffic": "server", "slo": "server"}

DEFAULT_BEAMS = 4

PRECISION_SUPPORT: Mapping[str, tuple[str, ...]] = {
    "pytorch": ("fp32", "fp16", "bf16"),
    "vllm": ("fp16", "bf16", "int8", "int4"),
    "tensorrt": ("fp16", "int8", "fp8", "int4"),
    "server": get_args(Precision),  # the server was started with one; it is not sent
}

# Precisions that a backend has as another setting, by backend and precision.
QUANTISED_BY: Mapping[tuple[str, str], str] = {
    ("pytorch", "int8"): "pytorch.load_in_8bit: true",
    ("pytorch", "int4"): "pytorch.load_in_4bit: true",
}

DECODING_SUPPORT: Mapping[str, tuple[str, ...]] = {
    "pytorch": ("greedy", "sampling", "beam"),
    "vllm": ("greedy", "sampling", "beam"),
    "tensorrt": ("greedy", "sampling"),
    "server": ("greedy", "sampling"),
}

LORA_SUPPORT: tuple[str, ...] = ("pytorch", "vllm")

# Prompts of this package; every other dataset by name is a file.
BUILTIN_PROMPTS = ("aienergyscore",)

# Built-in models that consist of an architecture and a tokenizer: weights are drawn from the seed unless something else is set.
MODELS_WITHOUT_WEIGHTS = ("builtin/tiny-llama",)
