"""The vocabulary size and the number of positions of a model, from its config.json."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from llenergymeasure.core.flops.architecture import MAX_SIZE
from llenergymeasure.exceptions import BackendError

# Model types with a table of positions, and the config key of its length. A position beyond the table is an IndexError.
# Each was tested with transformers 5.23.
TABLES: Mapping[str, str] = {
    "gpt2": "n_positions", "gpt-sw3": "n_positions", "gpt_bigcode": "n_positions", "gptj": "n_positions",
    "codegen": "n_positions", "ctrl": "n_positions", "openai-gpt": "n_positions", "mpt": "max_seq_len",
    "whisper": "max_target_positions",
    **dict.fromkeys(
        (
            "bart", "bert", "bert-generation", "big_bird", "bigbird_pegasus", "biogpt", "blenderbot", "blenderbot-small",
            "camembert", "data2vec-text", "electra", "ernie", "git", "gpt_neo", "marian", "mbart", "megatron-bert", "mvp",
            "opt", "pegasus", "plbart", "prophetnet", "rembert", "roberta", "roberta-prelayernorm", "roc_bert",
            "roformer", "trocr", "xlm", "xlm-roberta", "xlm-roberta-xl", "xmod",
        ),
        "max_position_embeddings",
    ),
}  # fmt: skip
# Model types without a limit: their positions are relative or computed, so the stated length has no effect.
UNBOUND = frozenset(("bloom", "xglm", "musicgen", "musicgen_melody"))
STATED = "max_position_embeddings"


class ModelLimits(NamedTuple):
    """Limits of a model; None where its configuration does not state them.

    Attributes:
        vocabulary: rows of the embedding; ids are below this number.
        positions: longest sequence, prompt and output together.
        fails_beyond: whether a longer sequence is an error; else it runs, although the model does not support it.
    """

    vocabulary: int | None = None
    positions: int | None = None
    fails_beyond: bool = False


def limits_of(config: Mapping[str, Any]) -> ModelLimits:
    """The limits of a config.json, from its top level or from its `text_config`."""
    inner = config.get("text_config")
    sizes: Mapping[str, Any] = {**config, **inner} if isinstance(inner, Mapping) else config
    kind = str(sizes.get("model_type"))
    in_table = kind in TABLES
    key = TABLES[kind] if in_table and TABLES[kind] in sizes else STATED
    positions = None if kind in UNBOUND or sizes.get("alibi") is True else _size(sizes.get(key))
    return ModelLimits(
        vocabulary=_size(sizes.get("vocab_size")),
        positions=positions if positions is None or in_table else _stretched(sizes, positions),
        fails_beyond=in_table,
    )


def positions_needed(prompt_tokens: int, output_tokens: int) -> int:
    """Positions for a prompt and its output; the last generated token needs none, because it is not processed again."""
    return prompt_tokens + output_tokens - 1


def check_lengths(prompts: Sequence[Sequence[int]], output_tokens: int, limits: ModelLimits) -> None:
    """Refuse prompts that are too long for the model, before a batch fails.

    Args:
        prompts: token ids, cut to their limit.
        output_tokens: most generated tokens per prompt.
        limits: limits of the model.

    Raises:
        BackendError: a prompt is too long; with both numbers and the fix.
    """
    if limits.positions is None or not limits.fails_beyond:
        return
    problem = too_long(max(map(len, prompts), default=0), output_tokens, limits.positions)
    if problem is not None:
        raise BackendError(f"{problem}; {fix_of_length(output_tokens, limits.positions)}")


def too_long(prompt_tokens: int, output_tokens: int, positions: int) -> str | None:
    """Why a prompt and its output exceed this number of positions; None when they fit."""
    needed = positions_needed(prompt_tokens, output_tokens)
    if needed <= positions:
        return None
    return (
        f"a prompt of {prompt_tokens} tokens with {output_tokens} output tokens needs {needed} positions, but the model has "
        f"{positions}"
    )


def fix_of_length(output_tokens: int, positions: int) -> str:
    """What to set so that every prompt fits."""
    left = positions - output_tokens + 1
    if left < 1:
        return f"set max_output_tokens to fewer than {positions}, or use a model with more positions"
    return f"set max_input_tokens: {left}, or lower max_output_tokens (of a synthetic dataset input_len and output_len)"


def _stretched(sizes: Mapping[str, Any], stated: int) -> int:
    """Number of positions including the scaling of rotary positions, if it increases the stated number."""
    scaling = sizes.get("rope_parameters") or sizes.get("rope_scaling")
    if not isinstance(scaling, Mapping):
        return stated
    kind = scaling.get("rope_type", scaling.get("type"))
    factor, original = scaling.get("factor"), _size(scaling.get("original_max_position_embeddings"))
    if kind in (None, "default") or not isinstance(factor, (int, float)) or not 1 <= factor < math.inf:
        return stated
    return max(stated, _size(int(factor * (original or stated))) or stated)


def _size(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MAX_SIZE else None
