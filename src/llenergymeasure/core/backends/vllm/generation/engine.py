"""Generates with a loaded vLLM engine: every prompt is given to it at once, and it decides what runs together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, Any

import torch

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.backends.pytorch.generation.versions import cuda_versions
from llenergymeasure.core.backends.vllm.arguments import warm_up_arguments
from llenergymeasure.core.backends.vllm.faults import explained
from llenergymeasure.core.backends.vllm.generation.requests import GeneratedRun, Prompts
from llenergymeasure.core.backends.vllm.generation.stamps import logged, to_clock
from llenergymeasure.core.backends.vllm.library import VLLMLibrary
from llenergymeasure.core.backends.vllm.memory import Memory
from llenergymeasure.core.backends.vllm.processes.several import causes_in
from llenergymeasure.core.backends.vllm.surroundings import without_warnings
from llenergymeasure.domain.environment import CudaFacts
from llenergymeasure.domain.measurements import ModelInfo
from llenergymeasure.exceptions import BackendError
from llenergymeasure.protocols import Clock, Tokenizer


@dataclass(frozen=True)
class LoadedEngine:
    """The parts of a loaded model.

    Attributes:
        engine: vLLM's `LLMEngine`.
        library: the calls of vLLM.
        adapter: the request for the adapter; None without one.
        sampling: arguments of `SamplingParams` in the window.
        params: the `SamplingParams` of the window.
        errors: what the processes of several devices write to stderr; None for one device.
        give_back: ends the engine and puts its surroundings back.
    """

    engine: Any
    library: VLLMLibrary
    adapter: Any | None
    sampling: Mapping[str, Any]
    params: Any
    errors: IO[bytes] | None
    give_back: Callable[[], None]


class VLLMEngine:
    """A loaded model with its scheduler and its KV cache."""

    def __init__(
        self,
        loaded: LoadedEngine,
        tokenizer: Tokenizer,
        info: ModelInfo,
        architecture: dict[str, Any],
        config: ExperimentConfig,
        clock: Clock,
        memory: Memory,
    ) -> None:
        self._loaded: LoadedEngine | None = loaded
        self._config, self._clock, self._memory = config, clock, memory
        self._cuda_devices = tuple(device for device in info.devices if device.startswith("cuda"))
        self._prefix_caching = bool(info.effective_settings.get("enable_prefix_caching"))
        self._runs = 0
        self.info = info
        self.architecture = architecture
        self.tokenizer = tokenizer

    def prepare(self, token_ids: Sequence[Sequence[int]]) -> tuple[Prompts, ...]:
        """One batch with every prompt: vLLM batches by itself."""
        if not token_ids:
            return ()
        library = self._in_use().library
        return (
            Prompts(tuple(range(len(token_ids))), tuple(map(len, token_ids)), tuple(map(library.prompt, token_ids))),
        )

    def run(self, batches: Sequence[Any], max_new_tokens: int | None = None) -> GeneratedRun:
        loaded = self._in_use()
        params = loaded.params if max_new_tokens is None else _shortened(loaded, max_new_tokens)
        self._runs += 1
        with without_warnings(), explained("generating", self._config), causes_in(loaded.errors):
            loaded.library.seed(self._config.random_seed)
            if self._prefix_caching:  # otherwise this run would find the prompts of the run before
                _empty_prefix_cache(loaded.engine)
            run = self._generated(loaded, Prompts.joined(batches), params)
            self.synchronise()
        return run

    def _generated(self, loaded: LoadedEngine, prompts: Prompts, params: Any) -> GeneratedRun:
        ids = tuple(f"{self._runs}-{index}" for index in prompts.prompt_indices)
        with logged(loaded.engine.engine_core) as log, _aborted_on_failure(loaded.engine, ids):
            on_clock = to_clock(self._clock, loaded.library.now)
            names = tuple(
                loaded.engine.add_request(request_id, prompt, params, lora_request=loaded.adapter)
                for request_id, prompt in zip(ids, prompts.inputs)
            )
            return GeneratedRun(prompts, ids, names, tuple(_answers(loaded.engine)), log, on_clock)

    def _in_use(self) -> LoadedEngine:
        if self._loaded is None:
            raise RuntimeError("the engine was released")
        return self._loaded

    def synchronise(self) -> None:
        """Wait until the devices are idle. With asynchronous scheduling a step may be running when the last answer is known."""
        if len(self._cuda_devices) == 1:
            self._in_use().library.synchronise(self._cuda_devices[0])
        elif self._cuda_devices:
            self._in_use().engine.collective_rpc("synchronize_device")

    def reset_peak_memory(self) -> None:
        self._memory.reset()

    def peak_memory_mb(self) -> tuple[float | None, str]:
        return self._memory.peak_mb()

    def cuda_facts(self) -> CudaFacts | None:
        return cuda_versions() if self._cuda_devices else None

    def host_threads(self) -> int | None:
        return int(torch.get_num_threads())

    def release(self) -> None:
        loaded, self._loaded = self._loaded, None
        if loaded is not None:
            give_back = loaded.give_back
            del loaded  # its engine must be deleted before its memory can be freed
            give_back()


def _empty_prefix_cache(engine: Any) -> None:
    if not engine.reset_prefix_cache():
        raise BackendError(
            "vLLM did not empty its prefix cache, so that this pass would find the prompts of the pass before; "
            "set vllm.enable_prefix_caching: false"
        )


def _answers(engine: Any) -> Iterator[Any]:
    while engine.has_unfinished_requests():
        yield from (output for output in engine.step() if output.finished)


@contextmanager
def _aborted_on_failure(engine: Any, ids: Sequence[str]) -> Iterator[None]:
    """Remove the requests of a run that fails from the engine: the next run would compute them."""
    try:
        yield
    except BaseException:
        with suppress(Exception):  # the first error is the one to report, also of an engine that has ended
            engine.abort_request(list(ids))
        raise


def _shortened(loaded: LoadedEngine, max_new_tokens: int) -> Any:
    return loaded.library.sampling_params(**warm_up_arguments(loaded.sampling, max_new_tokens))
