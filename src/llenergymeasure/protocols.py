"""The protocols of the parts of a measurement.

```
ModelLoader.load -> InferenceEngine.prepare -> (warm-up) -> EnergyBackend.open_window
                    InferenceEngine.run                     OpenWindow.close -> EnergyReading
                    MetricsCollector.collect -> a block of the result
                    ResultsRepository.save
```

The protocol of a whole backend, from configuration to result, is in `core.backends.protocol`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from llenergymeasure.domain.base import Frozen
from llenergymeasure.domain.energy import EnergyReading, MeterChoice
from llenergymeasure.domain.measurements import ModelInfo
from llenergymeasure.records import BatchRecord, RequestRecord, RunRecords, Saved, Trace

if TYPE_CHECKING:
    from llenergymeasure.config.models import ExperimentConfig
    from llenergymeasure.domain.environment import CudaFacts
    from llenergymeasure.domain.results import ExperimentResult


@runtime_checkable
class Clock(Protocol):
    """The clock of a measurement; tests replace it so that they need not wait."""

    def now(self) -> float:
        """Monotonic seconds."""

    def sleep(self, seconds: float) -> None:
        """Wait."""

    def utc_now(self) -> datetime:
        """The wall-clock time, with its time zone (UTC)."""

    def cpu_seconds(self) -> float:
        """User and system time used so far by this process and its finished children."""


class Tokenizer(Protocol):
    """The part of a tokenizer that datasets use."""

    @property
    def vocab_size(self) -> int:
        """Number of ids, from 0; synthetic prompts are drawn from them."""

    @property
    def special_ids(self) -> frozenset[int]:
        """Ids that synthetic prompts do not contain, such as end of sequence; may be empty."""

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
    """Tokenised prompts, ready for one `generate` call; all of them for an engine that schedules requests by itself."""

    @property
    def prompt_indices(self) -> tuple[int, ...]:
        """Indices of the prompts in the argument of `prepare`, from 0."""

    @property
    def padded_length(self) -> int:
        """Tokens per row, padding included; without padding, those of the longest prompt."""


class RunOutput(Protocol):
    """The output of `InferenceEngine.run`, still on the device."""

    def records(self) -> RunRecords:
        """Copy the output to the host, after the window; one record per prompt, and one per static batch if there are any.

        Times are on the clock that the loader was given, inside the window. Impossible records fail the experiment.
        """


@runtime_checkable
class InferenceEngine(Protocol):
    """A loaded model that can generate."""

    @property
    def info(self) -> ModelInfo:
        """Description of the loaded model."""

    @property
    def architecture(self) -> dict[str, Any]:
        """The model's configuration, as in its config.json; empty without one."""

    @property
    def tokenizer(self) -> Tokenizer:
        """The model's tokenizer."""

    def prepare(self, token_ids: Sequence[Sequence[int]]) -> Sequence[Batch]:
        """Group prompts and place them on the device, each in exactly one batch."""

    def run(self, batches: Sequence[Batch], max_new_tokens: int | None = None) -> RunOutput:
        """Generate for every batch in order; returns when all used devices are idle.

        Args:
            batches: batches returned by `prepare`, or a part of them.
            max_new_tokens: exact output length for a warm-up; None = as configured.

        Raises:
            BackendError: generation failed; the message states what to do.
        """

    def synchronise(self) -> None:
        """Return when all used devices are idle."""

    def reset_peak_memory(self) -> None:
        """Reset the peak."""

    def peak_memory_mb(self) -> tuple[float | None, str]:
        """Peak since the reset in MB (None where not available), and its source."""

    def cuda_facts(self) -> CudaFacts | None:
        """Versions of CUDA and cuDNN; None when the library has none."""

    def host_threads(self) -> int | None:
        """Number of intra-op threads; None when the library does not report it."""

    def release(self) -> None:
        """Free the model. Safe to call twice."""


@runtime_checkable
class TrafficEngine(InferenceEngine, Protocol):
    """An engine that can be under traffic before the window opens and after it has closed, such as a server.

    Between `ramp_up` and `drain`, `run` lets the traffic go on for the next stretch and returns at its end, with requests in
    flight. The records of a run are complete after `drain`.
    """

    @property
    def is_steady(self) -> bool:
        """Whether the window lies inside the traffic. If not, `ramp_up` and `drain` are not called."""

    def ramp_up(self, batches: Sequence[Batch]) -> None:
        """Begin the traffic; returns when it is steady.

        Raises:
            BackendError: no request was answered.
        """

    def drain(self) -> None:
        """Return when every request that was sent in a run has ended, and end the traffic. Safe to call twice."""


