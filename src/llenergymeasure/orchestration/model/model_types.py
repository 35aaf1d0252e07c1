"""The model types that transformers knows for each task, from its tables, which are read as text to avoid importing torch."""

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
    """Model types by their `model_type` in config.json, with the class of each.

    Attributes:
        causal: types that `AutoModelForCausalLM` loads.
        masked: types trained to fill masks: their attention is not causal unless the configuration states otherwise.
        encoder_decoders: types with an encoder before the decoder.
    """

    causal: Table
    masked: Table
    encoder_decoders: Table


@cache
def installed_model_types() -> ModelTypes | None:
    """The tables of the installed transformers; None when it is missing or its tables have another form."""
    found = find_spec("transformers")
    if found is None or found.origin is None:
        return None
    try:
        return model_types_in((Path(found.origin).parent / TABLES_FILE).read_text(encoding="utf-8"))
    except OSError:
        return None


def model_types_in(source: str) -> ModelTypes | None:
    """The tables in the source of `transformers.models.auto.modeling_auto`."""
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
