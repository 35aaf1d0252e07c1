"""Which types of models transformers knows for which task: its own tables, read as text, so that no torch is imported."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

TABLES_FILE = "models/auto/modeling_auto.py"

Table = Mapping[str, str]


class ModelTypes(NamedTuple):
    """Types of models, by the name that `model_type` of a config.json holds, with the class of each.

    Attributes:
        causal: those that `AutoModelForCausalLM` loads.
        masked: those that were made to fill masks: they look ahead unless the configuration says otherwise.
        encoder_decoders: those with an encoder in front of the decoder.
    """

    causal: Table
    masked: Table
    encoder_decoders: Table


@cache
def installed_model_types() -> ModelTypes | None:
    """The tables of the installed transformers; None where it is missing or writes them in another form."""
    found = find_spec("transformers")
    if found is None or found.origin is None:
        return None
    try:
        return model_types_in((Path(found.origin).parent / TABLES_FILE).read_text(encoding="utf-8"))
    except OSError:
        return None


def model_types_in(source: str) -> ModelTypes | None:
    """The tables as the source of `transformers.models.auto.modeling_auto` states them."""
    causal, masked = _table(source, "CAUSAL_LM"), _table(source, "MASKED_LM")
    from_text, from_speech = _table(source, "SEQ_TO_SEQ_CAUSAL_LM"), _table(source, "SPEECH_SEQ_2_SEQ")
    if causal is None or masked is None or from_text is None or from_speech is None:
        return None
    return ModelTypes(causal, masked, {**from_text, **from_speech})


def _table(source: str, task: str) -> Table | None:
    found = re.search(
        rf"^MODEL_FOR_{task}_MAPPING_NAMES\b[^=]*= OrderedDict\(\s*(\[.*?^    \])", source, re.MULTILINE | re.DOTALL
    )
    try:
        return None if found is None else dict(ast.literal_eval(found[1]))
    except (SyntaxError, ValueError, TypeError):
        return None
