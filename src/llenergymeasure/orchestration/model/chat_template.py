"""Checks whether the files of a model contain a chat template."""

from __future__ import annotations

from pathlib import Path

from llenergymeasure._json import read_json

TOKENIZER_FILE = "tokenizer_config.json"
TEMPLATE_FILES = ("chat_template.jinja", "chat_template.json", "additional_chat_templates")


def lacks_chat_template(directory: Path) -> bool:
    """Whether the files of a model show that it has no chat template; False when that is not known.

    Args:
        directory: the directory of the model's files.
    """
    if any((directory / name).exists() for name in TEMPLATE_FILES):
        return False
    try:
        stated = read_json((directory / TOKENIZER_FILE).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(stated, dict) and not stated.get("chat_template")
