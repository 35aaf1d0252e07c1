"""Floating point operations of generation, in closed form. A multiplication and an addition count as two.

```
h hidden, L layers, H query heads, d head size, V vocabulary, S prompt, T new tokens, B rows
P_lin   = matrix parameters that process a token in all layers, A = adapter parameters
prefill = B (2 (P_lin + A) S + 4 L H d S^2 + 2 h V)
decode  = B sum_{t=1}^{T-1} [2 (P_lin + A) + 4 L H d (S + t) + 2 h V]
```

The results equal those of `torch.utils.flop_counter.FlopCounterMode` for transformers' `generate` with eager attention
and eager experts: attention is dense, the head processes the last position only, and norms, biases, activations, softmax
and the embedding look-up are not counted. Kernels that skip masked positions execute fewer operations.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from llenergymeasure.core.flops.dimensions import TransformerShape
from llenergymeasure.domain.measurements import FlopsResult

CONVENTION = (
    "matrix products as eager attention and eager experts execute them: dense attention, padding included, output head "
    "at the last position; kernels that skip masked positions execute fewer"
)


@dataclass(frozen=True)
class GeneratedWork:
    """The work of one `generate` call on one batch.

    Attributes:
        padded_length: executed input tokens per row, padding included.
        steps: executed new tokens per row, at least 1: a row that ended early runs on until the last one ends.
        input_lengths: useful input tokens per row.
        output_lengths: useful new tokens per row, end-of-sequence included.
        static_cache_length: positions of a static cache, all of which attention covers; None = the cache grows.
            transformers uses the largest size that this or an earlier call on the same model requested: padded length +
            most new tokens - 1.
    """

    padded_length: int
    steps: int
    input_lengths: tuple[int, ...]
    output_lengths: tuple[int, ...]
    static_cache_length: int | None = None


@dataclass(frozen=True)
class GenerationWay:
    """Settings of generation that change the number of operations.

    Attributes:
        adapter_parameters: parameters of an adapter that was not merged: sum of r (in + out) over the adapted matrices;
            None for an adapter whose operations are not known.
        beams: number of beams per prompt.
        use_cache: False = every step processes the whole sequence again.
        unknown_because: why the number of forward passes is unknown; None = there was one per step.
    """

    adapter_parameters: int | None = 0
    beams: int = 1
    use_cache: bool = True
    unknown_because: str | None = None


PLAIN = GenerationWay()


def palm_flops(
    n_matmul_parameters: int | None,
    input_tokens: int,
    output_tokens: int,
    precision: str | None,
    why_unknown: str | None = None,
) -> FlopsResult:
    """2 x N x tokens: forward passes by PaLM's rule (arXiv 2204.02311, appendix B), without attention.

    Args:
        n_matmul_parameters: N, parameters in matrix products per token: without the input embedding, with the output
            head even when tied, and of routed experts those that process a token. None when unknown.
        input_tokens: useful input tokens.
        output_tokens: generated tokens.
        precision: number format of the model; None when not known.
        why_unknown: why N is None.

    Returns:
        The operations; None when N is unknown.
    """
    if n_matmul_parameters is None:
        return _unknown("palm", precision, why_unknown or "the number of parameters is unknown")
    prefill, decode = 2 * n_matmul_parameters * input_tokens, 2 * n_matmul_parameters * output_tokens
    return FlopsResult(
        value=prefill + decode,
        method="palm",
        confidence="medium",
        precision=precision,
        notes=f"2 x N x tokens, N = {n_matmul_parameters} parameters in matrix products; attention left out",
        flops_prefill=prefill,
        flops_decode=decode,
        flops_useful=prefill + decode,
    )


def exact_flops(
    shape: TransformerShape | None, batches: Iterable[GeneratedWork], precision: str | None, way: GenerationWay = PLAIN
) -> FlopsResult:
    """Executed and useful operations, computed from the architecture.

    Args:
        shape: the shape by `architecture.shape_of`; None when the architecture is not known.
        batches: every `generate` call of the window.
        precision: number format of the model; None when not known.
        way: how the batches were generated.

    Returns:
        Executed operations, padding included. `flops_useful` are the operations of the rows one by one, each with its own
        lengths; None under beam search. The value is None without a shape or with an unknown number of passes.
    """
    if shape is None:
        return _unknown("architecture", precision, "the operations of this architecture are not known")
    if way.unknown_because is not None:
        return _unknown("architecture", precision, way.unknown_because)
    if way.adapter_parameters is None:
        return _unknown("architecture", precision, "the operations of the adapter are not known")
    works, count = tuple(batches), _Count(shape, way, way.adapter_parameters)
    prefill = sum(count.prefill(work) for work in works)
    decode = sum(count.decode(work) for work in works)
    return FlopsResult(
        value=prefill + decode,
        method="architecture",
        confidence="high",
        precision=precision,
        notes=CONVENTION if way.beams == 1 else f"{CONVENTION}; {way.beams} beams per prompt",
        flops_prefill=prefill,
        flops_decode=decode,
        flops_useful=sum(count.useful(work) for work in works) if way.beams == 1 else None,
    )


def _unknown(method: Literal["palm", "architecture"], precision: str | None, reason: str) -> FlopsResult:
    return FlopsResult(method=method, confidence="low", precision=precision, notes=f"not computed: {reason}")


@dataclass(frozen=True)
class _Count:
    """Operations of one shape."""

    shape: TransformerShape
    way: GenerationWay
    adapter_parameters: int

    def prefill(self, work: GeneratedWork) -> int:
        return self._rows(work) * self._forward(work.padded_length, 1, self._covered_first(work))

    def decode(self, work: GeneratedWork) -> int:
        n_steps = work.steps - 1
        if self.way.use_cache:
            return self._rows(work) * self._forward(n_steps, n_steps, self._covered_later(work))
        lengths = range(work.padded_length + 1, work.padded_length + work.steps)
        covered = self.shape.n_layers * sum(length * length for length in lengths)
        return self._rows(work) * self._forward(sum(lengths), n_steps, covered)

    def useful(self, work: GeneratedWork) -> int:
        """Operations of each row alone, with its own lengths and a growing cache."""
        rows = [
            GeneratedWork(length, new, (length,), (new,))
            for length, new in zip(work.input_lengths, work.output_lengths)
        ]
        return sum(self.prefill(row) + self.decode(row) for row in rows)

    def _rows(self, work: GeneratedWork) -> int:
        return len(work.input_lengths) * self.way.beams

    def _forward(self, tokens: int, passes: int, covered: int) -> int:
        """Operations of one row: `tokens` in the layers, `passes` in the head, `covered` position pairs in attention."""
        shape = self.shape
        linear = 2 * (shape.linear_parameters + self.adapter_parameters) * tokens
        return linear + 2 * shape.head_parameters * passes + 4 * shape.n_heads * shape.head_dim * covered

    def _covered_first(self, work: GeneratedWork) -> int:
        """Pairs of positions that attention covers in prefill, over all layers."""
        length = work.padded_length
        return sum(n_layers * length * max(length, _static(work, window) or 0) for window, n_layers in self._windows())

    def _covered_later(self, work: GeneratedWork) -> int:
        """Pairs of positions that attention covers in decode, over all layers."""
        return sum(n_layers * _covered_by_steps(work, window) for window, n_layers in self._windows())

    def _windows(self) -> Iterable[tuple[int | None, int]]:
        return Counter(self.shape.windows).items()


def _static(work: GeneratedWork, window: int | None) -> int | None:
    """Positions of a layer's static cache; None when the cache grows."""
    length = work.static_cache_length
    return length if length is None or window is None else min(length, window)


def _covered_by_steps(work: GeneratedWork, window: int | None) -> int:
    """Sum over the decode steps t of the positions that one new token attends to: S + t, at most the window."""
    n_steps, static = work.steps - 1, _static(work, window)
    if static is not None:
        return n_steps * static
    growing = n_steps if window is None else min(max(window - work.padded_length, 0), n_steps)
    full = n_steps - growing
    return growing * work.padded_length + growing * (growing + 1) // 2 + full * (window or 0)
