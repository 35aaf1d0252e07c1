"""Loads a transformers model with every setting of the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.backends.pytorch.arguments import (
    DTYPE_NAMES,
    compile_arguments,
    generate_arguments,
    hub_arguments,
    load_key,
    model_arguments,
    source_of,
)
from llenergymeasure.core.backends.pytorch.faults import explained
from llenergymeasure.core.backends.pytorch.generation.engine import TransformersEngine, free_memory
from llenergymeasure.core.backends.pytorch.generation.read_back import (
    kind_of_cache,
    of_model,
    quantised_layers,
    without_effect,
)
from llenergymeasure.core.backends.pytorch.generation.settings import (
    PROPOSALS,
    EffectiveSettings,
    check_settings,
    effective_settings,
)
from llenergymeasure.core.backends.pytorch.library import Transformers, quiet_transformers
from llenergymeasure.core.backends.pytorch.loaded import LoadedModel, describe, without_adapter
from llenergymeasure.core.backends.pytorch.placement import devices_of, input_device, kind_of
from llenergymeasure.core.backends.pytorch.tokens import TransformersTokenizer
from llenergymeasure.core.backends.pytorch.weights import check_weights
from llenergymeasure.core.model_cache import ModelCache, NoModelCache
from llenergymeasure.exceptions import BackendError
from llenergymeasure.protocols import Clock


class TransformersLoader:
    """Loads causal language models.

    Args:
        clock: the clock of the measurement.
        library: the calls of transformers.
        model_cache: keeps the model between experiments that load it in the same way; None = every experiment loads its own.
    """

    def __init__(
        self, clock: Clock, library: Transformers | None = None, model_cache: ModelCache | None = None
    ) -> None:
        self._clock = clock
        self._library = library or Transformers()
        self._model_cache = model_cache or NoModelCache()

    def load(self, config: ExperimentConfig) -> TransformersEngine:
        key = load_key(config)
        with quiet_transformers(), explained(f"loading {config.model}", config):
            loaded = self._model_cache.take(key) or self._loaded(config)
            arguments = self._generate_arguments(config, loaded)
            settings = self._settings(config, loaded, arguments)
            check_settings(settings, config.pytorch_settings.effective_batch_size)
            return TransformersEngine(
                model=loaded.model,
                tokenizer=loaded.tokenizer,
                info=describe(config, loaded, settings, self._library.cuda_available()),
                arguments=arguments | _for_text(settings, loaded.tokenizer),
                config=config,
                clock=self._clock,
                give_back=lambda: self._model_cache.put(key, loaded, lambda: free_memory(loaded.device == "cuda")),
            )

    def _loaded(self, config: ExperimentConfig) -> LoadedModel:
        start_s = self._clock.now()
        device = self._device(config)
        source, _ = source_of(config.model)
        tokenizer = TransformersTokenizer(self._library.tokenizer(source, **hub_arguments(config)))
        model, unexpected = self._weights(config, source, device)
        model, of_adapter = self._adapted(config, model)
        _ready(model, config)
        devices = devices_of(model)
        _check_device(config, devices)
        draft = self._draft(config, model)
        return LoadedModel(
            model, (*unexpected, *of_adapter), draft, tokenizer.of(model), devices, self._clock.now() - start_s
        )

    def _device(self, config: ExperimentConfig) -> str:
        wanted = config.pytorch_settings.effective_device
        available = self._library.cuda_available()
        if wanted == "cuda" and not available:
            raise BackendError(
                "pytorch.device is cuda, but torch found no CUDA device; set pytorch.device: cpu or auto"
            )
        return wanted if wanted != "auto" else ("cuda" if available else "cpu")

    def _weights(self, config: ExperimentConfig, source: str, device: str) -> tuple[Any, tuple[str, ...]]:
        arguments = model_arguments(config, self._library.generate_names())
        if config.draws_weights:
            return self._dummy(config, source, device, arguments), ()
        if "quantization_config" in arguments and "device_map" not in arguments:
            arguments["device_map"] = {"": device}
        model, unexpected = self._checked(config.model, source, arguments)
        return (model if "device_map" in arguments else _placed(model, device)), unexpected

    def _checked(self, name: str, source: str, arguments: dict[str, Any]) -> tuple[Any, tuple[str, ...]]:
        """A model of which all weights were loaded, and the tensors of the checkpoint that it does not use."""
        model, report = self._library.model(source, **arguments)
        check_weights(
            report,
            name,
            "name a checkpoint of this model, or set pytorch.load_format: dummy to use random weights",
        )
        return model, report.unexpected

    def _dummy(self, config: ExperimentConfig, source: str, device: str, arguments: dict[str, Any]) -> Any:
        """A model with random weights from the seed, created on the device in the precision of the experiment."""
        if "quantization_config" in arguments or "device_map" in arguments:
            raise BackendError(
                "load_format dummy creates unquantised weights on one device: remove device_map and quantisation"
            )
        hub = hub_arguments(config)
        hf_config = self._library.config(source, **hub)
        torch.manual_seed(config.random_seed)
        with torch.device(device):
            return self._library.model_from_config(
                hf_config, **{name: value for name, value in arguments.items() if name not in ("revision", "gguf_file")}
            )

    def _adapted(self, config: ExperimentConfig, model: Any) -> tuple[Any, tuple[str, ...]]:
        """The model with its adapter, and the tensors of the adapter that it does not use."""
        if config.lora is None:
            return model, ()
        place = config.lora.adapter_id or config.lora.adapter_path or ""
        adapted, report = self._library.adapter(model, place, config.lora.merge_weights)
        check_weights(report, f"adapter {place}", f"name an adapter that was made for {config.model}")
        return adapted, report.unexpected

    def _draft(self, config: ExperimentConfig, model: Any) -> Any | None:
        """The draft model, on the device where the model takes its input."""
        name = config.decoder.draft_model
        if name is None:
            return None
        source, of_file = source_of(name)
        draft, _ = self._checked(name, source, {"dtype": DTYPE_NAMES[config.precision], **of_file})
        return draft.to(input_device(model)).eval()

    def _generate_arguments(self, config: ExperimentConfig, loaded: LoadedModel) -> dict[str, Any]:
        padding = {"pad_token_id": loaded.tokenizer.pad_id}
        arguments = {**padding, **generate_arguments(config, self._library.generate_names())}
        return arguments if loaded.draft is None else {**arguments, "assistant_model": loaded.draft}

    def _settings(self, config: ExperimentConfig, loaded: LoadedModel, arguments: dict[str, Any]) -> EffectiveSettings:
        """The effective settings of generation, read back from the model."""
        own = {name: value for name, value in arguments.items() if name != "assistant_model"}
        model, passthrough = without_adapter(loaded.model), config.passthrough_kwargs or {}
        found, defaults = self._library.effective_generation(model, own)
        if loaded.draft is not None:  # the draft model decides how many tokens it proposes
            drafted, _ = self._library.effective_generation(loaded.draft, {})
            found |= {name: drafted[name] for name in PROPOSALS & set(drafted)}
        settings = effective_settings(found, defaults, arguments, loaded.tokenizer.end_id)
        values = {
            **settings.values,
            **self._kind_of_cache(model, own, settings.values),
            **quantised_layers(model),
            **without_effect(passthrough, found, defaults, settings.values),
            **of_model(passthrough, model, found),
        }
        return replace(settings, values=values)

    def _kind_of_cache(self, model: Any, arguments: dict[str, Any], used: Mapping[str, Any]) -> dict[str, Any]:
        """The kind of the cache for a `cache_implementation`, which transformers ignores for some models."""
        if used.get("cache_implementation") not in ("static", "sliding_window", "offloaded_static"):
            return {}
        kind = kind_of_cache(self._library.cache(model, arguments))
        return {"cache_implementation": None} if kind is None else {"kv_cache": kind}


def _placed(model: Any, device: str) -> Any:
    """The model on its device. Quantised weights are already there and may not be moved."""
    return model if input_device(model).type == device else model.to(device)


def _check_device(config: ExperimentConfig, devices: tuple[str, ...]) -> None:
    """Refuse settings that contradict the device of the model.

    Raises:
        BackendError: with the setting and the device.
    """
    section = config.pytorch_settings
    wanted = section.effective_device
    if section.cache_implementation == "offloaded_static" and kind_of(devices) == "cpu":
        raise BackendError(
            "pytorch.cache_implementation is offloaded_static, which keeps a GPU's cache in host memory, but the model is on "
            "the CPU; set cache_implementation: static, or run on a GPU"
        )
    if wanted not in ("auto", kind_of(devices)):
        raise BackendError(
            f"pytorch.device is {wanted}, but pytorch.device_map placed the model on {', '.join(devices)}; remove one of the two"
        )


# We set the form of the return values of a model and of `generate`, whatever its config.json and generation_config.json state.
_RETURNED = {"return_dict": True, "output_attentions": False, "output_hidden_states": False}


def _ready(model: Any, config: ExperimentConfig) -> None:
    """Put the model into inference mode, returning only logits and ids, and compile it if requested."""
    model.eval()
    for name, value in _RETURNED.items():
        if getattr(model.config, name, value) != value:
            setattr(model.config, name, value)
    compile_with = compile_arguments(config)
    if compile_with is not None:
        without_adapter(model).compile(**compile_with)  # `generate` belongs to the model inside PEFT's wrapper


def _for_text(settings: EffectiveSettings, tokenizer: TransformersTokenizer) -> dict[str, Any]:
    """The argument with the tokenizer, if `generate` needs it for text; else nothing."""
    needed = any(name in settings.values for name in ("stop_strings", "token_healing"))
    return {"tokenizer": tokenizer.wrapped} if needed else {}
