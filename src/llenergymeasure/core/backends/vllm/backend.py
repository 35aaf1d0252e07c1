"""The vLLM backend: it passes vLLM's loader to the harness."""

from __future__ import annotations

from contextlib import AbstractContextManager

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.backends.vllm.loading import VLLMLoader
from llenergymeasure.core.harness import OpenExperiment, open_experiment
from llenergymeasure.core.instruments import Instruments
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.protocols import ModelLoader


class VLLMBackend:
    """Measures models with vLLM."""

    name = "vllm"

    def __init__(self, instruments: Instruments, loader: ModelLoader | None = None) -> None:
        self._instruments = instruments
        self._loader = loader or VLLMLoader(instruments.clock)

    def open(self, config: ExperimentConfig) -> AbstractContextManager[OpenExperiment]:
        return open_experiment(config, self._loader, self._instruments)

    def run(self, config: ExperimentConfig) -> ExperimentResult:
        with self.open(config) as experiment:
            return experiment.measure()
