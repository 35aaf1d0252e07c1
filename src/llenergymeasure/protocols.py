"""What roles a measurement is made of: the view from inside.

```
ModelLoader.load -> InferenceEngine.prepare -> (warm-up) -> EnergyBackend.open_window
                    InferenceEngine.run                     OpenWindow.close -> EnergyReading
                    MetricsCollector.collect -> a block of the result
                    ResultsRepository.save
```

The view from outside (a config goes in, a result comes out) is `core.backends.protocol`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from llenergymeasure.domain.base import Frozen
from llenergymeasure.domain.energy import EnergyReading, MeterChoice
from llenergymeasure.domain.measurements import ModelInfo
from llenergymeasure.records import BatchRecord, Saved, Trace

if TYPE_CHECKING:
    from llenergymeasure.config.models import ExperimentConfig
    from llenergymeasure.domain.environment import CudaFacts
    from llenergymeasure.domain.results import ExperimentResult


@runtime_checkable
class Clock(Protocol):
    """Time, so that tests need not wait."""

    def now(self) -> float:
        """Monotonic seconds."""

    def sleep(self, seconds: float) -> None:
        """Wait."""

    def utc_now(self) -> datetime:
        """The time of day, with its zone (UTC)."""

    def cpu_seconds(self) -> float:
        """User and system time used so far by this process and its finished children."""


class Tokenizer(Protocol):
    """The only thing that datasets ask of a tokenizer."""

    @property
    def vocab_size(self) -> int:
        """Number of ids, from 0; synthetic prompts are drawn from them."""

    @property
    def special_ids(self) -> frozenset[int]:
        """Ids that synthetic prompts leave out, such as end of sequence; may be empty."""

    @property
    def bos_id(self) -> int | None:
        """The beginning-of-sequence id; None without one."""

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text, whole and without padding; the harness cuts them."""

    def encode_chat(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text as one message of a user in the chat template, up to the start of the answer.

        Raises:
            BackendError: the tokenizer has no chat template.
        """


class Batch(Protocol):
    """Tokenised prompts on their device, ready for one `generate` call."""

    @property
    def prompt_indices(self) -> tuple[int, ...]:
        """Places of the prompts in the list that `prepare` was given, from 0."""

    @property
    def padded_length(self) -> int:
        """Tokens per row, padding included."""


class RunOutput(Protocol):
    """What `InferenceEngine.run` leaves behind, still in the form of the device."""

    def records(self) -> tuple[BatchRecord, ...]:
        """Bring it to the host. Called after the window.

        One record per batch, each prompt once, times on the clock that the loader was given and inside the window: what
        cannot be fails the experiment.
        """


@runtime_checkable
class InferenceEngine(Protocol):
    """A loaded model that can generate."""

    @property
    def info(self) -> ModelInfo:
        """What was loaded."""

    @property
    def architecture(self) -> dict[str, Any]:
        """The model's own configuration, as in its config.json; empty when there is none."""

    @property
    def tokenizer(self) -> Tokenizer:
        """The model's tokenizer."""

    def prepare(self, token_ids: Sequence[Sequence[int]]) -> Sequence[Batch]:
        """Group, pad and place prompts: each into exactly one batch."""

    def run(self, batches: Sequence[Batch], max_new_tokens: int | None = None) -> RunOutput:
        """Generate for every batch in order; returns when every device used is idle.

        Args:
            batches: what `prepare` returned, or a part of it.
            max_new_tokens: exact output length for a warm-up; None = as configured.

        Raises:
            BackendError: it failed; the message says what to do.
        """

    def synchronise(self) -> None:
        """Return when every device used is idle."""

    def reset_peak_memory(self) -> None:
        """Start a new peak."""

    def peak_memory_mb(self) -> tuple[float | None, str]:
        """Peak since the reset in MB (None where it cannot be told) and how it was read."""

    def cuda_facts(self) -> CudaFacts | None:
        """Versions of CUDA and cuDNN; None when the library has none."""

    def host_threads(self) -> int | None:
        """Intra-op threads; None when the library does not tell."""

    def release(self) -> None:
        """Free the model. Safe to call twice."""


@runtime_checkable
class ModelLoader(Protocol):
    """Brings a model into memory."""

    def load(self, config: ExperimentConfig) -> InferenceEngine:
        """Load what the configuration names.

        Raises:
            BackendError: the model cannot be loaded; the message says why and what to do.
        """


@runtime_checkable
class OpenWindow(Protocol):
    """A measurement in progress."""

    def close(self, start_s: float, end_s: float) -> EnergyReading:
        """End the measurement of the work.

        Args:
            start_s: when it began, in seconds of the clock that `MeterContext` carries.
            end_s: when it had ended.

        Returns:
            Joules above zero with a method, or None with a reason. Anything else is taken for a failed meter.

        Raises:
            MeterError: the meter failed; the work is measured all the same, with the reason.
        """

    def abandon(self) -> None:
        """End it without a reading. Safe after `close`."""


@runtime_checkable
class EnergyBackend(Protocol):
    """An energy meter. Windows may be nested."""

    @property
    def name(self) -> str:
        """Its name in configurations and results, such as nvml."""

    @property
    def devices(self) -> tuple[str, ...]:
        """Identities of what it covers, such as GPU uuids; part of the key of a cached baseline."""

    def open_window(self) -> OpenWindow:
        """Begin measuring. May wait for a sensor's tick; call right before the work.

        Raises:
            MeterError: as for `OpenWindow.close`; any other exception ends the experiment.
        """

    def release(self) -> None:
        """Stop helpers and free handles. Safe to call twice."""


@runtime_checkable
class ProcessGroup(Protocol):
    """The processes that measure one experiment side by side, seen from one of them."""

    @property
    def rank(self) -> int:
        """This process's number, from 0."""

    @property
    def size(self) -> int:
        """How many processes there are."""

    def barrier(self) -> None:
        """Return when every process has come here.

        Raises:
            ProcessGroupError: a process is gone.
        """


class Alone:
    """A process that measures by itself."""

    rank = 0
    size = 1

    def barrier(self) -> None:
        """There is nobody to wait for."""


@dataclass(frozen=True)
class Window:
    """The measured window: what ran, and its edges, which time and energy share."""

    start_s: float
    end_s: float
    cpu_seconds: float
    batches: tuple[BatchRecord, ...]
    config: ExperimentConfig
    engine: InferenceEngine
    truncated_prompts: int = 0
    shapes_were_met: bool = False
    double_bos_prompts: int = 0

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.end_s - self.start_s


@runtime_checkable
class MetricsCollector(Protocol):
    """Turns a window into one block of the result."""

    @property
    def block(self) -> str:
        """The field of `ExperimentResult` that it fills."""

    def arm(self, engine: InferenceEngine) -> None:
        """Called right before the work starts."""

    def stop(self, engine: InferenceEngine) -> None:
        """Called right after the work ended, before anything else takes time or memory."""

    def collect(self, window: Window) -> Frozen | None:
        """Called when the window is closed and its output is on the host.

        Returns:
            A value of its block's type; None when it was not measured, where the block allows it.
        """


@runtime_checkable
class Sampler(Protocol):
    """Watches the devices beside the whole experiment; whoever opened them starts and stops it."""

    def trace(self, start_s: float, end_s: float) -> Trace | None:
        """What was seen from `start_s` to `end_s`; None without sensors."""


@runtime_checkable
class ResultsRepository(Protocol):
    """Where results go and come from."""

    def save(self, result: ExperimentResult) -> Saved:
        """Store a result. Never overwrites."""

    def load(self, place: Path) -> ExperimentResult:
        """Read a result back."""


@dataclass(frozen=True)
class Metering:
    """The meter that was chosen, and why."""

    meter: EnergyBackend
    choice: MeterChoice
