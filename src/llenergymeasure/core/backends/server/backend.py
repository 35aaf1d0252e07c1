"""The server backend: it passes a server's loader to the harness, and adds what is known about the server to the result."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.backends.server.collect import ServerCollector
from llenergymeasure.core.backends.server.loading import ServerLoader
from llenergymeasure.core.harness import OpenExperiment, open_experiment
from llenergymeasure.core.instruments import Instruments
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.protocols import ModelLoader


class ServerBackend:
    """Measures models in servers with the HTTP interface of OpenAI."""

    name = "server"

    def __init__(self, instruments: Instruments, loader: ModelLoader | None = None) -> None:
        of_server = ServerCollector(instruments.gpu_processes)
        self._instruments = replace(instruments, collectors=(*instruments.collectors, of_server))
        self._loader = loader or ServerLoader(
            instruments.clock, gpu_processes=instruments.gpu_processes, progress=instruments.progress
        )

    def open(self, config: ExperimentConfig) -> AbstractContextManager[OpenExperiment]:
        return open_experiment(config, self._loader, self._instruments)

    def run(self, config: ExperimentConfig) -> ExperimentResult:
        with self.open(config) as experiment:
            return experiment.measure()
