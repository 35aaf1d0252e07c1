"""A study whose files were damaged is continued correctly, or refused with one message. No stored result is lost."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from fakes_study import FakeMachine, a_study_config, texts_of
from llenergymeasure.config.user_config import ExecutionSettings
from llenergymeasure.domain.results import StudyResult
from llenergymeasure.exceptions import ConfigError
from llenergymeasure.study.design import design_of, protocol_of
from llenergymeasure.study.files.resume import read_config
from llenergymeasure.study.runner import run_in_folder, run_new

CONFIG = a_study_config(1, 8, control=True)
SETTINGS = ExecutionSettings()
FILES = ("journal.jsonl", "manifest.json", "resolved.json", "study.json")


def cut_off(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content))]


def flipped(content: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.randint(1, 3)):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def with_noise(content: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(content))
    return content[:place] + chance.randbytes(20) + content[place:]


def line_twice(content: bytes, chance: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    return b"".join([*lines, chance.choice(lines)])


def lines_shuffled(content: bytes, chance: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    chance.shuffle(lines)
    return b"".join(lines)


def line_removed(content: bytes, chance: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    del lines[chance.randrange(len(lines))]
    return b"".join(lines)


def other_json(content: bytes, chance: random.Random) -> bytes:
    return chance.choice([b"", b"null\n", b"[]\n", b"{}\n", b"[" * 5000, b"\xff\xfe", b'{"schema_version": "9.9"}\n'])


DAMAGES = (cut_off, flipped, with_noise, line_twice, lines_shuffled, line_removed, other_json)


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A study that has ended, and one that was interrupted."""
    return {name: a_study(tmp_path_factory.mktemp(name), stops) for name, stops in (("ended", None), ("left", 3))}


def a_study(base: Path, stops: int | None) -> Path:
    parts, design = FakeMachine(stops=stops).parts(), design_of(CONFIG)
    with suppress(KeyboardInterrupt):
        run_new(design, protocol_of(CONFIG, design, SETTINGS), parts, base, texts_of(CONFIG))
    (folder,) = base.iterdir()
    return folder


def results(folder: Path) -> dict[str, bytes]:
    return {path.parent.name: path.read_bytes() for path in folder.glob("runs/*/result.json")}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("seed", [1, pytest.param(range(2, 40), marks=pytest.mark.slow)])
def test_it_is_continued_correctly_or_refused(tmp_path, studies, name, damage, seed):
    for each in [seed] if isinstance(seed, int) else seed:
        chance = random.Random(f"{name} {damage.__name__} {each}")
        continued_or_refused(studies[chance.choice(["ended", "left"])], tmp_path / "folder", name, damage, chance)


def continued(folder: Path, machine: FakeMachine) -> tuple[StudyResult | None, str]:
    """The study, or the message that refuses it."""
    try:
        design = design_of(read_config(folder))
        return run_in_folder(folder, design, protocol_of(CONFIG, design, SETTINGS), machine.parts()), ""
    except ConfigError as refusal:
        return None, str(refusal)


def continued_or_refused(
    source: Path, folder: Path, name: str, damage: Callable[[bytes, random.Random], bytes], chance: random.Random
) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source, folder)
    before, missing = results(folder), 8 - len(results(folder))
    (folder / name).write_bytes(damage((folder / name).read_bytes(), chance))
    machine = FakeMachine()
    study, refusal = continued(folder, machine)
    if study is None:
        assert name in refusal
        assert len(refusal) < 1000
        assert machine.measured == []
    else:
        assert {row.state for row in study.runs} == {"completed"}
        assert {row.values["output_tokens"] for row in study.runs} == {20}
        assert len(machine.measured) == missing
        assert StudyResult.from_dir(folder) == study
    assert before.items() <= results(folder).items()
