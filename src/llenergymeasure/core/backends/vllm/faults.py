"""Explains the errors of vLLM. It catches every exception of the library."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.backends.vllm.arguments import KV_CACHE_SPACE
from llenergymeasure.core.backends.vllm.installation import built_for_cpu
from llenergymeasure.core.backends.vllm.processes.several import VLLMProcessError
from llenergymeasure.exceptions import BackendError, LLEMError, OutOfMemory
from llenergymeasure.security import redact


@contextmanager
def explained(doing: str, config: ExperimentConfig, on_cpu: Callable[[], bool] = built_for_cpu) -> Iterator[None]:
    """Turn every failure inside into a `BackendError` that names the cause and the fix.

    Args:
        doing: name of the operation, such as generating.
        config: the experiment.
        on_cpu: returns whether vLLM was built for CPUs.

    Raises:
        BackendError: with the original as its cause.
    """
    try:
        yield
    except LLEMError:
        raise
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise OutOfMemory(_out_of_memory(doing, config, error, on_cpu())) from error
    except Exception as error:
        text = f"{error}"
        if any(part in text for part in _OUT_OF_MEMORY):
            raise OutOfMemory(_out_of_memory(doing, config, error, on_cpu())) from error
        raise BackendError(f"{doing} failed: {_first_words(error)}{_fix(error)}") from error


# Of torch on a CPU, of the CUDA allocator in another process, and of vLLM's check of free memory.
_OUT_OF_MEMORY = ("can't allocate memory", "out of memory", "less than desired GPU memory", "Cannot allocate memory")


def _out_of_memory(doing: str, config: ExperimentConfig, error: BaseException, on_cpu: bool) -> str:
    section = config.vllm_settings
    name = "max_model_len" if on_cpu else "gpu_memory_utilization"
    chosen = (
        f"{_chosen('max_num_seqs', section.max_num_seqs)}, {_chosen(name, getattr(section, name))}, {config.precision}"
    )
    fix = _less_memory_on_cpu(section.gpu_memory_utilization) if on_cpu else _LESS_MEMORY_ON_GPU
    return f"{doing} ran out of memory ({chosen}): {_first_words(error)}; {fix}"


_LESS_MEMORY_ON_GPU = (
    "lower vllm.gpu_memory_utilization, vllm.max_num_seqs or vllm.max_num_batched_tokens, load weights in fewer bits, or "
    "spread the model with vllm.tensor_parallel_size"
)


def _less_memory_on_cpu(share: float | None) -> str:
    """The share of the memory of a CPU has an effect only where it is set; without it, the KV cache has a size."""
    cache = f"passthrough_kwargs.kv_cache_memory_bytes or the environment variable {KV_CACHE_SPACE} (GiB)"
    lower = "" if share is None else f"lower vllm.gpu_memory_utilization ({share}), or "
    return (
        f"{lower}lower vllm.max_model_len, vllm.max_num_seqs or vllm.max_num_batched_tokens, set a smaller KV cache with {cache}, "
        "or load weights in fewer bits"
    )


def _chosen(name: str, value: object) -> str:
    return f"{name} {'not set' if value is None else value}"


_ITS_LOG = "the log llenergymeasure.vllm has at level DEBUG what vLLM's processes wrote"
# The first match applies: text of vLLM's message, fix.
_FIXES: tuple[tuple[str, str], ...] = (
    (
        r"KV cache is needed|No available memory for the cache blocks|KV cache.*(too small|larger than the available)",
        "; lower vllm.max_model_len, or give the KV cache more memory: raise vllm.gpu_memory_utilization, on a CPU set "
        "passthrough_kwargs: {kv_cache_memory_bytes: 4294967296} or VLLM_CPU_KVCACHE_SPACE (GiB)",
    ),
    (
        r"requested memory for kv \(-",
        "; the weights alone take more than vllm.gpu_memory_utilization allows: raise it, or remove it",
    ),
    (
        r"on kv cache allocation is less than|controls the fraction of CPU memory",
        "; lower vllm.gpu_memory_utilization, VLLM_CPU_KVCACHE_SPACE or passthrough_kwargs.kv_cache_memory_bytes",
    ),
    (
        r"Not enough allowed NUMA nodes",
        "; on a CPU with fewer memory nodes than processes name the CPUs of each, such as VLLM_CPU_OMP_THREADS_BIND='0|1', or "
        "set vllm.tensor_parallel_size: 1",
    ),
    (
        r"longer than the maximum|is too long|maximum context length",
        "; raise vllm.max_model_len, or lower max_input_tokens or max_output_tokens",
    ),
    (
        r"max_model_len.*(greater|larger|exceed)|maximum model length",
        "; lower vllm.max_model_len, or remove it to use the model's own limit",
    ),
    (
        r"[Mm]odel architectures .* (not supported|failed)|no vLLM implementation|are not supported for now",
        "; measure it with backend: pytorch, or name a model that vLLM supports",
    ),
    (
        r"does not recognize this architecture",
        "; name a model that transformers and vLLM know, or install newer releases of both",
    ),
    (r"(gated|[Uu]nauthorized|[Ff]orbidden|40[13] [Cc]lient)", "; accept the model's terms on its page and set HF_TOKEN"),
    (
        r"backend tokenizer|JSONDecodeError",
        "; a file of the model is missing or damaged, such as tokenizer.json or tokenizer_config.json: fetch or copy it again",
    ),
    (
        r"config file for \w+",
        "; vllm.quantization names a format of quantised checkpoints: name such a checkpoint, or remove vllm.quantization",
    ),
    (
        r"Missing required configuration fields",
        "; the adapter_config.json of the adapter is incomplete: fetch or copy it again",
    ),
    (r"safetensors|HeaderTooLarge|incomplete metadata", "; the weights file is damaged or incomplete: fetch or copy it again"),
    (
        r"EngineDead|died unexpectedly|timed out|EngineCore encountered|Executor failed",
        "; a process of vLLM ended or hangs: look for a lack of memory in the log of the system, and lower "
        f"vllm.max_num_seqs, vllm.gpu_memory_utilization or, on a CPU, {KV_CACHE_SPACE}; {_ITS_LOG}",
    ),
    (r"root cause above|initialization failed|stack trace", f"; {_ITS_LOG}"),
    (r"world size .* (is larger|exceed)|[Nn]ot enough GPUs|tensor.parallel", "; lower vllm.tensor_parallel_size"),
    (r"unexpected keyword argument|[Vv]alidation error", "; check the section vllm and the names in passthrough_kwargs"),
)  # fmt: skip


def _fix(error: Exception) -> str:
    """What to do, if the kind of failure is known; empty otherwise."""
    text = f"{type(error).__name__}: {error}"
    return next((fix for pattern, fix in _FIXES if re.search(pattern, text, re.DOTALL)), "")


def _first_words(error: BaseException, limit: int = 400) -> str:
    text = redact(" ".join(str(error).split())).rstrip(".")
    if isinstance(error, VLLMProcessError):
        return f"{text[:limit]}{'...' if len(text) > limit else ''}"
    return ": ".join(filter(None, [type(error).__name__, f"{text[:limit]}{'...' if len(text) > limit else ''}"]))
