"""The protocols of an engine: what loads it, and what it generates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from llenergymeasure.domain.measurements import ModelInfo
from llenergymeasure.records import RunRecords

if TYPE_CHECKING:
    from llenergymeasure.config.models import ExperimentConfig
    from llenergymeasure.domain.environment import CudaFacts


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
