"""Warnings about the model: its weights, compilation, unused settings, and the defaults in its own files."""

from __future__ import annotations

from collections.abc import Callable

from llenergymeasure.core.quality.applied import settings_not_applied
from llenergymeasure.core.quality.machine_warnings import Warnings
from llenergymeasure.domain.measurements import ModelInfo
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.domain.warnings import MeasurementWarning, warning


def _compilation(draft: ExperimentResult) -> Warnings:
    found, warmup = draft.compilation, draft.warmup
    if found is None:
        return
    if found.count:
        share = found.seconds / draft.duration_sec
        yield warning(
            "compiled_in_window",
            f"{found.count} compilations took {found.seconds:.3g} s of the window, {100 * share:.3g} % of it",
            "set warmup.enabled: true" if warmup is None else "read times and energy as those of a first run",
            count=found.count,
            seconds=found.seconds,
            duration_sec=draft.duration_sec,
        )
    elif draft.config.pytorch_settings.torch_compile and warmup is not None and warmup.compilations == 0:
        yield warning(
            "compile_without_effect",
            f"torch_compile is true, but {found.count} compilations took place: the model ran without compilation",
            "check whether TORCH_COMPILE_DISABLE or TORCHDYNAMO_DISABLE is set",
            count=found.count,
        )


def _scheduler(draft: ExperimentResult) -> Warnings:
    found = draft.scheduler
    if found is not None and found.preemptions:
        yield warning(
            "requests_preempted",
            f"requests were stopped {found.preemptions} times because the KV cache was full, and their tokens were computed again",
            "lower vllm.max_num_seqs, or enlarge the KV cache: raise vllm.gpu_memory_utilization, on a CPU set "
            "VLLM_CPU_KVCACHE_SPACE (GiB)",
            preemptions=found.preemptions,
            kv_cache_tokens=found.kv_cache_tokens,
        )


# What moves a model to the GPU, by backend.
_TO_GPU = {"vllm": "install vLLM for GPUs", "server": "start a server that uses it"}


# A shorter name is a part of many others by chance.
LEAST_NAME = 4


def _model(draft: ExperimentResult) -> Warnings:
    if draft.model_info.random_weights:
        yield _random_weights(draft)
    if draft.model_info.n_unexpected_weights:
        yield _unexpected_weights(draft.model_info)
    yield from _parameters(draft.model_info)
    if draft.model_info.device == "cpu":
        fix = _TO_GPU.get(draft.config.backend, "set pytorch.device: cuda")
        yield warning("cpu_inference", "the model ran on the CPU", f"on a machine with a GPU {fix}")


def _random_weights(draft: ExperimentResult) -> MeasurementWarning:
    seed = draft.config.seed_of_weights
    drawn = "the engine's own seed" if seed is None else f"seed {seed}"
    return warning(
        "random_weights",
        f"{draft.model_info.name} ran with random weights ({drawn}): the generated text has no meaning",
        "start the server with a model that has weights"
        if draft.config.backend == "server"
        else f"set {draft.config.backend}.load_format: auto and name a model with weights",
        random_seed=seed,
    )


def _parameters(info: ModelInfo) -> Warnings:
    """Both FLOPs methods use the architecture, so the loaded modules must have its number of parameters."""
    known, counted = info.n_matmul_parameters, info.n_matmul_parameters_counted
    if known is not None and counted is not None and known != counted:
        yield warning(
            "parameters_disagree",
            f"the architecture has {known} parameters in matrix products, but the loaded modules have {counted}",
            "treat the FLOPs as unknown, and report the model's config.json",
            architecture=known,
            counted=counted,
        )


def _unexpected_weights(info: ModelInfo) -> MeasurementWarning:
    return warning(
        "unexpected_weights",
        f"{info.n_unexpected_weights} tensors of the checkpoint are not used by the model, such as "
        f"{', '.join(info.unexpected_weights)}",
        "check that the checkpoint is of this architecture",
        n_unexpected_weights=info.n_unexpected_weights,
    )


def _settings(draft: ExperimentResult) -> Warnings:
    decoder = draft.config.decoder
    if decoder.decoding_strategy == "sampling":
        return
    chosen = (("temperature", decoder.temperature, 1.0), ("top_p", decoder.top_p, 1.0), ("top_k", decoder.top_k, None))
    unused = {name: value for name, value, default in chosen if value is not None and value != default}
    if unused:
        named = ", ".join(f"{name} {value:g}" for name, value in unused.items())
        yield warning(
            "decoder_setting_unused",
            f"{named} has no effect with {decoder.decoding_strategy} decoding",
            "set decoder.decoding_strategy: sampling",
            **unused,
        )


def _model_defaults(draft: ExperimentResult) -> Warnings:
    chosen = draft.model_info.model_generation_defaults
    if not chosen:
        return
    named = ", ".join(f"{name} {_shortened(value)}" for name, value in chosen.items())
    by_field = "; min_output_tokens replaces min_length" if "min_length" in chosen else ""
    numbers = {name: value for name, value in chosen.items() if isinstance(value, (int, float))}
    yield warning(
        "model_generation_defaults",
        f"the model's own files set {named}, which changes the output or the speed of generation",
        f"report it, or set the same names in passthrough_kwargs (null switches one off{by_field})",
        **numbers,
    )


def _served(draft: ExperimentResult) -> Warnings:
    served, settings = None if draft.server is None else draft.server.served_model, draft.config.server_settings
    model = draft.config.model
    if served is None or settings.served_model is not None or settings.names_model or _same_name(model, served):
        return
    yield warning(
        "served_model_differs",
        f"the server serves '{served}', and model is '{model}': the result is of what it serves",
        "correct model, or name what it serves in server.served_model if it is the same model",
    )


def _same_name(model: str, served: str) -> bool:
    """Whether two names may be of one model: of a file, with a quantisation, or in a path, such as m.q8_0.gguf for org/m."""
    wanted, found = _plain(_last_part(model)), _plain(_last_part(served))
    return wanted in _plain(served) or (len(found) >= LEAST_NAME and found in wanted)


def _last_part(name: str) -> str:
    return name.rstrip("/").rpartition("/")[2]


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name.lower()))


def _shortened(value: object, limit: int = 60) -> str:
    text = str(value)
    return f"{text[:limit]}..." if len(text) > limit else text


MODEL_CHECKS: tuple[Callable[[ExperimentResult], Warnings], ...] = (
    _compilation, _scheduler, _model, _settings, settings_not_applied, _model_defaults, _served,
)  # fmt: skip
