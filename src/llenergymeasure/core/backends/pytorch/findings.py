"""Checks the packages and GPUs that settings of the PyTorch backend need on this machine. It does not import torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from llenergymeasure.config.backends.pytorch import PyTorchConfig
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.exceptions import Finding
from llenergymeasure.models.builtin import PACKAGED_MODELS
from llenergymeasure.models.gguf import names_gguf

Has = Callable[[str], bool]

# By the `quant_method` of a checkpoint: the modules that transformers' quantizers need to load it.
UNPACKED_BY: Mapping[str, tuple[str, ...]] = {
    "aqlm": ("aqlm", "accelerate"), "auto-round": ("auto_round",), "awq": ("gptqmodel", "accelerate"),
    "bitnet": ("accelerate",), "bitsandbytes": ("bitsandbytes", "accelerate"),
    "compressed-tensors": ("compressed_tensors",), "eetq": ("kernels", "accelerate"), "fp8": ("accelerate",),
    "gptq": ("optimum", "gptqmodel"), "hqq": ("hqq",), "mxfp4": ("accelerate",), "quanto": ("optimum", "accelerate"),
    "quark": ("quark",), "spqr": ("spqr_quant", "accelerate"), "torchao": ("torchao",), "vptq": ("vptq", "accelerate"),
}  # fmt: skip
# Packages to install whose names differ from those of their modules.
PACKAGES: Mapping[str, str] = {
    "auto_round": "auto-round", "compressed_tensors": "compressed-tensors", "quark": "amd-quark",
    "spqr_quant": "'spqr_quant[gpu]'", "flash_attn": "flash-attn --no-build-isolation",
    "flash_attn_interface": "flash-attn-3",
}  # fmt: skip
FLASH_MODULES: Mapping[str, str] = {
    "flash_attention_2": "flash_attn",
    "flash_attention_3": "flash_attn_interface",
}


def setting_findings(
    config: ExperimentConfig, checkpoint: Mapping[str, Any], has: Has, cuda_devices: Callable[[], int | None]
) -> Iterator[Finding]:
    """Findings about missing packages and missing GPUs.

    Args:
        config: the experiment.
        checkpoint: content of the model's config.json; empty when it is not known.
        has: whether a module is installed.
        cuda_devices: returns the number of CUDA devices visible to this process, None when not known; called only if needed.
    """
    for what, module in _needed(config, checkpoint):
        if not has(module):
            yield Finding(f"{what} needs {module} (not installed)", f"pip install {PACKAGES.get(module, module)}")
    yield from _quantisation(config)
    without_gpu = tuple(_gpus(config, cuda_devices)) if has("torch") else ()
    yield from without_gpu
    if not without_gpu:  # without a GPU, the package of a kernel for GPUs would be of no use
        yield from _flash_attention(config.pytorch_settings, has)


def _needed(config: ExperimentConfig, checkpoint: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Pairs of a setting and the module that it needs."""
    section = config.pytorch_settings
    if config.lora is not None:
        yield "lora", "peft"
    if section.device_map is not None:
        yield "pytorch.device_map", "accelerate"
    if section.quantization is not None and not names_gguf(config.model):
        yield "quantised loading", "bitsandbytes"
        yield "quantised loading", "accelerate"
    if names_gguf(config.model):
        yield "a GGUF file", "gguf"
        yield "a GGUF file", "accelerate"
    if not config.draws_weights:
        yield from _needed_to_unpack(checkpoint)


def _needed_to_unpack(checkpoint: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    stated = checkpoint.get("quantization_config")
    method = stated.get("quant_method") if isinstance(stated, Mapping) else None
    for module in UNPACKED_BY.get(str(method), ()):
        yield f"a checkpoint quantised with {method}", module


def _flash_attention(section: PyTorchConfig, has: Has) -> Iterator[Finding]:
    """transformers uses the kernel from `kernels` if the package of its authors is missing."""
    kind = section.attn_implementation
    module = FLASH_MODULES.get(kind or "")
    if module is not None and not has(module) and not has("kernels"):
        yield Finding(
            f"attn_implementation {kind} needs {module} or kernels (not installed)",
            f"pip install {PACKAGES[module]}, or: pip install kernels",
        )


def _quantisation(config: ExperimentConfig) -> Iterator[Finding]:
    """bitsandbytes quantises weights as transformers reads them, and refuses those that it does not read in plain precision."""
    section = config.pytorch_settings
    if section.quantization is None:
        return
    setting = f"load_in_{section.quantization}"
    if config.draws_weights:
        yield Finding(
            f"{setting} cannot quantise drawn weights: {config.model} has none of its own",
            f"name a model with weights, or remove {setting}",
        )
    elif names_gguf(config.model):
        yield Finding(
            f"{setting} cannot quantise a GGUF file: its weights are quantised already",
            f"name a directory or a repository with safetensors{_same_model(config.model)}, or remove {setting}",
        )


def _same_model(model: str) -> str:
    """The repository of a packaged model, as an example."""
    packaged = PACKAGED_MODELS.get(model)
    return f", such as {packaged.repository}" if packaged else ""


def _gpus(config: ExperimentConfig, cuda_devices: Callable[[], int | None]) -> Iterator[Finding]:
    """Findings about settings that need more NVIDIA GPUs than the machine has."""
    section, processes = config.pytorch_settings, config.pytorch_settings.effective_num_processes
    bound = tuple(_bound_to_cuda(section))
    if section.device == "cpu":
        for setting, otherwise in bound:
            yield Finding(f"{setting}, but pytorch.device is 'cpu'", f"{otherwise}, or set pytorch.device: cuda")
        return
    count = cuda_devices() if bound or processes > 1 else None
    if count == 0:
        for setting, otherwise in bound:
            yield Finding(
                f"{setting}, but no CUDA device was found", f"{otherwise}, or check the driver with: nvidia-smi"
            )
    elif count is not None and count < processes:
        yield Finding(
            f"{processes} processes on this machine would share {count} GPUs; each needs its own GPU",
            f"set pytorch.num_processes: {count}, or set pytorch.device: cpu",
        )


def _bound_to_cuda(section: PyTorchConfig) -> Iterator[tuple[str, str]]:
    """Each setting that works only on NVIDIA GPUs, and its replacement."""
    if section.device == "cuda":
        yield "pytorch.device is 'cuda'", "set pytorch.device: cpu"
    if section.cache_implementation == "offloaded_static":
        yield "pytorch.cache_implementation is 'offloaded_static'", "set pytorch.cache_implementation: static"
    if section.attn_implementation in FLASH_MODULES:
        yield f"pytorch.attn_implementation is '{section.attn_implementation}'", "set pytorch.attn_implementation: sdpa"
    places = section.device_map.values() if isinstance(section.device_map, dict) else (section.device_map,)
    on_cuda = [place for place in places if isinstance(place, int) or (place or "").startswith("cuda")]
    if on_cuda:
        yield f"pytorch.device_map names device {on_cuda[0]}", "set pytorch.device_map: auto"
