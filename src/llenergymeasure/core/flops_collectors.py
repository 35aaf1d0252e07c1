"""FLOPs of the window, by the PaLM rule and from the architecture."""

from __future__ import annotations

from llenergymeasure.core.flops import palm_flops
from llenergymeasure.domain.measurements import FlopsResult
from llenergymeasure.protocols import InferenceEngine, Window


class PalmFlopsCollector:
    """2 x N x tokens."""

    block = "flops"

    def arm(self, engine: InferenceEngine) -> None:
        """Nothing to prepare."""

    def collect(self, window: Window) -> FlopsResult:
        return palm_flops(
            window.engine.info.n_matmul_parameters,
            input_tokens=sum(sum(batch.input_lengths) for batch in window.batches),
            output_tokens=sum(len(ids) for batch in window.batches for ids in batch.output_ids),
            precision=window.config.precision,
        )
