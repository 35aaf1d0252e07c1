"""Notes for the user before a run that can start. They are written to stderr and are never errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.study.models import StudyConfig
from llenergymeasure.core.backends.registry import BACKENDS
from llenergymeasure.models.files.local_files import local_directory
from llenergymeasure.orchestration.model.prompts import notes_on_length
from llenergymeasure.orchestration.model.required_files import known_models, required_by
from llenergymeasure.orchestration.model.vram import estimate_for

if TYPE_CHECKING:
    from llenergymeasure.domain.energy import MeterChoice
    from llenergymeasure.domain.environment import GpuInfo

MEGABYTES_PER_GIGABYTE = 1000


def notes(
    config: ExperimentConfig, environ: Mapping[str, str], meter: MeterChoice, gpus: Sequence[GpuInfo]
) -> Iterator[str]:
    """One sentence per note, with its numbers and the fix.

    Args:
        config: the experiment.
        environ: environment variables, for the place of the hub's cache.
        meter: the chosen meter.
        gpus: the GPUs that the experiment uses.

    Raises:
        ConfigError: the model's config.json is damaged.
    """
    if meter.name == "none":
        yield f"energy will not be measured: {meter.reason}"
    yield from length_notes(config, environ)
    yield from _unfilled_batch(config)
    yield from _memory(config, environ, gpus)
    for gpu in gpus:
        if gpu.persistence_mode is False:
            yield f"GPU {gpu.index} ({gpu.name}) has persistence mode off; run: sudo nvidia-smi -pm 1"


def notes_on_study(study: StudyConfig) -> Iterator[str]:
    """A note about settings of a study that have no effect on a single experiment."""
    if study.without_effect:
        yield (
            f"{', '.join(study.without_effect)}: without effect on a single experiment, which runs once and in this process; "
            "set execution.n_cycles to 2 or more for a study"
        )


def plan_notes(config: ExperimentConfig, environ: Mapping[str, str]) -> Iterator[str]:
    """Notes on an experiment that is planned and not run: what a dry run does not check, and long prompts."""
    if not BACKENDS[config.backend].own_models:
        yield from _absent(config, environ)
    yield from length_notes(config, environ)
    yield from _unfilled_batch(config)


def _absent(config: ExperimentConfig, environ: Mapping[str, str]) -> Iterator[str]:
    """A note on each model and adapter that the run would fetch, because a dry run does not use the network."""
    for required in required_by(config):
        if required.is_gguf or local_directory(required.name, required.revision, environ, required.file) is not None:
            continue
        yield (
            f"{required.kind} '{required.name}' is not on this machine: the run would fetch it from the hub; "
            "a dry run does not use the network, so it is not known whether the hub has it"
        )


def length_notes(config: ExperimentConfig, environ: Mapping[str, str]) -> Iterator[str]:
    """A note that prompts may be longer than a model was designed for, if that is not an error."""
    for model in known_models(config, environ):
        yield from notes_on_length(config, model)


def _unfilled_batch(config: ExperimentConfig) -> Iterator[str]:
    """A note that no batch can be full: larger batch sizes then measure the same work."""
    if config.backend != "pytorch":
        return
    section = config.pytorch_settings
    most = -(-config.n // section.effective_num_processes)
    if section.effective_batch_size > most:
        yield (
            f"pytorch.batch_size is {section.effective_batch_size}, but a process has at most {most} prompts (n is {config.n}), "
            "so no batch is full; raise n, or lower pytorch.batch_size"
        )


def _memory(config: ExperimentConfig, environ: Mapping[str, str], gpus: Sequence[GpuInfo]) -> Iterator[str]:
    """A note when the estimate exceeds the memory of all GPUs; nothing when either is not known."""
    sizes = [gpu.vram_mb for gpu in gpus if gpu.vram_mb is not None]
    estimate = estimate_for(config, environ)
    if not sizes or len(sizes) < len(gpus) or estimate.total_mb is None or estimate.total_mb <= sum(sizes):
        return
    rows = "vllm.max_num_seqs" if config.backend == "vllm" else "pytorch.batch_size"
    yield (
        f"memory may not suffice: {estimate}, but {len(sizes)} GPU{'s have' if len(sizes) > 1 else ' has'} "
        f"{sum(sizes) / MEGABYTES_PER_GIGABYTE:.3g} GB; lower {rows}, max_input_tokens or max_output_tokens, "
        "or load weights in fewer bits"
    )
