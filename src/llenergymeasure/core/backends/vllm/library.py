"""The calls of vLLM that loading and generating need, in one place, so that tests can replace them.

vLLM reads its environment when it is imported, so it is imported inside `VLLMLibrary`, after `surroundings` has set it.
"""

from __future__ import annotations

import dataclasses
import inspect
import time
from collections.abc import Mapping, Sequence
from multiprocessing import active_children
from types import ModuleType
from typing import Any

import torch

from llenergymeasure.core.backends.vllm.memory import Memory, memory_of
from llenergymeasure.core.backends.vllm.passthrough import NOT_ARGUMENTS
from llenergymeasure.core.backends.vllm.surroundings import surroundings


class VLLMLibrary:
    """vLLM's functions and classes, imported at the first call."""

    def __init__(self) -> None:
        import vllm  # noqa: PLC0415 - after its environment is set
        from vllm.engine.arg_utils import EngineArgs  # noqa: PLC0415 - as above
        from vllm.inputs.engine import tokens_input  # noqa: PLC0415 - as above
        from vllm.lora.request import LoRARequest  # noqa: PLC0415 - as above
        from vllm.platforms import current_platform  # noqa: PLC0415 - as above
        from vllm.sampling_params import RequestOutputKind  # noqa: PLC0415 - as above

        self._vllm, self._engine_args, self._tokens_input = vllm, EngineArgs, tokens_input
        self._lora_request, self._platform, self._output_kind = LoRARequest, current_platform, RequestOutputKind

    def now(self) -> float:
        """The clock of the engine's stamps, in s."""
        return time.monotonic()

    def on_cpu(self) -> bool:
        """Whether this vLLM was built for CPUs."""
        return bool(self._platform.is_cpu())

    def engine_names(self) -> frozenset[str]:
        """Names of the arguments of `LLM`."""
        own = set(inspect.signature(self._vllm.LLM.__init__).parameters) - {"self", "kwargs"}
        names = own | {field.name for field in dataclasses.fields(self._engine_args)}
        return frozenset(name for name in names if not name.startswith("_"))

    def sampling_names(self) -> frozenset[str]:
        """Names of the arguments of `SamplingParams`."""
        names = self._vllm.SamplingParams.__struct_fields__
        return frozenset(name for name in names if not name.startswith("_")) - NOT_ARGUMENTS

    def engine(self, **arguments: Any) -> Any:
        """An engine with its model in memory."""
        return self._vllm.LLM(**arguments).llm_engine

    def sampling_params(self, **arguments: Any) -> Any:
        """How the tokens of a request are chosen; the engine returns a request once, when it has ended."""
        return self._vllm.SamplingParams(**arguments, output_kind=self._output_kind.FINAL_ONLY)

    def prompt(self, token_ids: Sequence[int]) -> Mapping[str, Any]:
        """A prompt of token ids."""
        prompt: Mapping[str, Any] = self._tokens_input(list(token_ids))
        return prompt

    def lora(self, path: str) -> Any:
        """A request for an adapter."""
        return self._lora_request("adapter", 1, path)

    def seed(self, seed: int) -> None:
        """Seed the random numbers of this process."""
        from vllm.utils.torch_utils import set_random_seed  # noqa: PLC0415 - as above

        set_random_seed(seed)

    def memory(self, devices: tuple[str, ...], processes: int) -> Memory:
        """The peak of the memory of a model on these devices, which so many processes share."""
        return memory_of(devices, processes)

    def synchronise(self, device: str) -> None:
        """Return when a CUDA device is idle."""
        torch.cuda.synchronize(device)

    def clean_up(self) -> None:
        """Destroy what vLLM keeps in this process for its engines, and free their memory. Safe to call twice."""
        from vllm.distributed.parallel_state import cleanup_dist_env_and_memory  # noqa: PLC0415 - as above

        cleanup_dist_env_and_memory()
        active_children()  # collects the processes that have ended, which are zombies until then


def preload() -> tuple[ModuleType, ...]:
    """Import what every run needs, before runs are forked. It uses no device and starts no thread."""
    with surroundings(devices=1) as around:
        VLLMLibrary()
        around.after_import()
        from vllm.model_executor.models import llama  # noqa: PLC0415 - as above; imports what most architectures need
        from vllm.v1.engine import core, llm_engine  # noqa: PLC0415 - as above

        return core, llm_engine, llama
