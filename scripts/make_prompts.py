#!/usr/bin/env python3
"""Write the built-in prompt set: 1,000 prompts made from our own templates and word lists.

    for each prompt:   kind, length and template are chosen        at most 2 % come from one template
                       prompt_writer writes a text of that length
                       a text that begins like an earlier one      is written again
    -> src/llenergymeasure/datasets/builtin/aienergyscore.jsonl    the same bytes on every Python

Usage: python scripts/make_prompts.py [--output PATH]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from prompt_writer import CUT_WORDS, KINDS, PASTE_WORDS, SHORT_WORDS, Composer, Dice, Entry, Material

SEED = 20261124
COUNT = 1_000
OUTPUT = Path(__file__).resolve().parents[1] / "src/llenergymeasure/datasets/builtin/aienergyscore.jsonl"

# (prompts out of 1,000 that are shorter, words): the percentiles of a text-generation set, straight lines between.
# Beyond the 95th, words grow by 1.75 each time the rest is halved, as from the 90th to the 95th, and are cut.
LENGTHS = (
    (0, 3),
    (27, 7),
    (70, 7),
    (100, 12),
    (150, 18),
    (200, 26),
    (250, 36),
    (375, 62),
    (500, 98),
    (625, 158),
    (750, 248),
    (830, 370),
    (900, 603),
    (950, 1_057),
    (965, 1_410),
    (979, CUT_WORDS),
    (1_000, CUT_WORDS),
)
RANK_STEP = 617  # coprime with 1,000 and near 1,000 / golden ratio: the first n prompts have the shape of all
PREFIX_WORDS = 7  # no two prompts share their first 7 words: what they share stays below 16 tokens
TRIES = 600


class Prompt(NamedTuple):
    """One prompt of the set; `template` is for the tests and is not written."""

    id: str
    prompt: str
    kind: str
    n_words: int
    template: str


def target_words(rank: int) -> int:
    """The length of the prompt that is the rank-th shortest of 1,000: LENGTHS with straight lines between."""
    (low, shorter), (high, longer) = next(p for p in pairwise(LENGTHS) if rank < p[1][0])
    return shorter + (longer - shorter) * (rank - low) // (high - low)


def deal(material: Material, kind: str, n_words: int, deck: list[Entry], dice: Dice) -> Entry:
    """Take the first template of the deck that suits the length; a new round of all is put under it when none does."""
    for entry in deck:
        if not entry.pastes or not SHORT_WORDS // 2 < n_words < PASTE_WORDS:
            deck.remove(entry)
            return entry
    deck.extend(dice.shuffled(material.templates[kind]))
    return deal(material, kind, n_words, deck, dice)


def closest(composer: Composer, entry: Entry, n_words: int, taken: set[tuple[str, ...]]) -> str:
    """The text nearest to the wanted length out of some tries; none begins like one of those taken."""
    best, best_miss = "", CUT_WORDS
    for attempt in range(TRIES):
        text = composer.text(entry, n_words)
        miss = abs(len(text.split()) - n_words)
        if miss < best_miss and beginning(text) not in taken:
            best, best_miss = text, miss
        if best and best_miss <= max(n_words // 50, attempt // 60):
            break
    if not best:
        raise RuntimeError(f"template {entry.name!r} gives no new text of {n_words} words: add openings or slots")
    return best


def beginning(text: str) -> tuple[str, ...]:
    return tuple(text.lower().split()[:PREFIX_WORDS])


def make_prompts(seed: int = SEED) -> Iterator[Prompt]:
    """The prompts of the set, in order."""
    material, dice = Material(), Dice(seed)
    composer = Composer(material, dice)
    decks: dict[str, list[Entry]] = {kind: [] for kind in KINDS}
    taken: set[tuple[str, ...]] = set()
    for number in range(COUNT):
        kind = KINDS[number % len(KINDS)]
        n_words = target_words((number * RANK_STEP + COUNT // 2) % COUNT)
        entry = deal(material, kind, n_words, decks[kind], dice)
        text = closest(composer, entry, n_words, taken)
        taken.add(beginning(text))
        yield Prompt(f"p{number:04d}", text, kind, len(text.split()), entry.name)


def to_jsonl(prompts: Iterable[Prompt]) -> str:
    """One JSON object a line with the fields id, prompt, kind, n_words."""
    rows = ({"id": p.id, "prompt": p.prompt, "kind": p.kind, "n_words": p.n_words} for p in prompts)
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the built-in prompt set.")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="file to write (default: the one in the package)")
    output = parser.parse_args().output
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(to_jsonl(make_prompts()).encode("utf-8"))


if __name__ == "__main__":
    main()
