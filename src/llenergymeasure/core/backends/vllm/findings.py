"""Checks settings of the vLLM backend against the model and this machine. It does not import vllm."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.backends.vllm.installation import built_for_cpu, installation_findings
from llenergymeasure.core.backends.vllm.passthrough import installed_names, passthrough_findings
from llenergymeasure.core.model_limits import limits_of
from llenergymeasure.exceptions import Finding
from llenergymeasure.models.gguf import names_gguf

Has = Callable[[str], bool]

# Formats of weights below 16 bits; vLLM reads them from a checkpoint, or quantises while it loads.
QUANTISED = ("int8", "int4")


def setting_findings(
    config: ExperimentConfig,
    checkpoint: Mapping[str, Any],
    has: Has,
    cuda_devices: Callable[[], int | None],
    installation: Callable[[], Iterator[Finding]] = installation_findings,
    on_cpu: Callable[[], bool] = built_for_cpu,
    names: Callable[[], Collection[str] | None] = installed_names,
) -> Iterator[Finding]:
    """Findings about settings that vLLM would refuse after a long load.

    Args:
        config: the experiment.
        checkpoint: content of the model's config.json; empty when it is not known.
        has: whether a module is installed.
        cuda_devices: returns the number of CUDA devices visible to this process, None when not known; called only if needed.
        installation: returns findings about the Python and the release of vLLM.
        on_cpu: returns whether vLLM was built for CPUs.
        names: returns the names of the arguments of vLLM, None when not known; called only if needed.
    """
    yield from installation()
    if config.passthrough_kwargs:
        yield from passthrough_findings(config, names())
    yield from _decoding(config)
    yield from _weights(config, checkpoint)
    yield from _length(config, checkpoint)
    yield from _blocks(config, checkpoint, on_cpu)
    if has("torch"):
        yield from _gpus(config, has, cuda_devices, on_cpu)


def _decoding(config: ExperimentConfig) -> Iterator[Finding]:
    """vLLM does beam search outside its engine, step by step, so that no request has a time of its own."""
    if config.decoder.decoding_strategy == "beam":
        yield Finding(
            "backend 'vllm' does not measure beam search: vLLM does it outside its scheduler, without times of requests",
            "set decoder.decoding_strategy: greedy or sampling, or set backend: pytorch",
        )


def _weights(config: ExperimentConfig, checkpoint: Mapping[str, Any]) -> Iterator[Finding]:
    if names_gguf(config.model) and not config.draws_weights:
        yield Finding(
            f"vLLM does not read GGUF files: {config.model}",
            "name a directory or a repository with safetensors, or set backend: pytorch",
        )
    quantised = config.vllm_settings.quantization or checkpoint.get("quantization_config")
    if config.precision in QUANTISED and not quantised and checkpoint:
        yield Finding(
            f"precision {config.precision} needs quantised weights, and {config.model} has none",
            "name a quantised checkpoint, set vllm.quantization, or set precision: bf16",
        )


def _length(config: ExperimentConfig, checkpoint: Mapping[str, Any]) -> Iterator[Finding]:
    """vLLM refuses sequences beyond the model's positions, which could give wrong results or an error of the GPU."""
    asked, positions = config.vllm_settings.max_model_len, limits_of(checkpoint).positions
    if asked is not None and positions is not None and asked > positions:
        yield Finding(
            f"vllm.max_model_len is {asked}, but the model has {positions} positions",
            f"set vllm.max_model_len: {positions} or less",
        )


def _blocks(config: ExperimentConfig, checkpoint: Mapping[str, Any], on_cpu: Callable[[], bool]) -> Iterator[Finding]:
    """The kernel for CPUs needs blocks of a multiple of 32 tokens; latent attention has a size of its own, which vLLM sets."""
    size = config.vllm_settings.block_size
    if size is not None and size % 32 and "kv_lora_rank" not in checkpoint and on_cpu():
        yield Finding(
            f"vllm.block_size is {size}, which vLLM's kernel for CPUs does not have", "set vllm.block_size: 32"
        )


def _gpus(
    config: ExperimentConfig, has: Has, cuda_devices: Callable[[], int | None], on_cpu: Callable[[], bool]
) -> Iterator[Finding]:
    """A finding where the machine has fewer GPUs than are needed. vLLM for CPUs needs none, and uses processes on the CPU."""
    section = config.vllm_settings
    count = None if on_cpu() else cuda_devices()
    if count == 0 and has("vllm"):
        yield Finding(
            "the installed vLLM is the build for GPUs, and no CUDA device is visible to this process",
            "make a GPU visible, or install vLLM for CPUs: make vllm in the source folder",
        )
    if count and count < section.gpus:
        yield Finding(
            f"vllm.tensor_parallel_size {section.effective_tensor_parallel_size} x pipeline_parallel_size "
            f"{section.effective_pipeline_parallel_size} needs {section.gpus} GPUs, and {count} are visible",
            f"lower them to a product of at most {count}, or make more GPUs visible",
        )
