"""Finds the entries of baselines that belong to no collected test: a gate that vanished would otherwise look like a success."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from types import MappingProxyType

import pytest

from pytest_llem.baseline.entries import BaselineFile
from pytest_llem.marker import baseline_id
from pytest_llem.options import is_experiment, may_have_windows

_MOST_SHOWN = 10


@dataclass(frozen=True)
class Unclaimed:
    """An entry without a test: its test id and its file."""

    test_id: str
    path: Path


class Claims:
    """A plugin of hooks that only observe: it sees every collected test, also those that a selection leaves out."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._tests_with_windows: set[str] = set()
        self._whole = False

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(
        self, session: pytest.Session, items: list[pytest.Item]
    ) -> Generator[None, object, object]:
        """All tests are collected, and no plugin has selected any of them."""
        self._whole = not session.testsfailed
        self._ids = {baseline_id(item) for item in items if is_experiment(item)}
        self._tests_with_windows = {item.nodeid for item in items if may_have_windows(item)}
        return (yield)

    def unclaimed(
        self,
        config: pytest.Config,
        files: Iterable[tuple[Path, BaselineFile]],
        measured: Mapping[str, Collection[str]] = MappingProxyType({}),
    ) -> Iterator[Unclaimed]:
        """Entries whose test would have been collected by this command line; none when a file could not be collected.

        Args:
            config: of pytest.
            files: the baselines.
            measured: ids of the entries that each passed test has measured: it claims no other windows.
        """
        if not self._whole:
            return
        for path, file in files:
            for test_id in sorted(file.entries):
                if not self._is_claimed(test_id, measured) and _is_within(test_id, config):
                    yield Unclaimed(test_id, path)

    def _is_claimed(self, test_id: str, measured: Mapping[str, Collection[str]]) -> bool:
        owners = [test for test in self._tests_with_windows if test_id.startswith(f"{test}::")]
        return test_id in self._ids or any(test_id in measured.get(test, (test_id,)) for test in owners)


def listed(unclaimed: Sequence[Unclaimed], shown: Callable[[Path], str]) -> Iterator[str]:
    """A line for each entry, up to ten."""
    for each in unclaimed[:_MOST_SHOWN]:
        yield f"baseline without a collected test: {each.test_id} in {shown(each.path)}"
    if len(unclaimed) > _MOST_SHOWN:
        yield f"baselines without a collected test: {len(unclaimed) - _MOST_SHOWN} more"


def _is_within(test_id: str, config: pytest.Config) -> bool:
    """Whether the paths and node ids of the command line include a test. An id that is no node id needs the whole suite."""
    place, *names = test_id.split("::")
    path = config.rootpath / place
    if not names:
        everything = config.args_source is not pytest.Config.ArgsSource.ARGS
        return any(config.rootpath.is_relative_to(root) for root, _ in _roots(config)) or everything
    included = any(path.is_relative_to(root) and _begins_with(names, wanted) for root, wanted in _roots(config))
    return included and not _is_ignored(path, config)


def _roots(config: pytest.Config) -> Iterator[tuple[Path, list[str]]]:
    for argument in config.args:
        place, *names = argument.split("::")
        yield (config.invocation_params.dir / place).resolve(), names


def _begins_with(names: list[str], wanted: list[str]) -> bool:
    """`test_x[1]` is included by `test_x`."""
    return len(names) >= len(wanted) and all(
        name == part or (part == wanted[-1] and name.startswith(f"{part}[")) for name, part in zip(names, wanted)
    )


def _is_ignored(path: Path, config: pytest.Config) -> bool:
    here = config.invocation_params.dir
    ignored = [(here / each).resolve() for each in config.getoption("ignore", None) or ()]
    globs = [str(here / each) for each in config.getoption("ignore_glob", None) or ()]
    ways = [path, *path.parents]
    return any(way in ignored for way in ways) or any(fnmatch(str(way), glob) for way in ways for glob in globs)
