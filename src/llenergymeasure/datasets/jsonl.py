"""Reads prompts from a JSONL file with one object per line, line by line, so that a large file needs no memory."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from llenergymeasure.exceptions import ConfigError

PROMPT_FIELDS = ("prompt", "text", "question", "instruction", "input", "content")
"""Fields that may contain the prompt; the first one present is used."""

MAX_LINE_BYTES = 16 * 2**20
"""Longest accepted line; a longer line is a sign of another file format."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class JsonlContent(NamedTuple):
    """The prompts of a file.

    Attributes:
        texts: the first prompts, at most the requested number.
        n_available: lines that are not blank.
        sha256: SHA-256 of the file's bytes, hexadecimal.
    """

    texts: tuple[str, ...]
    n_available: int
    sha256: str


def read_jsonl(path: Path, n: int) -> JsonlContent:
    """Read the first n prompts of a file, and count the other lines without parsing them.

    A byte order mark and blank lines are skipped.

    Raises:
        ConfigError: the file cannot be read, or one of its first n lines has no prompt; with file and line.
    """
    _check_is_file(path)
    digest = hashlib.sha256()
    texts: list[str] = []
    count = 0
    try:
        for number, line in _lines(path):
            digest.update(line)
            content = line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line
            if content.strip():
                count += 1
                if count <= n:
                    texts.append(_prompt(content, _Place(path, number)))
    except OSError as error:
        raise ConfigError(f"dataset file {path} cannot be read: {error.strerror}", "check its permissions") from error
    if not count:
        raise ConfigError(f"dataset file {path} is empty", "give one JSON object with a prompt on each line")
    return JsonlContent(tuple(texts), count, digest.hexdigest())


def _check_is_file(path: Path) -> None:
    try:
        if path.is_file():
            return
        there, directory = path.exists(), path.is_dir()
    except (OSError, ValueError) as error:
        raise ConfigError(f"dataset file {str(path)!r} cannot be reached: {error}", "check the path") from error
    if not there:
        raise ConfigError(f"dataset file {path} does not exist", f"check the path, relative to {Path.cwd()}")
    kind = "a directory" if directory else "not a regular file"
    raise ConfigError(f"dataset {path} is {kind}", "name a JSONL file with one prompt per line")


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as file:
        number = 0
        while line := file.readline(MAX_LINE_BYTES + 1):
            number += 1
            if len(line) > MAX_LINE_BYTES:
                raise _Place(path, number).refused(
                    f"longer than {MAX_LINE_BYTES} bytes", "a JSONL file has one JSON object per line"
                )
            yield number, line


class _Place(NamedTuple):
    """A line of a file."""

    path: Path
    line: int

    def refused(self, problem: str, fix: str) -> ConfigError:
        """The error for a problem with this line."""
        return ConfigError(problem, fix, source=f"dataset {self.path}", line=self.line)


def _prompt(line: bytes, place: _Place) -> str:
    entry = _object(line, place)
    name = next((name for name in PROMPT_FIELDS if entry.get(name) is not None), None)
    if name is None:
        raise place.refused(
            f"no prompt among the fields {_listed(entry)}",
            f"name it {', '.join(PROMPT_FIELDS[:-1])} or {PROMPT_FIELDS[-1]} (the first of these counts)",
        )
    text = entry[name]
    if not isinstance(text, str):
        raise place.refused(f"'{name}' is {type(text).__name__}, not text", "give one string per prompt")
    if not text.strip():
        raise place.refused(f"'{name}' is empty", "remove the line or fill it")
    _check_unicode(text, name, place)
    return text


def _object(line: bytes, place: _Place) -> dict[str, Any]:
    fix = "write one JSON object per line"
    try:
        entry = json.loads(line.decode("utf-8").rstrip("\r\n"))
    except UnicodeDecodeError as error:
        raise place.refused(f"not UTF-8 at byte {error.start + 1}", "save the file as UTF-8") from error
    except json.JSONDecodeError as error:
        problem = f"not JSON ({error.msg.removesuffix(' at')} at column {error.colno})"
        raise place.refused(problem, fix) from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, thousands of brackets
        raise place.refused(f"unreasonable JSON ({error})", fix) from error
    if not isinstance(entry, dict):
        raise place.refused(f"{type(entry).__name__}, not an object", 'write {"prompt": "..."}')
    return entry


def _check_unicode(text: str, name: str, place: _Place) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise place.refused(
            f"'{name}' has half a surrogate pair at character {error.start + 1}",
            "write the character itself or both \\u escapes",
        ) from error


def _listed(entry: dict[str, Any]) -> str:
    names = [repr(name) for name in list(entry)[:8]]
    return ", ".join(names) + (", ..." if len(entry) > len(names) else "") if names else "(none)"
