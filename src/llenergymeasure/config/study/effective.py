"""The configuration that has an effect: defaults of the own backend are filled in, settings without effect are left out."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from llenergymeasure.config.backends.pytorch import PyTorchConfig
from llenergymeasure.config.backends.server import ServerConfig
from llenergymeasure.config.backends.tensorrt import TensorRTConfig
from llenergymeasure.config.backends.vllm import VLLMConfig
from llenergymeasure.config.base import ConfigModel
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.sections import DecoderConfig, SyntheticDatasetConfig
from llenergymeasure.config.ssot import BACKEND_OF_SECTION
from llenergymeasure.config.traffic import SLOConfig

SECTIONS: Mapping[str, type[ConfigModel]] = {
    "pytorch": PyTorchConfig,
    "vllm": VLLMConfig,
    "tensorrt": TensorRTConfig,
    "server": ServerConfig,
}

ARGUMENTS = "server.arguments."
# Switches for which None means off, in all sections.
_OFF = ("torch_compile", "load_in_4bit", "load_in_8bit", "trust_remote_code", "enable_prefix_caching", "enforce_eager")
_PLAIN = tuple(
    name
    for name in ExperimentConfig.model_fields
    if name not in {*BACKEND_OF_SECTION, "dataset", "max_output_tokens", "decoder", "lora", "passthrough_kwargs"}
)


def effective_fields(config: ExperimentConfig) -> dict[str, Any]:
    """Every field that has an effect, by its dotted name, with a value of plain data.

    A section that is absent counts as its defaults. A field without effect is absent: `decoder.temperature` without
    sampling, `max_output_tokens` with a synthetic dataset.
    """
    fields: dict[str, Any] = {}
    for name in _PLAIN:
        _add(fields, name, getattr(config, name))
    _add_dataset(fields, config)
    _add(fields, "decoder", _decoder(config.decoder))
    _add(fields, config.backend, _section(config))
    if config.backend == "server":
        _add(fields, "traffic", _traffic(config))
        _add(fields, "slo", config.slo or dict.fromkeys(SLOConfig.model_fields))
    lora = {"adapter_id": None, "adapter_path": None} if config.lora is None else config.lora
    _add(fields, "lora", lora)
    for key, value in (config.passthrough_kwargs or {}).items():
        fields[f"passthrough_kwargs.{key}"] = "null" if value is None else value
    return fields


def fields_of_cells(experiments: Sequence[ExperimentConfig]) -> list[dict[str, Any]]:
    """The fields of each experiment that have an effect. An argument of a server that another one has is false: left out."""
    cells = [effective_fields(each) for each in experiments]
    names = dict.fromkeys(name for cell in cells for name in cell if name.startswith(ARGUMENTS))
    return [
        cell | {name: False for name in names if name not in cell} if each.backend == "server" else cell
        for each, cell in zip(experiments, cells)
    ]


def key_of(value: Any) -> Hashable:
    """A key that is equal for equal values: 1 and 1.0 are equal, 1 and true are not."""
    if isinstance(value, bool):
        return ("flag", value)
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, Mapping):
        return frozenset((str(key), key_of(inner)) for key, inner in value.items())
    return tuple(map(key_of, value)) if isinstance(value, (list, tuple)) else ("other", id(value))


def key_of_config(config: ExperimentConfig) -> Hashable:
    """A key that is equal for configurations with the same effect."""
    fields = effective_fields(config)
    # Without these two, each field has one type, so equal values have the same effect.
    if config.passthrough_kwargs is None and config.server is None:
        try:
            return frozenset(fields.items())
        except TypeError:  # a mapping, such as `pytorch.max_memory`
            pass
    return frozenset((name, key_of(value)) for name, value in fields.items())


def _add(fields: dict[str, Any], name: str, value: Any) -> None:
    """Add a value, or each field of a section."""
    if isinstance(value, ConfigModel):
        value = vars(value)
    elif not isinstance(value, Mapping):
        fields[name] = value
        return
    for key, inner in value.items():
        fields[f"{name}.{key}"] = inner


def _add_dataset(fields: dict[str, Any], config: ExperimentConfig) -> None:
    if isinstance(config.dataset, SyntheticDatasetConfig):
        fields["dataset"] = "synthetic"
        _add(fields, "dataset", config.dataset)
    else:
        fields["dataset"] = config.dataset
        fields["max_output_tokens"] = config.max_output_tokens


def _decoder(decoder: DecoderConfig) -> dict[str, Any]:
    fields = dict(vars(decoder))
    if decoder.decoding_strategy != "sampling":
        for name in ("temperature", "top_p", "top_k"):
            del fields[name]
    if decoder.decoding_strategy == "beam":
        fields["num_beams"] = decoder.beams
    else:
        del fields["num_beams"]
    return fields


def _section(config: ExperimentConfig) -> dict[str, Any]:
    """The section of the backend with its defaults; empty for a backend of another package."""
    if config.backend not in SECTIONS:
        return {}
    section = getattr(config, config.backend) or SECTIONS[config.backend]()
    fields = dict(vars(section))
    fields |= {name: bool(fields[name]) for name in _OFF if name in fields}
    if isinstance(section, PyTorchConfig):
        fields |= {
            "batch_size": section.effective_batch_size,
            "batching_strategy": section.effective_batching_strategy,
            "device": section.effective_device,
            "num_processes": section.effective_num_processes,
            "use_cache": section.effective_use_cache,
        }
    elif isinstance(section, VLLMConfig):
        fields |= _vllm_defaults(section, config)
    elif isinstance(section, ServerConfig):
        return _server(section)
    return fields


def _server(section: ServerConfig) -> dict[str, Any]:
    """The section `server` with its defaults, each argument as a field of its own."""
    fields = dict(vars(section)) | {
        "api": section.effective_api,
        "energy": section.effective_energy,
        "start_timeout_seconds": section.effective_start_timeout_seconds,
        "request_timeout_seconds": section.effective_request_timeout_seconds,
    }
    arguments = fields.pop("arguments") or {}
    return fields | {f"arguments.{name}": value for name, value in arguments.items() if value not in (None, False)}


def _traffic(config: ExperimentConfig) -> dict[str, Any]:
    section = config.traffic_settings
    fields: dict[str, Any] = dict(vars(section)) | {
        "mode": section.effective_mode,
        "concurrency": section.effective_concurrency,
        "window": section.effective_window,
    }
    if section.mode != "poisson":
        del fields["seed"]
    return fields


def _vllm_defaults(section: VLLMConfig, config: ExperimentConfig) -> dict[str, Any]:
    return {
        "tensor_parallel_size": section.effective_tensor_parallel_size,
        "pipeline_parallel_size": section.effective_pipeline_parallel_size,
        "enable_lora": section.enable_lora or config.lora is not None,
        "speculative": None if section.speculative is None else section.speculative.model_dump(),
    }
