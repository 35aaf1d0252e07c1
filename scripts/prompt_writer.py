"""How a prompt is written: templates and pools of sentences, their slots filled, joined up to a wanted length.

    [a|b]      one of the two            {town}   a new town each time      {=town}   the same town all through the text
    {2-9}      a number of that range

Only `random.Random(seed).random()` is used: the one method whose sequence Python promises not to change.
The files in prompt_material/ consist of blocks:
    == name            a template; `== pool name`: sentences for longer texts; `== paste name`: a text to be pasted
    rule = a | b       words for a slot, beside those of words.txt
    ? short prompt     > opening     - sentence     + pools     & pools for the longest texts
    * pastes           ~ pastes when all else is said
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice, repeat
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
KINDS = ("reference", "notice", "chat")
MATERIAL = Path(__file__).resolve().parent / "prompt_material"

CUT_WORDS = 2_048  # the longest prompt
SHORT_WORDS = 24  # up to here a prompt may be one short line
PASTE_WORDS = 60  # below, the text is too short for an instruction and a text
HEADED_WORDS = 300  # above, sections carry headings

CHOICE = re.compile(r"\[([^\[\]]*\|[^\[\]]*)\]")
SLOT = re.compile(r"\{(?:(\d+)-(\d+)|(=?)([a-z]\w*))\}")
ARTICLE = re.compile(r"\b([Aa]) (?=[aeioAEIO]|[uU](?!ni|se))")
SENTENCE_END = re.compile(r"(?<=[.!?:])\s+|\n")


@dataclass
class Entry:
    """One block of a material file: a template, a pasted text, or a pool of sentences."""

    name: str
    rules: dict[str, list[str]] = field(default_factory=dict)
    shorts: list[str] = field(default_factory=list)
    openings: list[str] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)
    pools: list[str] = field(default_factory=list)
    spare_pools: list[str] = field(default_factory=list)
    pastes: list[str] = field(default_factory=list)
    late_pastes: list[str] = field(default_factory=list)

    @property
    def form(self) -> str:
        """`prose`, `lines`, `talk` (lines in order), `steps` (numbered, in order) or `list` (dashes)."""
        return self.rules.get("form", ["prose"])[0]

    def read(self, line: str) -> None:
        """Add one line of the file; its first character says what it is."""
        sign, text = line[0], line[2:]
        words_of = {"+": self.pools, "&": self.spare_pools, "*": self.pastes, "~": self.late_pastes}
        lines_of = {"?": self.shorts, ">": self.openings, "-": self.sentences}
        if sign in words_of:
            words_of[sign].extend(text.split())
        elif sign in lines_of:
            lines_of[sign].append(text)
        else:
            name, _, choices = line.partition(" = ")
            self.rules[name] = choices.split(" | ")


def read_entries(name: str) -> list[Entry]:
    """Read one material file; lines before the first `==` belong to an entry without a name."""
    entries = [Entry("")]
    for line in (MATERIAL / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("== "):
            entries.append(Entry(line[3:]))
        elif line and not line.startswith("# "):
            entries[-1].read(line)
    return entries


class Material:
    """Everything the prompts are made of."""

    def __init__(self) -> None:
        self.words = read_entries("words")[0].rules
        self.templates = {kind: read_entries(kind)[1:] for kind in KINDS}
        self.pools: dict[str, Entry] = {}
        self.pastes = dict(self.templates)
        for entry in (e for kind in KINDS for e in read_entries(f"pools_{kind}")[1:]):
            use, name = entry.name.split()
            if use == "pool":
                self.pools[name] = entry
            else:
                self.pastes.setdefault(name, []).append(entry)


class Dice:
    """Choices that come out the same on every Python."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed).random

    def below(self, limit: int) -> int:
        return int(self._random() * limit)

    def pick(self, choices: Sequence[T]) -> T:
        return choices[self.below(len(choices))]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        left = list(items)
        return [left.pop(self.below(len(left))) for _ in items]


class Writer:
    """Fills the slots of one text: `{town}` anew each time, `{=town}` once per text, `{2-9}` with a number."""

    def __init__(self, words: dict[str, list[str]], entry: Entry, dice: Dice) -> None:
        self._rules = words | entry.rules
        self._dice = dice
        self._kept: dict[str, str] = {}
        self._last: dict[str, str] = {}

    def adopt(self, pool: Entry) -> None:
        """Let the pool's own words be used, too; those of the template win."""
        self._rules = pool.rules | self._rules

    def line(self, text: str) -> str:
        """The text with every slot and choice filled, as it stands in the file otherwise."""
        text = CHOICE.sub(lambda match: self._dice.pick(match[1].split("|")), text)
        return ARTICLE.sub(r"\1n ", SLOT.sub(self._fill, text))

    def sentence(self, text: str) -> str:
        """The same with a capital at the beginning."""
        filled = self.line(text)
        return filled[0].upper() + filled[1:]

    def _fill(self, match: re.Match[str]) -> str:
        low, high, kept, name = match.groups()
        if low:
            return str(int(low) + self._dice.below(int(high) - int(low) + 1))
        if not kept:
            return self._fresh(name)
        for _ in range(9):
            if name in self._kept:
                break
            value = self._fresh(name)
            if not (name[-1].isdigit() and value in self._kept.values()):  # {=first1} and {=first2} are two people
                self._kept[name] = value
        return self._kept[name]

    def _fresh(self, name: str) -> str:
        rule = name if name in self._rules else name.rstrip("0123456789")
        last = self._last.get(rule)
        choices = [c for c in self._rules[rule] if c != last or "{" in c] or self._rules[rule]
        self._last[rule] = self._dice.pick(choices)
        return self.line(self._last[rule])


