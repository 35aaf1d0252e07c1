"""FLOPs of the window, by the PaLM rule and from the architecture."""

from __future__ import annotations

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.collect.latency import FromRecords
from llenergymeasure.core.flops.architecture import shape_of
from llenergymeasure.core.flops.count import GeneratedWork, GenerationWay, exact_flops, palm_flops
from llenergymeasure.domain.measurements import FlopsResult, ModelInfo
from llenergymeasure.protocols import BatchRecord, Window


class PalmFlopsCollector(FromRecords):
    """2 x N x tokens."""

    block = "flops"

    def collect(self, window: Window) -> FlopsResult:
        return palm_flops(
            window.engine.info.n_matmul_parameters,
            input_tokens=sum(sum(batch.input_lengths) for batch in window.batches),
            output_tokens=sum(len(ids) for batch in window.batches for ids in batch.output_ids),
            precision=window.config.precision,
            why_unknown=window.engine.info.parameters_reason,
        )


class ExactFlopsCollector(FromRecords):
    """From the architecture, where its class is known."""

    block = "flops_architecture"

    def __init__(self) -> None:
        self._static_length = 0

    def collect(self, window: Window) -> FlopsResult | None:
        shape = shape_of(window.engine.architecture)
        if shape is None:
            return None
        if _CHANGES_PASSES & set(window.config.passthrough_kwargs or {}):
            return exact_flops(None, (), window.config.precision)
        works = [self._work(batch, window) for batch in window.batches]
        way = _way(window.config, window.engine.info.adapter_parameters)
        found = exact_flops(shape, works, window.config.precision, way)
        return _checked(found, window.engine.info)

    def _work(self, batch: BatchRecord, window: Window) -> GeneratedWork:
        lengths = tuple(len(ids) for ids in batch.output_ids)
        return GeneratedWork(
            padded_length=batch.padded_length,
            steps=batch.step_tokens[-1] if batch.step_tokens else max(lengths),
            input_lengths=batch.input_lengths,
            output_lengths=lengths,
            static_cache_length=self._cache_length(batch, window),
        )

    def _cache_length(self, batch: BatchRecord, window: Window) -> int | None:
        """transformers never shrinks a static cache: it has the longest length met so far, warm-up included."""
        config = window.config
        if config.pytorch_settings.cache_implementation is None:
            return None
        widest = max(other.padded_length for other in window.batches)
        warmed = widest + min(config.warmup.max_new_tokens, config.output_limit) - 1 if config.warmup.enabled else 0
        self._static_length = max(self._static_length, warmed, batch.padded_length + config.output_limit - 1)
        return self._static_length


def _checked(found: FlopsResult, info: ModelInfo) -> FlopsResult:
    """Low confidence where the loaded modules do not have the parameters that the architecture says."""
    counted = info.n_matmul_parameters_counted
    if found.value is None or counted is None or counted == info.n_matmul_parameters:
        return found
    difference = (
        f"the architecture has {info.n_matmul_parameters} parameters in matrix products, the modules have {counted}"
    )
    return found.model_copy(update={"confidence": "low", "notes": f"{difference}; {found.notes}"})


# Arguments of `generate` that change how often or over how much the model runs.
_CHANGES_PASSES = frozenset({"guidance_scale", "prefill_chunk_size", "dola_layers", "penalty_alpha", "custom_generate"})


def _way(config: ExperimentConfig, adapter_parameters: int | None) -> GenerationWay:
    section, decoder = config.pytorch_settings, config.decoder
    return GenerationWay(
        adapter_parameters=adapter_parameters,
        beams=decoder.beams,
        use_cache=section.use_cache is not False,
        speculative=decoder.speculative_decoding or section.prompt_lookup_num_tokens is not None,
    )
