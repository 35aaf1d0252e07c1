"""The backend: the engine of examples/own_backend.py, which generates by copying the prompt."""

from __future__ import annotations

from own_backend import CopyLoader

from llenergymeasure.core.harness import open_experiment


class CopyBackend:
    """Opens experiments with the parts that it receives."""

    name = "copy"

    def __init__(self, instruments):
        self._instruments = instruments

    def open(self, config):
        return open_experiment(config, CopyLoader(self._instruments.clock), self._instruments)

    def run(self, config):
        with self.open(config) as experiment:
            return experiment.measure()
