"""The smallest experiment that the real backend runs, as plain values."""

from __future__ import annotations

TINY = {
    "model": "builtin/tiny-llama", "precision": "fp32", "n": 1, "max_input_tokens": 4, "max_output_tokens": 2,
    "min_output_tokens": 2, "warmup": {"enabled": False}, "baseline": {"enabled": False},
}  # fmt: skip
