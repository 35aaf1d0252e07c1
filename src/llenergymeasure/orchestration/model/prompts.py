"""Checks from files whether the prompts fit a model: their lengths its positions, their ids its embedding."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.sections import SyntheticDatasetConfig
from llenergymeasure.core.model_limits import ModelLimits, fix_of_length, limits_of, positions_needed, too_long
from llenergymeasure.datasets.loader import open_dataset
from llenergymeasure.datasets.prompts import TextPrompts
from llenergymeasure.exceptions import ConfigError, Finding
from llenergymeasure.models.builtin import BUILTIN_MODELS
from llenergymeasure.orchestration.model.required_files import ModelFiles
from llenergymeasure.orchestration.model.tokenizer_file import encoded, highest_id

Encode = Callable[[Path, Sequence[str]], "list[list[int]] | None"]


def prompt_findings(config: ExperimentConfig, model: ModelFiles, encode: Encode = encoded) -> Iterator[Finding]:
    """Findings about prompts that would fail: too long for a table of positions, or with ids that the model does not embed.

    Args:
        config: the experiment.
        model: the model that processes the prompts.
        encode: returns the ids of texts, by the tokenizer in a directory; called only if a prompt might not fit.
    """
    limits, longest = _limits(config, model), longest_allowed(config)
    # vLLM counts one position more, that of the last output token.
    if _fits(longest, config.output_limit + (config.backend == "vllm"), limits) and _ids_fit(config, model):
        return
    ids = _prompt_ids(config, model, encode)
    # A prompt has at least one token. Special tokens and a chat template would only make it longer.
    shortest = max(map(len, ids), default=1) if not isinstance(config.dataset, SyntheticDatasetConfig) else longest
    if config.backend == "vllm":
        yield from _too_long_for_vllm(config, model, max(shortest or 1, 1), limits)
    elif limits.fails_beyond and limits.positions is not None:
        problem = too_long(max(shortest or 1, 1), config.output_limit, limits.positions)
        if problem is not None:
            yield Finding(f"{model}: {problem}", fix_of_length(config.output_limit, limits.positions))
    highest = max((max(each, default=0) for each in ids), default=0)
    if limits.vocabulary is not None and highest >= limits.vocabulary:
        yield Finding(
            f"the tokenizer of {model} gives the id {highest}, but the model has {limits.vocabulary} token ids",
            "name a model with its own tokenizer, or use a synthetic dataset",
        )


def _limits(config: ExperimentConfig, model: ModelFiles) -> ModelLimits:
    """The limits of the model; vLLM ends an output at `max_model_len`, whatever the model does beyond its positions."""
    limits = limits_of(model.config)
    if config.backend != "vllm":
        return limits
    return limits._replace(positions=config.vllm_settings.max_model_len or limits.positions, fails_beyond=True)


def _too_long_for_vllm(
    config: ExperimentConfig, model: ModelFiles, prompt: int, limits: ModelLimits
) -> Iterator[Finding]:
    """vLLM counts the last output token, too."""
    length, output = limits.positions, config.output_limit
    if length is None or prompt + output <= length:
        return
    left = length - output
    yield Finding(
        f"{model}: a prompt of {prompt} tokens with {output} output tokens is longer than vllm.max_model_len, {length} tokens",
        f"set max_input_tokens: {left}, or raise vllm.max_model_len" if left > 0 else "lower max_output_tokens",
    )


def notes_on_length(config: ExperimentConfig, model: ModelFiles) -> Iterator[str]:
    """A note that prompts may be longer than the model was designed for, if that is not an error."""
    limits, longest = _limits(config, model), longest_allowed(config)
    if longest is None or limits.positions is None or limits.fails_beyond:
        return
    if not _fits(longest, config.output_limit, limits):
        yield (
            f"{model} was designed for {limits.positions} positions, and prompts of up to {longest} tokens with "
            f"{config.output_limit} output tokens take up to {positions_needed(longest, config.output_limit)}: the text beyond "
            "may be meaningless; lower max_input_tokens or max_output_tokens"
        )


def vocabulary_findings(model: ModelFiles, draft: ModelFiles) -> Iterator[Finding]:
    """A finding when a draft model has another vocabulary than the model."""
    own, of_draft = limits_of(model.config).vocabulary, limits_of(draft.config).vocabulary
    if own is not None and of_draft is not None and own != of_draft:
        yield Finding(
            f"{draft} has {of_draft} token ids, but {model} has {own}: it cannot propose tokens for this model",
            "name a decoder.draft_model with the same vocabulary",
        )


def longest_allowed(config: ExperimentConfig) -> int | None:
    """Tokens of the longest prompt that the configuration allows; None = no limit."""
    return config.dataset.input_len if isinstance(config.dataset, SyntheticDatasetConfig) else config.max_input_tokens


def _fits(longest: int | None, output_tokens: int, limits: ModelLimits) -> bool:
    """Whether the model has enough positions for the longest prompt."""
    if limits.positions is None:
        return True
    return longest is not None and positions_needed(longest, output_tokens) <= limits.positions


def _ids_fit(config: ExperimentConfig, model: ModelFiles) -> bool:
    """Whether the model embeds every id that a text can have; synthetic prompts have only such ids.

    The tokenizer of a built-in model is not read, because a test shows that it fits, and reading takes time.
    """
    vocabulary = limits_of(model.config).vocabulary
    if vocabulary is None or model.directory is None or isinstance(config.dataset, SyntheticDatasetConfig):
        return True
    if config.model in BUILTIN_MODELS:
        return True
    highest = highest_id(model.directory)
    return highest is None or highest < vocabulary


def _prompt_ids(config: ExperimentConfig, model: ModelFiles, encode: Encode) -> list[list[int]]:
    """The texts as ids, cut to the limit; empty when they are not known."""
    try:
        prompts = open_dataset(config.dataset, config.n, config.random_seed)
    except ConfigError:  # a finding of its own
        return []
    if not isinstance(prompts, TextPrompts) or model.directory is None:
        return []
    ids = encode(model.directory, prompts.texts) or []
    return [each[: config.max_input_tokens] for each in ids]