class Composer:
    """Turns a template into a stream of (glue, piece) without an end."""

    def __init__(self, material: Material, dice: Dice) -> None:
        self._material = material
        self._dice = dice

    def text(self, entry: Entry, n_words: int) -> str:
        """A text of about n_words; exactly CUT_WORDS, cut in mid-sentence, when that many are asked for."""
        if n_words <= SHORT_WORDS and self._dice.below(2):
            return self._writer(entry).sentence(self._dice.pick(entry.shorts))
        text, count, seen = "", 0, set[str]()
        for glue, piece in self._stream(entry, n_words):
            size = len(piece.split())
            if n_words < CUT_WORDS and text and count + size - n_words > n_words - count:
                break
            if seen.isdisjoint(sentences(piece)):
                seen.update(sentences(piece))
                text, count = text + glue + piece, count + size
            if count >= n_words:
                break
        return cut(text, CUT_WORDS)

    def _writer(self, entry: Entry) -> Writer:
        return Writer(self._material.words, entry, self._dice)

    def _stream(self, entry: Entry, n_words: int) -> Iterator[tuple[str, str]]:
        if entry.pastes or entry.late_pastes:
            return self._request(entry, n_words)
        return self._article(entry, self._writer(entry), n_words > HEADED_WORDS)

    def _request(self, entry: Entry, n_words: int) -> Iterator[tuple[str, str]]:
        """What is asked, how it is wanted, then one pasted text after the other."""
        writer = self._writer(entry)
        yield "", writer.sentence(self._dice.pick(entry.openings))
        wishes = self._dice.shuffled(entry.sentences) + self._dice.shuffled(self._lines(entry, writer))
        n_wishes = self._dice.below(16) + 4 if entry.late_pastes else self._dice.below(4) * (n_words > 2 * PASTE_WORDS)
        for number, line in enumerate(wishes[:n_wishes], 1):
            yield " " if number % 6 else "\n\n", writer.sentence(line)
        for lead in chain(["{lead}"], repeat("{next_lead}")):
            paste = self._dice.pick(self._material.pastes[self._dice.pick(entry.pastes or entry.late_pastes)])
            pieces = self._article(paste, self._writer(paste), n_words > HEADED_WORDS, rounds=2)
            yield "\n\n", f"{writer.line(lead)}\n{next(pieces)[1]}"
            yield from pieces

    def _lines(self, entry: Entry, writer: Writer) -> list[str]:
        for name in entry.pools:
            writer.adopt(self._material.pools[name])
        return [line for name in entry.pools for line in self._material.pools[name].sentences]

    def _article(self, entry: Entry, writer: Writer, headed: bool, rounds: int = 99) -> Iterator[tuple[str, str]]:
        """Opening, own sentences, then section after section; every round uses half of each pool."""
        yield "", writer.sentence(self._dice.pick(entry.openings))
        yield from self._own(entry, writer)
        decks: dict[str, list[str]] = {}
        all_pools = entry.pools + entry.spare_pools
        headings = {name: list(self._material.pools[name].rules.get("heading", ())) for name in all_pools if headed}
        for names in ([entry.pools] * 2 + [entry.spare_pools] * 2 + [all_pools] * rounds)[:rounds]:
            for name in self._dice.shuffled(names):
                pool = self._material.pools[name]
                deck = decks.get(name) or self._dice.shuffled(pool.sentences)
                half = (len(pool.sentences) + 1) // 2
                decks[name] = deck[half:]
                heading = self._dice.shuffled(headings.get(name, ()))[:1]
                headings[name] = [other for other in headings.get(name, ()) if other not in heading]
                yield from self._section(pool, deck[:half], writer, heading)

    def _own(self, entry: Entry, writer: Writer) -> Iterator[tuple[str, str]]:
        if entry.form == "steps":
            for number, line in enumerate(entry.sentences, 1):
                yield "\n", f"{number}. {writer.sentence(line)}"
        else:
            glue = "\n- " if entry.form == "list" else " "
            for line in self._dice.shuffled(entry.sentences):
                yield glue, writer.sentence(line)

    def _section(self, pool: Entry, lines: list[str], writer: Writer, heading: list[str]) -> Iterator[tuple[str, str]]:
        writer.adopt(pool)
        if pool.form == "talk":
            lines = sorted(lines, key=pool.sentences.index)
        fill, glue = (writer.sentence, " ") if pool.form == "prose" else (writer.line, "\n")
        first_glue = "\n\n" if pool.form == "prose" or heading else "\n"
        yield first_glue, "\n".join([*heading, fill(lines[0])])
        yield from ((glue, fill(line)) for line in lines[1:])


def sentences(piece: str) -> set[str]:
    """The sentences of more than four words in it: none may come twice in a prompt."""
    return {part for part in SENTENCE_END.split(piece) if len(part.split()) > 4}


def cut(text: str, n_words: int) -> str:
    """The first n_words words of the text, white space between them untouched."""
    ends = [match.end() for match in islice(re.finditer(r"\S+", text), n_words)]
    return text[: ends[-1]]
