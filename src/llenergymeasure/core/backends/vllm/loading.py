"""Loads a model into vLLM with every setting of the configuration."""

from __future__ import annotations

import os
from collections.abc import Callable, MutableMapping
from contextlib import ExitStack
from tempfile import TemporaryFile
from typing import IO, Any

import torch

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.backends.pytorch.parameters.described import count_described
from llenergymeasure.core.backends.pytorch.tokens import TransformersTokenizer
from llenergymeasure.core.backends.vllm.adapters import adapter_path, rank_arguments
from llenergymeasure.core.backends.vllm.arguments import engine_arguments, sampling_arguments
from llenergymeasure.core.backends.vllm.faults import explained
from llenergymeasure.core.backends.vllm.generation.engine import LoadedEngine, VLLMEngine
from llenergymeasure.core.backends.vllm.library import VLLMLibrary
from llenergymeasure.core.backends.vllm.loaded import describe, devices_of
from llenergymeasure.core.backends.vllm.passthrough import check_passthrough
from llenergymeasure.core.backends.vllm.processes.several import causes_in, guarded, interrupts_arrive, stderr_to
from llenergymeasure.core.backends.vllm.settings import effective_settings
from llenergymeasure.core.backends.vllm.surroundings import surroundings, without_warnings
from llenergymeasure.exceptions import BackendError
from llenergymeasure.protocols import Clock


class VLLMLoader:
    """Loads causal language models into vLLM.

    Args:
        clock: the clock of the measurement.
        library: imports vLLM and returns its calls.
        environ: environment variables of this process.
    """

    def __init__(
        self,
        clock: Clock,
        library: Callable[[], VLLMLibrary] = VLLMLibrary,
        environ: MutableMapping[str, str] = os.environ,
    ) -> None:
        self._clock, self._library, self._environ = clock, library, environ

    def load(self, config: ExperimentConfig) -> VLLMEngine:
        kept = ExitStack()
        with without_warnings(), explained(f"loading {config.model}", config), ExitStack() as stack:
            _refuse_a_process_group()
            around = stack.enter_context(surroundings(config.vllm_settings.gpus, self._environ))
            library = self._library()
            around.after_import()
            start_s = self._clock.now()
            check_passthrough(config, library.engine_names() | library.sampling_names())
            stack.callback(library.clean_up)
            errors = stack.enter_context(TemporaryFile()) if config.vllm_settings.gpus > 1 else None
            engine = self._engine(config, library, errors, stack)
            load_seconds = self._clock.now() - start_s
            loaded = _loaded(config, library, engine, errors, kept.close)
            found = _engine_of(config, loaded, load_seconds, self._clock)
            around.after_loading()
            kept.push(stack.pop_all())
        return found

    def _engine(
        self, config: ExperimentConfig, library: VLLMLibrary, errors: IO[bytes] | None, stack: ExitStack
    ) -> Any:
        arguments = engine_arguments(config, library.sampling_names(), self._environ, library.on_cpu())
        arguments = {**rank_arguments(config.lora), **arguments}
        if errors is None:
            engine = library.engine(**arguments)
        else:
            all_started = stack.enter_context(guarded())
            with interrupts_arrive(), causes_in(errors), stderr_to(errors):
                engine = library.engine(**arguments)
            all_started()
        stack.callback(engine.engine_core.shutdown)
        engine.logger_manager = None  # it counts for Prometheus in every step, and nothing reads it here
        return engine


def _refuse_a_process_group() -> None:
    """vLLM would use the group, and releasing the model would end it."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        raise BackendError(
            "this process has a group of torch.distributed already, such as that of another model in vLLM; "
            "release that model first, end the group, or measure in a process of its own"
        )


def _loaded(
    config: ExperimentConfig, library: VLLMLibrary, engine: Any, errors: IO[bytes] | None, give_back: Callable[[], None]
) -> LoadedEngine:
    of_model = engine.vllm_config.model_config.get_diff_sampling_param()
    sampling = sampling_arguments(config, library.sampling_names(), of_model)
    return LoadedEngine(
        engine=engine,
        library=library,
        adapter=None if config.lora is None else library.lora(adapter_path(config.lora)),
        sampling=sampling,
        params=library.sampling_params(**sampling),
        errors=errors,
        give_back=give_back,
    )


def _engine_of(config: ExperimentConfig, loaded: LoadedEngine, load_seconds: float, clock: Clock) -> VLLMEngine:
    engine = loaded.engine
    model = engine.vllm_config.model_config
    architecture = model.hf_config.to_dict()
    settings = effective_settings(engine, _as_used(loaded), config.passthrough_kwargs or {})
    counts = count_described(model.hf_config, bool(config.vllm_settings.trust_remote_code))
    return VLLMEngine(
        loaded=loaded,
        tokenizer=TransformersTokenizer(engine.get_tokenizer(), model.get_vocab_size()),
        info=describe(config, engine, settings, counts, architecture, load_seconds),
        architecture=architecture,
        config=config,
        clock=clock,
        memory=loaded.library.memory(devices_of(engine), config.vllm_settings.gpus),
    )


def _as_used(loaded: LoadedEngine) -> dict[str, Any]:
    """The arguments with the values that `SamplingParams` has: for example, it switches `min_p` off under greedy decoding."""
    return {name: getattr(loaded.params, name, value) for name, value in loaded.sampling.items()}
