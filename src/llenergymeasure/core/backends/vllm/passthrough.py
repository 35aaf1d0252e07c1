"""Checks `passthrough_kwargs` against the names that vLLM knows. It reads them from vLLM's files and does not import vllm."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.exceptions import BackendError, Finding

# Fields of `SamplingParams` that vLLM fills itself.
NOT_ARGUMENTS = frozenset({"output_text_buffer_length", "skip_clone"})
# Arguments that vLLM has, but with which there is no measurement, and the reason.
_PROCESSES = "vllm.tensor_parallel_size decides in which processes the model is"
_OBJECT = "vLLM takes a Python object of its own there, which a configuration cannot hold"
NOT_PASSED: Mapping[str, str] = {
    "prompt_logprobs": "they are a second output of a prompt",
    "distributed_executor_backend": _PROCESSES,
    "data_parallel_size": _PROCESSES,
    "prefill_context_parallel_size": _PROCESSES,
    "nnodes": _PROCESSES,
    "worker_cls": _PROCESSES,
    "runner": "a measurement generates text",
    "convert": "a measurement generates text",
    "skip_tokenizer_init": "the tokenizer counts the tokens of a prompt",
    "structured_outputs": _OBJECT,
    "repetition_detection": _OBJECT,
}


class Source(NamedTuple):
    """Where vLLM defines arguments.

    Attributes:
        file: path in the package.
        class_name: the class whose annotated fields and arguments of `__init__` they are.
    """

    file: str
    class_name: str


SOURCES = (
    Source("engine/arg_utils.py", "EngineArgs"),
    Source("sampling_params.py", "SamplingParams"),
    Source("entrypoints/llm.py", "LLM"),
)


def passthrough_findings(config: ExperimentConfig, known: Collection[str] | None) -> Iterator[Finding]:
    """Findings about arguments that vLLM does not know, and those with which there is no measurement.

    Args:
        config: the experiment.
        known: names of all arguments of vLLM; None = not known, then every name is accepted.
    """
    names = set(config.passthrough_kwargs or {})
    unknown = sorted(names - set(known)) if known is not None else []
    if unknown:
        yield Finding(
            f"passthrough_kwargs has {', '.join(unknown)}, which neither vllm.LLM nor SamplingParams knows",
            "correct the name or remove it",
        )
    for name in sorted(names & set(NOT_PASSED)):
        yield Finding(f"passthrough_kwargs may not set {name}: {NOT_PASSED[name]}", "remove it")


def check_passthrough(config: ExperimentConfig, known: Collection[str]) -> None:
    """Refuse the same arguments.

    Raises:
        BackendError: with the names and the fix.
    """
    for finding in passthrough_findings(config, known):
        raise BackendError(f"{finding.problem}; {finding.fix}")


@cache
def installed_names() -> frozenset[str] | None:
    """The names of all arguments of the installed vLLM; None when it is missing or its files have another form."""
    found = find_spec("vllm")
    return None if found is None or found.origin is None else argument_names(Path(found.origin).parent)


def argument_names(package: Path) -> frozenset[str] | None:
    """The names of all arguments of a vLLM in this directory; None when a file is missing or has another form."""
    names: set[str] = set()
    for source in SOURCES:
        try:
            statements = ast.parse((package / source.file).read_text(encoding="utf-8")).body
        except (OSError, SyntaxError, ValueError):
            return None
        of_class = _names_of(statements, source.class_name)
        if not of_class:
            return None
        names |= of_class
    return frozenset(name for name in names if not name.startswith("_")) - NOT_ARGUMENTS


def _names_of(statements: list[ast.stmt], class_name: str) -> set[str]:
    classes = (each for each in statements if isinstance(each, ast.ClassDef) and each.name == class_name)
    body = [statement for each in classes for statement in each.body]
    fields = {each.target.id for each in body if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)}
    starts = [each.args for each in body if isinstance(each, ast.FunctionDef) and each.name == "__init__"]
    arguments = {argument.arg for start in starts for argument in (*start.args, *start.kwonlyargs)}
    return (fields | arguments) - {"self"}
