"""The engine: copies the prompt, a token at a time, each at its own time."""

from __future__ import annotations

from dataclasses import dataclass, replace

from own_backend import CopyEngine, Prompt

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.harness import OpenExperiment, open_experiment
from llenergymeasure.core.instruments import Instruments
from llenergymeasure.protocols import Clock
from llenergymeasure.records import RequestRecord
from paced import LONGER, TOKEN_S


class PacedEngine(CopyEngine):
    """Sleeps until the time of each token."""

    def __init__(self, config: ExperimentConfig, clock: Clock) -> None:
        super().__init__(config, clock)
        self._token_s = TOKEN_S[config.precision] * (LONGER if config.max_input_tokens == 64 else 1.0)

    def _copy(self, batch: Prompt, limit: int) -> RequestRecord:
        started_s = self._clock.now()
        times = [started_s + number * self._token_s for number in range(1, limit + 1)]
        self._clock.sleep(max(0.0, times[-1] - self._clock.now()))
        return replace(
            super()._copy(batch, limit), scheduled_s=started_s, finished_s=times[-1], first_token_s=times[0],
            token_times_s=tuple(times),
        )  # fmt: skip


@dataclass(frozen=True)
class PacedLoader:
    clock: Clock

    def load(self, config: ExperimentConfig) -> PacedEngine:
        return PacedEngine(config, self.clock)


class PacedBackend:
    name = "paced"

    def __init__(self, instruments: Instruments) -> None:
        self._instruments = instruments

    def open(self, config: ExperimentConfig) -> OpenExperiment:
        return open_experiment(config, PacedLoader(self._instruments.clock), self._instruments)
