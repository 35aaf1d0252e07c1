"""FLOPs of the window, by the PaLM rule and from the architecture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from llenergymeasure.core.collect.latency import FromRecords
from llenergymeasure.core.collect.stretches import cached_tokens_of, tokens_of
from llenergymeasure.core.flops.architecture import shape_of
from llenergymeasure.core.flops.count import GeneratedWork, GenerationWay, exact_flops, palm_flops
from llenergymeasure.core.generation_settings import proposers, settings_of
from llenergymeasure.domain.measurements import FlopsResult, ModelInfo
from llenergymeasure.protocols import Window
from llenergymeasure.records import BatchRecord, RequestRecord, RunRecords


class PalmFlopsCollector(FromRecords):
    """FLOPs by the PaLM rule: 2 x parameters x tokens."""

    block = "flops"

    def collect(self, window: Window) -> FlopsResult:
        input_tokens, output_tokens = tokens_of(window)
        return palm_flops(
            window.engine.info.n_matmul_parameters,
            input_tokens=max(input_tokens - _cached_tokens(window), 0),
            output_tokens=output_tokens,
            precision=_precision(window),
            why_unknown=window.engine.info.parameters_reason,
        )


class ExactFlopsCollector(FromRecords):
    """FLOPs from the architecture; None where its family is not known."""

    block = "flops_architecture"

    def __init__(self) -> None:
        self._static_length = 0

    def collect(self, window: Window) -> FlopsResult | None:
        shape = shape_of(window.engine.architecture)
        if shape is None:
            return None
        works = [work for one in window.passes for work in self._works(one, window)]
        way = _way(settings_of(window.config, window.engine.info), window)
        found = exact_flops(shape, works, _precision(window), way)
        return _checked(_without_graph_padding(found, window.engine.info), window.engine.info)

    def _works(self, records: RunRecords, window: Window) -> Iterator[GeneratedWork]:
        """One work per batch, and one per request that is in no batch, without padding."""
        rows: dict[int | None, list[RequestRecord]] = {}
        for request in records.requests:
            rows.setdefault(request.batch, []).append(request)
        for number, batch in enumerate(records.batches):
            yield self._work(batch, rows[number], window)
        yield from map(_work_alone, rows.get(None, ()))

    def _work(self, batch: BatchRecord, rows: Sequence[RequestRecord], window: Window) -> GeneratedWork:
        lengths = tuple(row.output_tokens for row in rows)
        return GeneratedWork(
            padded_length=batch.padded_length,
            steps=batch.step_tokens[-1] if batch.step_tokens else max(lengths),
            input_lengths=tuple(row.input_tokens for row in rows),
            output_lengths=lengths,
            static_cache_length=self._cache_length(batch, window),
        )

    def _cache_length(self, batch: BatchRecord, window: Window) -> int | None:
        """Length of a static cache: transformers never shrinks it, so it is the longest so far, warm-up included."""
        config, settings = window.config, settings_of(window.config, window.engine.info)
        if settings.get("cache_implementation") is None:
            return None
        widest = max(other.padded_length for other in window.batches)
        warmed = widest + _warmup_tokens(window) - 1 if config.warmup.enabled else 0
        needed = max(batch.padded_length + config.output_limit - 1, settings.get("max_cache_len") or 0)
        self._static_length = max(self._static_length, warmed, needed)
        return self._static_length


def _precision(window: Window) -> str | None:
    """The number format; a server has a format of its own."""
    return None if window.is_of_server else window.config.precision


def _work_alone(request: RequestRecord) -> GeneratedWork:
    return GeneratedWork(request.input_tokens, request.output_tokens, (request.input_tokens,), (request.output_tokens,))


def _without_graph_padding(found: FlopsResult, info: ModelInfo) -> FlopsResult:
    """The result with medium confidence where the engine pads a step to the size of a CUDA graph, which is not counted."""
    mode = info.effective_settings.get("cudagraph_mode")
    if found.value is None or mode in (None, "NONE"):
        return found
    padding = f"the engine pads a step to the size of a recorded CUDA graph ({mode}), and this padding is not counted"
    return found.model_copy(update={"confidence": "medium", "notes": f"{padding}; {found.notes}"})


def _warmup_tokens(window: Window) -> int:
    """Most tokens that warm-up asked for: all of them where it met the shapes of a compiled model."""
    limit = window.config.output_limit
    return limit if window.shapes_were_met else min(window.config.warmup.max_new_tokens, limit)


def _checked(found: FlopsResult, info: ModelInfo) -> FlopsResult:
    """The result with low confidence where the loaded modules and the architecture differ in parameters."""
    counted = info.n_matmul_parameters_counted
    if found.value is None or counted is None or counted == info.n_matmul_parameters:
        return found
    difference = (
        f"the architecture has {info.n_matmul_parameters} parameters in matrix products, the modules have {counted}"
    )
    return found.model_copy(update={"confidence": "low", "notes": f"{difference}; {found.notes}"})


# Settings that change the number or the length of forward passes, with the value at which they have no effect.
_CHANGES_PASSES = {
    "guidance_scale": 1, "prefill_chunk_size": 0, "dola_layers": 0, "penalty_alpha": 0, "custom_generate": 0,
    "token_healing": 0,
}  # fmt: skip


def _way(settings: Mapping[str, Any], window: Window) -> GenerationWay:
    return GenerationWay(
        adapter_parameters=window.engine.info.adapter_parameters,
        beams=settings["num_beams"],
        use_cache=settings["use_cache"],
        unknown_because=_why_unknown(settings, window),
    )


def _counted(window: Window, name: Literal["cached_tokens", "preemptions"]) -> int:
    """A counter of the engine's scheduler, over all passes; 0 without a scheduler."""
    return sum(getattr(one.scheduler, name) for one in window.passes if one.scheduler is not None)


def _cached_tokens(window: Window) -> int:
    """Input tokens that a prefix cache had, as far as it is reported."""
    return _counted(window, "cached_tokens") + (cached_tokens_of(window) or 0)


def _why_unknown(settings: Mapping[str, Any], window: Window) -> str | None:
    """Why the number of forward passes is unknown; None when there was one per step."""
    if window.is_of_server:
        return "a server does not report its forward passes, nor which of them were in the window"
    if _counted(window, "cached_tokens"):
        return "the prefix cache had a part of the prompts, and which part of each is not known"
    if _counted(window, "preemptions"):
        return "tokens of preempted requests were computed again, and their number is not known"
    drafting = proposers(settings)
    if drafting:
        return f"with speculative decoding ({', '.join(drafting)}) the number of passes of each model is unknown"
    changed = [name for name, neutral in _CHANGES_PASSES.items() if settings.get(name) not in (None, neutral)]
    return f"{', '.join(changed)} changes the number or the length of the model's passes" if changed else None
