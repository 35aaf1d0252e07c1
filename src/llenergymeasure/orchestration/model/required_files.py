"""Checks the files that an experiment loads: the model, a draft model, an adapter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.exceptions import ConfigError, Finding
from llenergymeasure.models.files.local_files import (
    hub_snapshot,
    local_config,
    local_directory,
    read_json_object,
)
from llenergymeasure.models.gguf import names_gguf
from llenergymeasure.orchestration.model.hub import ADAPTER_FILE, MODEL_FILE, is_offline, is_repository_id
from llenergymeasure.orchestration.model.weights import missing_weights, weight_findings

AskHub = Callable[[str, "str | None", str, str], Iterable[Finding]]
# With one of these files, `from_pretrained` reads weights other than those of `weights.STARTS`.
OTHER_WEIGHTS = frozenset(("variant", "subfolder", "gguf_file", "use_safetensors", "cache_dir"))


class RequiredFiles(NamedTuple):
    """A model or an adapter that is loaded.

    Attributes:
        name: built-in model, directory, GGUF file or repository id.
        file: a file that its directory must have.
        revision: of a repository; None = main.
        needs_weights: whether files with weights are read.
        section: the section of the configuration that says how it is loaded.
        without_weights: the fix when it is a built-in model without weights; None = random weights in this section.
        runs_own_code: whether code of its repository is run.
        kind: its role in the experiment, for messages.
        is_compared: whether its configuration is checked against the prompts and the model; a head that proposes tokens has
            a configuration of another kind.
    """

    name: str
    file: str = MODEL_FILE
    revision: str | None = None
    needs_weights: bool = True
    section: str = "pytorch"
    without_weights: str | None = None
    runs_own_code: bool = False
    kind: str = "model"
    is_compared: bool = True

    @property
    def is_gguf(self) -> bool:
        """Whether it is a model in one GGUF file."""
        return self.file == MODEL_FILE and names_gguf(self.name)


class ModelFiles(NamedTuple):
    """The known properties of a model before it is loaded.

    Attributes:
        kind: its role in the experiment.
        name: the name that the user wrote.
        config: the content of its config.json.
        directory: the directory of its files; None for a GGUF file.
        runs_own_code: whether code of its repository is run.
    """

    kind: str
    name: str
    config: Mapping[str, Any]
    directory: Path | None
    runs_own_code: bool = False

    def __str__(self) -> str:
        return f"{self.kind} '{self.name}'"


def required_by(config: ExperimentConfig) -> Iterator[RequiredFiles]:
    """The models and adapters that an experiment loads, the model first."""
    section = config.section
    yield RequiredFiles(
        config.model,
        revision=section.revision,
        needs_weights=not config.draws_weights and not OTHER_WEIGHTS & set(config.passthrough_kwargs or ()),
        section="vllm" if config.backend == "vllm" else "pytorch",
        runs_own_code=bool(section.trust_remote_code),
    )
    if config.decoder.draft_model is not None:
        yield RequiredFiles(
            config.decoder.draft_model, without_weights="name a decoder.draft_model with weights", kind="draft model"
        )
    yield from _proposing(config)
    if config.lora is not None:
        name = config.lora.adapter_id or config.lora.adapter_path or ""
        yield RequiredFiles(name, file=ADAPTER_FILE, needs_weights=False, kind="adapter")


def _proposing(config: ExperimentConfig) -> Iterator[RequiredFiles]:
    """The draft model or head of vLLM, which it loads in the same format as the model."""
    speculative = config.vllm_settings.speculative
    if config.backend == "vllm" and speculative is not None and speculative.model != "ngram":
        yield RequiredFiles(
            speculative.model,
            needs_weights=not config.draws_weights,
            without_weights="name a vllm.speculative.model with weights",
            kind="draft model",
            is_compared=False,
        )


def config_of(required: RequiredFiles, environ: Mapping[str, str]) -> Mapping[str, Any] | None:
    """The config.json of a model; None for an adapter, and when the file is damaged or missing."""
    try:
        return local_config(required.name, required.revision, environ) if required.file == MODEL_FILE else None
    except ConfigError:
        return None


def known_models(config: ExperimentConfig, environ: Mapping[str, str]) -> list[ModelFiles]:
    """The models of an experiment whose configuration is on this machine: the model first, then its draft model."""
    read = [(required, config_of(required, environ)) for required in required_by(config)]
    return [
        ModelFiles(
            required.kind,
            required.name,
            content,
            None if required.is_gguf else local_directory(required.name, required.revision, environ),
            required.runs_own_code,
        )
        for required, content in read
        if content is not None and required.is_compared
    ]


def findings_about(required: RequiredFiles, environ: Mapping[str, str], ask: AskHub | None) -> Iterator[Finding]:
    """Findings that prevent loading a model or an adapter.

    Args:
        required: what is loaded.
        environ: environment variables, for the place of the hub's cache.
        ask: asks the hub for missing files; None = do not ask.
    """
    if required.is_gguf:
        from llenergymeasure.models.files.gguf import gguf_findings  # noqa: PLC0415 - only a GGUF file needs it

        yield from gguf_findings(required.name)
        return
    try:
        directory = local_directory(required.name, required.revision, environ, required.file)
        unfinished = directory is not None and _is_unfinished(required, directory, environ)
        if directory is not None and (directory / required.file).is_file():
            read_json_object(directory / required.file)
    except ConfigError as error:
        yield Finding(error.located, error.fix)
        return
    if directory is None or unfinished:
        yield from _elsewhere(required, environ, ask)
    elif not (directory / required.file).is_file():
        yield _without_its_file(required, directory)
    else:
        yield from _inside(required, directory)


def _is_unfinished(required: RequiredFiles, directory: Path, environ: Mapping[str, str]) -> bool:
    """Whether the hub's cache has only a part of the model; transformers then fetches the rest."""
    if not required.needs_weights or directory != hub_snapshot(required.name, required.revision, environ):
        return False
    return missing_weights(directory)


