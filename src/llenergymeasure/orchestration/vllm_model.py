"""Checks from files whether vLLM can run a model: its architecture, and the memory of its KV cache. It does not import vllm."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.backends.vllm.arguments import GIB, KV_CACHE_SPACE, kv_cache_bytes_on_cpu
from llenergymeasure.core.backends.vllm.installation import built_for_cpu
from llenergymeasure.core.flops.architecture import shape_of
from llenergymeasure.core.model_limits import limits_of
from llenergymeasure.exceptions import Finding
from llenergymeasure.orchestration.model.kv_cache import UnknownCacheError, cache_bytes
from llenergymeasure.orchestration.model.model_types import ModelTypes
from llenergymeasure.orchestration.model.required_files import ModelFiles

# Parts of the names of the tables whose models give no text: they embed, classify, or propose tokens to another model.
NO_TEXT = re.compile("EMBEDDING|LATE_INTERACTION|REWARD|CLASSIFICATION|POOLING|SPECULATIVE")
REGISTRY_FILE = "model_executor/models/registry.py"
# Size of a key or value by vllm.kv_cache_dtype; others are not estimated.
BYTES_PER_VALUE: Mapping[str, int] = {"auto": 2, "float16": 2, "bfloat16": 2, "fp8": 1, "fp8_e4m3": 1, "fp8_e5m2": 1}
# vLLM's default block on CPUs. A prompt takes whole blocks, and vLLM keeps one block for itself.
BLOCK = 128


@cache
def installed_architectures() -> frozenset[str] | None:
    """The architectures with which the installed vLLM generates; None when it is missing or its table has another form."""
    found = find_spec("vllm")
    if found is None or found.origin is None:
        return None
    try:
        return architectures_in((Path(found.origin).parent / REGISTRY_FILE).read_text(encoding="utf-8"))
    except OSError:
        return None


def architectures_in(source: str) -> frozenset[str] | None:
    """The names in the tables `..._MODELS` of models that give text; None without any.

    Args:
        source: of `vllm.model_executor.models.registry`.
    """
    try:
        statements = ast.parse(source).body
    except (SyntaxError, ValueError):
        return None
    tables = [each.value for each in statements if isinstance(each, ast.Assign) and _is_table(each)]
    keys = [key for table in tables if isinstance(table, ast.Dict) for key in table.keys]
    return frozenset(str(key.value) for key in keys if isinstance(key, ast.Constant)) or None


def _is_table(statement: ast.Assign) -> bool:
    target = statement.targets[0]
    return isinstance(target, ast.Name) and target.id.endswith("_MODELS") and not NO_TEXT.search(target.id)


def architecture_findings(
    model: ModelFiles, known: frozenset[str] | None, types: ModelTypes | None
) -> Iterator[Finding]:
    """A finding about a model that vLLM does not know and cannot run through transformers either.

    Args:
        model: the known properties of the model.
        known: the architectures of vLLM; None = not known, then there is no finding.
        types: the model types of transformers; None = not known, then there is no finding.
    """
    named = model.config.get("architectures")
    if known is None or types is None or not isinstance(named, list) or not named or model.config.get("auto_map"):
        return
    through_transformers = {*types.causal.values()}
    if not any(str(each) in known or str(each) in through_transformers for each in named):
        yield Finding(
            f"{model} has the architecture {named[0]}, with which the installed vLLM does not generate text",
            "name another model, set backend: pytorch, or upgrade to a later release of vLLM and llenergymeasure",
        )


def cache_findings(
    config: ExperimentConfig, model: ModelFiles, environ: Mapping[str, str], on_cpu: Callable[[], bool] = built_for_cpu
) -> Iterator[Finding]:
    """A finding when the KV cache cannot hold one prompt of the longest length, which vLLM refuses after loading.

    Only for a CPU, where the size of the cache is known before the model is loaded.
    """
    section = config.vllm_settings
    # A length beyond the positions of the model is a finding of its own, whose fix this one must not contradict.
    length = min((each for each in (section.max_model_len, limits_of(model.config).positions) if each), default=None)
    space = kv_cache_bytes_on_cpu(config, environ) if section.gpus == 1 and on_cpu() else None
    if length is None or space is None:
        return
    block = section.block_size or BLOCK
    tokens = (math.ceil(length / block) + 1) * block
    needed = _bytes_of(config, model, tokens)
    if needed is None or needed <= space:
        return
    fits = (tokens * space // needed // block - 1) * block
    shorter = f"set vllm.max_model_len: {fits}, or " if fits > config.output_limit else ""
    yield Finding(
        f"the KV cache of one prompt of {length} tokens (vllm.max_model_len) takes {needed / GIB:.3g} GiB, and vLLM has "
        f"{space / GIB:.3g} GiB for it on this CPU",
        f"{shorter}set the environment variable {KV_CACHE_SPACE}={math.ceil(needed / GIB)} (GiB)",
    )


def _bytes_of(config: ExperimentConfig, model: ModelFiles, length: int) -> int | None:
    """Size of keys and values of one prompt; None when not known."""
    per_value = BYTES_PER_VALUE.get(config.vllm_settings.kv_cache_dtype or "auto")
    if per_value is None:
        return None
    try:
        return cache_bytes(model.config, shape_of(model.config), length, per_value)
    except UnknownCacheError:
        return None
