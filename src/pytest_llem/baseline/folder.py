"""The folder of committed baselines: one JSON file per hardware class. Files are written atomically."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path

from llenergymeasure._files import TEMPORARY, replace_file
from pytest_llem.baseline.candidate import Candidate
from pytest_llem.baseline.entries import BaselineFile
from pytest_llem.baseline.fingerprint import Plain, class_name
from pytest_llem.baseline.lock import locked
from pytest_llem.baseline.parse import BaselineError, read_file

# A list of numbers over several lines. A JSON string has no line break, so nothing else can match.
_LONG_LIST = re.compile(r"\[\n\s+([^\[\]{}\"]+?)\n\s+\]")


@dataclass(frozen=True)
class Baselines:
    """The content of a folder of baselines.

    Attributes:
        folder: its path; it need not exist.
        files: by path.
    """

    folder: Path
    files: Mapping[Path, BaselineFile]

    def of(self, hardware: Mapping[str, Plain]) -> BaselineFile | None:
        """The file of this hardware class; None without one."""
        return self.files.get(self.path_of(hardware))

    def path_of(self, hardware: Mapping[str, Plain]) -> Path:
        """The path of this hardware class. An existing file may have another name than the default one."""
        found = (path for path, file in self.files.items() if dict(file.hardware) == dict(hardware))
        return next(found, self._free_path(class_name(hardware)))

    def _free_path(self, name: str) -> Path:
        """The default path, or one with a number where a file of other hardware has its name, such as an edited copy."""
        default = self.folder / f"{name}.json"
        numbered = (self.folder / f"{name}-{number}.json" for number in count(2))
        return next(path for path in chain([default], numbered) if path not in self.files)

    def others(self, hardware: Mapping[str, Plain]) -> list[BaselineFile]:
        """Files of every other hardware class, in order of their paths."""
        return [file for path, file in sorted(self.files.items()) if dict(file.hardware) != dict(hardware)]

    def with_file(self, file: BaselineFile) -> Baselines:
        """The same folder with the file of one hardware class replaced or added."""
        return replace(self, files={**self.files, self.path_of(file.hardware): file})


def read_folder(folder: Path) -> Baselines:
    """Every baseline of a folder; none when it does not exist.

    Raises:
        BaselineError: a file is invalid, or two files have the same hardware.
    """
    if not folder.exists():
        return Baselines(folder, {})
    if not folder.is_dir():
        raise BaselineError(folder, "is not a folder")
    files: dict[Path, BaselineFile] = {}
    for path in sorted(folder.glob("*.json")):
        if path.name.startswith("."):
            continue
        file = read_file(path)
        twin = next((other for other, known in files.items() if dict(known.hardware) == dict(file.hardware)), None)
        if twin is not None:
            raise BaselineError(path, f"has the same hardware as {twin.name}; merge them into one")
        files[path] = file
    return Baselines(folder, files)


def update_folder(folder: Path, change: Callable[[Baselines], Baselines]) -> list[Path]:
    """Read a folder, change its content and write the files that differ, while no other run does. Returns their paths.

    Raises:
        BaselineError: a file is invalid or cannot be written. An existing file stays unchanged.
    """
    with locked(folder):
        for remains in folder.glob(TEMPORARY):  # of killed runs: no other run writes now
            remains.unlink(missing_ok=True)
        before = read_folder(folder)
        return write_changes(before, change(before))


def write_changes(before: Baselines, after: Baselines) -> list[Path]:
    """Write the files that differ, atomically; returns their paths.

    Raises:
        BaselineError: the file cannot be written. An existing file stays unchanged.
    """
    changed = [path for path, file in after.files.items() if before.files.get(path) != file]
    for path in changed:
        write_file(path, after.files[path])
    return changed


def write_file(path: Path, file: BaselineFile | Candidate) -> None:
    """Write one file; a file with the same content stays unchanged.

    Raises:
        BaselineError: the file cannot be written. An existing file stays unchanged.
    """
    content = dumps(file).encode("utf-8")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file() and path.read_bytes() == content:
            return
        replace_file(path, content)
    except OSError as error:
        raise BaselineError(path, f"cannot be written: {error.strerror}") from error


def dumps(file: BaselineFile | Candidate) -> str:
    """A file as text: sorted keys, one line per list of samples for readable diffs, a newline at the end."""
    text = json.dumps(file.to_plain(), indent=1, sort_keys=True, allow_nan=False)
    return _LONG_LIST.sub(lambda match: f"[{' '.join(match[1].split())}]", text) + "\n"