def _elsewhere(required: RequiredFiles, environ: Mapping[str, str], ask: AskHub | None) -> Iterator[Finding]:
    """Findings about a model or adapter that is missing or incomplete on this machine."""
    what = f"{required.kind} '{required.name}'"
    path = Path(required.name)
    adapter = hub_snapshot(required.name, required.revision, environ, ADAPTER_FILE)
    if _is_file(path):
        yield Finding(f"{what} is a file, not a directory", f"name its directory: {path.parent}")
    elif not is_repository_id(required.name):
        yield Finding(f"{what} is neither an existing directory nor a repository id", "name an existing directory")
    elif adapter is not None and required.file == MODEL_FILE:
        yield _adapter_as_model(adapter, f"lora.adapter_id: {required.name}")
    elif is_offline(environ):
        yield Finding(
            f"{what} is incomplete on this machine, and HF_HUB_OFFLINE forbids the download",
            "unset HF_HUB_OFFLINE, or name a local directory",
        )
    elif ask is not None:
        yield from ask(required.name, required.revision, required.file, required.section)


def _without_its_file(required: RequiredFiles, directory: Path) -> Finding:
    """Findings about a directory without the needed file, from the files that it has."""
    problem = f"directory {directory} has no {required.file}"
    if required.file == MODEL_FILE and (directory / ADAPTER_FILE).is_file():
        return _adapter_as_model(directory, f"lora.adapter_path: {directory}")
    gguf = sorted(path for path in directory.iterdir() if names_gguf(path.name))
    if gguf and required.file == MODEL_FILE:
        return Finding(f"{problem}, but the GGUF file {gguf[0].name}", f"set model: {gguf[0]}")
    below = sorted({path.parent for depth in ("*", "*/*") for path in directory.glob(f"{depth}/{required.file}")})
    if below:
        return Finding(problem, f"name the directory that has it: {below[0]}")
    return Finding(problem, f"name the directory that has {required.file}")


def _adapter_as_model(directory: Path, setting: str) -> Finding:
    try:
        base = read_json_object(directory / ADAPTER_FILE).get("base_model_name_or_path")
    except ConfigError:
        base = None
    model = base if isinstance(base, str) and base else "<the model that it was trained on>"
    return Finding(f"{directory} has an adapter, not a model", f"set model: {model} and {setting}")


def _inside(required: RequiredFiles, directory: Path) -> Iterator[Finding]:
    """Findings about a directory that has the needed file."""
    applied = (
        required.file == MODEL_FILE and required.section == "pytorch"
    )  # vLLM applies only the adapter of a request
    if applied and (directory / ADAPTER_FILE).is_file():
        yield Finding(
            f"directory {directory} has an adapter beside the model, which transformers would apply automatically",
            "move the adapter's files to another directory, and set lora.adapter_path to it if you want to use the adapter",
        )
    if not required.needs_weights:
        return
    if required.name.startswith("builtin/"):
        fix = required.without_weights or f"set {required.section}.load_format: dummy"
        yield Finding(f"model '{required.name}' comes without weights", fix)
        return
    yield from weight_findings(directory)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that is not valid on the file system
        return False
