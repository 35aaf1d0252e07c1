"""Finds everything that would make a run fail, before it starts, and reports all findings together.

Each check is a small function from the request to findings. A new check is added to `CHECKS`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.backends.registry import BACKENDS, cannot_measure, importable, setting_findings
from llenergymeasure.datasets.loader import open_dataset
from llenergymeasure.exceptions import ConfigError, Finding, PreFlightError
from llenergymeasure.models.builtin import BUILTIN_MODELS
from llenergymeasure.models.files.local_files import local_directory
from llenergymeasure.orchestration.model.causal import causal_findings
from llenergymeasure.orchestration.model.chat_template import lacks_chat_template
from llenergymeasure.orchestration.model.hub import hub_findings
from llenergymeasure.orchestration.model.model_types import ModelTypes, installed_model_types
from llenergymeasure.orchestration.model.prompts import prompt_findings, vocabulary_findings
from llenergymeasure.orchestration.model.required_files import (
    AskHub,
    ModelFiles,
    config_of,
    findings_about,
    known_models,
    required_by,
)


def _architectures_of_vllm() -> frozenset[str] | None:
    from llenergymeasure.orchestration.vllm_model import installed_architectures  # noqa: PLC0415 - only vLLM needs it

    return installed_architectures()


@dataclass(frozen=True)
class Request:
    """The experiment to check, and the functions that checks may call about the machine.

    Attributes:
        config: the experiment.
        output_dir: the directory for results; None when nothing is written.
        processes: number of processes that a launcher has started; None = as configured.
        local_processes: number of them on this machine; None = all.
        online: whether the hub may be asked about files that are not on this machine.
        has: whether a module is installed.
        cuda_devices: returns the number of CUDA devices visible to this process; None = not known.
        meters: returns findings about a meter by its name; None = no meter is checked.
        hub: returns findings about files that are not on this machine.
        model_types: returns the model types of transformers by task; None = not known.
        vllm_architectures: returns the architectures that vLLM knows; None = not known.
    """

    config: ExperimentConfig
    output_dir: Path | None = None
    processes: int | None = None
    local_processes: int | None = None
    online: bool = True
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    has: Callable[[str], bool] = importable
    cuda_devices: Callable[[], int | None] = lambda: None
    meters: Callable[[str], list[Finding]] | None = None
    hub: AskHub = hub_findings
    model_types: Callable[[], ModelTypes | None] = installed_model_types
    vllm_architectures: Callable[[], frozenset[str] | None] = _architectures_of_vllm


Findings = Iterator[Finding]


def findings_of(request: Request) -> tuple[Finding, ...]:
    """The findings of all checks; the files of a model that only its backend understands are not checked."""
    own_models = BACKENDS[request.config.backend].own_models
    checks = [check for check in CHECKS if not (own_models and check in _CHECKS_OF_FILES)]
    return tuple(finding for check in checks for finding in check(request))


def refuse(found: Sequence[Sequence[Finding]]) -> None:
    """Refuse a list of experiments if there is a finding for any of them.

    Args:
        found: findings of each experiment, in order. A finding that several experiments share is reported once, with their numbers.

    Raises:
        PreFlightError: with all findings.
    """
    places: dict[Finding, list[int]] = {}
    for number, findings in enumerate(found, 1):
        for finding in findings:
            places.setdefault(finding, []).append(number)
    if places:
        raise PreFlightError([_placed(finding, numbers, len(found)) for finding, numbers in places.items()])


def _placed(finding: Finding, numbers: Sequence[int], count: int) -> Finding:
    if count == 1:
        return finding
    several = "s" if len(numbers) > 1 else ""
    which = "every experiment" if len(numbers) == count else f"experiment{several} {', '.join(map(str, numbers))}"
    return replace(finding, problem=f"{which}: {finding.problem}")


def _backend(request: Request) -> Findings:
    name = request.config.backend
    entry = BACKENDS[name]
    if entry.factory is None:
        yield cannot_measure(name)
        return
    missing = [module for module in entry.needs if not request.has(module)]
    if missing:
        yield Finding(f"backend '{name}' needs {' and '.join(missing)} (not installed)", entry.install)


def _settings(request: Request) -> Findings:
    """Findings about settings of the backend. It runs after `_models`, which fetches files from the hub."""
    own_models = BACKENDS[request.config.backend].own_models
    checkpoint = {} if own_models else config_of(next(required_by(request.config)), request.environ) or {}
    yield from setting_findings(request.config, checkpoint, request.has, request.cuda_devices)


def _server(request: Request) -> Findings:
    """Findings about a server that should be running already; a dry run does not connect to it."""
    if request.config.backend == "server" and request.online:
        from llenergymeasure.core.backends.server.answers import answer_findings  # noqa: PLC0415 - only a server needs it

        yield from answer_findings(request.config, request.environ)


def _processes(request: Request) -> Findings:
    """Findings about the number of processes."""
    config, section = request.config, request.config.pytorch_settings
    count = request.processes or section.effective_num_processes
    if count > 1 and BACKENDS[config.backend].process_group is None:
        yield Finding(
            f"backend '{config.backend}' runs in one process, but {count} processes were started",
            "start one process" + ("; vLLM itself starts those of tensor_parallel_size" * (config.backend == "vllm")),
        )
        return
    if section.num_processes not in (None, count):
        yield Finding(
            f"pytorch.num_processes is {section.num_processes}, but {count} processes were started",
            "remove pytorch.num_processes, or start that many processes",
        )
    if count > config.n:
        yield Finding(f"{config.n} prompts are fewer than {count} processes", f"set n to {count} or more")
    if count > 1 and section.device_map is not None:
        yield Finding(
            "pytorch.device_map spreads one model over devices that other processes use",
            "remove it, or set pytorch.num_processes: 1",
        )
    if section.num_processes is None and section.device != "cpu":  # the backend checks the configured number
        yield from _too_few_gpus(request)


def _too_few_gpus(request: Request) -> Findings:
    """A finding when a launcher started more processes than there are GPUs; without any GPU they share the CPU."""
    count = request.local_processes or 1
    gpus = request.cuda_devices() if count > 1 else None
    if gpus and count > gpus:
        yield Finding(
            f"{count} processes on this machine would share {gpus} GPUs; each needs its own GPU",
            f"start {gpus} processes, or set pytorch.device: cpu",
        )


def _energy(request: Request) -> Findings:
    if request.meters is not None:
        yield from request.meters(request.config.energy.backend)


def _models(request: Request) -> Findings:
    ask = request.hub if request.online and request.has("huggingface_hub") else None
    for required in required_by(request.config):
        yield from findings_about(required, request.environ, ask)


def _tasks(request: Request) -> Findings:
    """Findings about the task of the models. It runs after `_models`, which fetches files and reports damaged ones."""
    for model in known_models(request.config, request.environ):
        if model.name in BUILTIN_MODELS:
            continue  # avoids reading the tables of transformers in every dry run
        if request.config.backend == "vllm":
            yield from _task_in_vllm(request, model)
        else:
            yield from causal_findings(model, request.model_types())


def _task_in_vllm(request: Request, model: ModelFiles) -> Findings:
    from llenergymeasure.orchestration.vllm_model import architecture_findings  # noqa: PLC0415 - only vLLM needs it

    yield from causal_findings(model, None)
    yield from architecture_findings(model, request.vllm_architectures(), request.model_types())


def _chat_template(request: Request) -> Findings:
    config = request.config
    if not config.apply_chat_template:
        return
    try:
        directory = local_directory(config.model, config.section.revision, request.environ)
    except ConfigError:  # the check of the model reports it
        return
    if directory is not None and lacks_chat_template(directory):
        yield Finding(
            f"apply_chat_template is true, but {config.model} has no chat template",
            "set apply_chat_template: false, or name an instruct model",
        )


def _dataset(request: Request) -> Findings:
    config = request.config
    try:
        open_dataset(config.dataset, config.n, config.random_seed)
    except ConfigError as error:
        yield Finding(error.located, error.fix)


def _prompts(request: Request) -> Findings:
    models = known_models(request.config, request.environ)
    for model in models:
        yield from prompt_findings(request.config, model)
    if len(models) > 1:
        yield from vocabulary_findings(*models)
    if request.config.backend == "vllm" and models:
        from llenergymeasure.orchestration.vllm_model import cache_findings  # noqa: PLC0415 - only vLLM needs it

        yield from cache_findings(request.config, models[0], request.environ)


def _output(request: Request) -> Findings:
    return output_findings(request.output_dir)


def output_findings(output_dir: Path | None) -> Findings:
    """Findings about the directory for results; None = nothing is written."""
    if output_dir is None:
        return
    place = output_dir.absolute()
    existing = next(path for path in (place, *place.parents) if path.exists())
    if not existing.is_dir():
        yield Finding(f"output directory {place}: {existing} is not a directory", "choose another --output")
        return
    try:
        TemporaryDirectory(prefix=".llem-", dir=existing).cleanup()  # checking permissions misses what root may not do
    except OSError as error:
        yield Finding(
            f"output directory {place}: {existing} is not writable ({error.strerror})", "choose another --output"
        )


CHECKS: tuple[Callable[[Request], Findings], ...] = (
    _backend, _models, _tasks, _chat_template, _settings, _server, _processes, _energy, _dataset, _prompts, _output,
)  # fmt: skip
_CHECKS_OF_FILES = (_models, _tasks, _chat_template, _prompts)