@runtime_checkable
class ModelLoader(Protocol):
    """Brings a model into memory."""

    def load(self, config: ExperimentConfig) -> InferenceEngine:
        """Load the model of a configuration.

        Raises:
            BackendError: the model cannot be loaded; the message states why and what to do.
        """


@runtime_checkable
class OpenWindow(Protocol):
    """A measurement in progress."""

    def close(self, start_s: float, end_s: float) -> EnergyReading:
        """End the measurement of the work.

        Args:
            start_s: start of the work in s, on the clock of `MeterContext`.
            end_s: end of the work in s.

        Returns:
            Joules above zero with a method, or None with a reason. Anything else counts as a failed meter.

        Raises:
            MeterError: the meter failed; other quantities are still measured, and the reason is recorded.
        """

    def abandon(self) -> None:
        """End the measurement without a reading. Safe after `close`."""


@runtime_checkable
class EnergyBackend(Protocol):
    """An energy meter. Windows may be nested."""

    @property
    def name(self) -> str:
        """Its name in configurations and results, such as nvml."""

    @property
    def devices(self) -> tuple[str, ...]:
        """Identities of the covered devices, such as GPU UUIDs; part of the key of a cached baseline."""

    def open_window(self) -> OpenWindow:
        """Begin measuring, right before the work. It may wait for a sensor's tick.

        Raises:
            MeterError: as for `OpenWindow.close`; any other exception ends the experiment.
        """

    def release(self) -> None:
        """Stop helpers and free handles. Safe to call twice."""


@runtime_checkable
class ProcessGroup(Protocol):
    """The processes that measure one experiment in parallel, from the view of one of them."""

    @property
    def rank(self) -> int:
        """This process's number, from 0."""

    @property
    def size(self) -> int:
        """Number of processes."""

    def barrier(self) -> None:
        """Return when every process has called this.

        Raises:
            ProcessGroupError: a process has ended.
        """

    def share(self, text: str) -> str:
        """What rank 0 says, on every rank; it fails as `barrier` does."""


@dataclass(frozen=True)
class Window:
    """The measured window: the work, in one or more passes, and its edges. Counts of prompts are those of one pass.

    `ramp_up_s` and `drain_s` are the durations in s of a server's traffic before and after the window; None without them.
    """

    start_s: float
    end_s: float
    cpu_seconds: float
    passes: tuple[RunRecords, ...]
    config: ExperimentConfig
    engine: InferenceEngine
    truncated_prompts: int = 0
    shapes_were_met: bool = False
    double_bos_prompts: int = 0
    ramp_up_s: float | None = None
    drain_s: float | None = None

    @cached_property
    def requests(self) -> tuple[RequestRecord, ...]:
        """The requests of all passes, one pass after the other."""
        return tuple(request for one in self.passes for request in one.requests)

    @cached_property
    def batches(self) -> tuple[BatchRecord, ...]:
        """The static batches of all passes, one pass after the other; empty for an engine without them."""
        return tuple(batch for one in self.passes for batch in one.batches)

    @property
    def is_of_server(self) -> bool:
        """Whether the work was done by a server, whose requests are seen from outside."""
        return any(one.traffic is not None for one in self.passes)

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.end_s - self.start_s


@runtime_checkable
class MetricsCollector(Protocol):
    """Makes one block of the result from a window."""

    @property
    def block(self) -> str:
        """The field of `ExperimentResult` that it fills."""

    def arm(self, engine: InferenceEngine) -> None:
        """Called right before the work starts."""

    def stop(self, engine: InferenceEngine) -> None:
        """Called right after the work ended, before anything else uses time or memory."""

    def collect(self, window: Window) -> Frozen | None:
        """The block, from a closed window with its output on the host; None when an optional block was not measured."""


@runtime_checkable
class Sampler(Protocol):
    """Samples the devices during the whole experiment; `open_devices` starts and stops it."""

    def trace(self, start_s: float, end_s: float, opened_s: float | None = None) -> Trace | None:
        """The data from `start_s` to `end_s`, and the power outside it since `opened_s`; None without sensors."""


@runtime_checkable
class ResultsRepository(Protocol):
    """Saves and loads results."""

    def save(self, result: ExperimentResult) -> Saved:
        """Save a result, never overwriting another."""

    def load(self, place: Path) -> ExperimentResult:
        """Read a saved result."""


@dataclass(frozen=True)
class Metering:
    """The selected meter, and the reason."""

    meter: EnergyBackend
    choice: MeterChoice
