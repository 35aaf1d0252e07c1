"""Compares stored results or studies with the first of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from llenergymeasure._api.report import load
from llenergymeasure.exceptions import ConfigError
from llenergymeasure.results.comparison.compare import compare
from llenergymeasure.results.comparison.sides import Side, side_of
from llenergymeasure.results.comparison.text import text_of


def compared(folders: Sequence[Path], *, different_work: bool, as_json: bool) -> str:
    """The text, or the JSON, of a comparison of each folder with the first.

    Args:
        folders: folders of results, or of studies.
        different_work: whether to compare different work too.
        as_json: whether to return JSON.

    Raises:
        ConfigError: fewer than two folders, one without a result, or different work.
    """
    if len(folders) < 2:
        raise ConfigError("a comparison needs at least two folders", "llem compare FOLDER FOLDER")
    first, *others = _sides(folders)
    found = [compare(first, other, different_work=different_work) for other in others]
    if as_json:
        return json.dumps(
            {"comparisons": [each.model_dump(mode="json") for each in found]}, indent=2, ensure_ascii=False
        )
    return "\n\n\n".join(text_of(each, first.single) for each in found)


def _sides(folders: Sequence[Path]) -> Iterator[Side]:
    """The sides, each with the name of its folder, or with its path where names are equal."""
    stored = [load(folder) for folder in folders]
    places = [folder.parent if folder.is_file() else folder for folder in folders]
    names = Counter(place.resolve().name for place in places)
    for place, each in zip(places, stored, strict=True):
        name = place.resolve().name
        yield side_of(name if names[name] == 1 else str(place), each)
