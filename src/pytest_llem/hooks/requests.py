"""Which fixtures a test requests by itself. An autouse fixture of a class may request one for all tests of the class."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import pytest

ARGUMENTS: pytest.StashKey[dict[str, Sequence[str]]] = pytest.StashKey()


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> None:
    """Note which fixtures a fixture requests. It returns nothing: pytest sets the fixture up."""
    request.node.stash.setdefault(ARGUMENTS, {})[fixturedef.argname] = fixturedef.argnames


def requests(item: pytest.Item, fixture: str) -> bool:
    """Whether the arguments of the test lead to a fixture, directly or through other fixtures."""
    arguments = item.stash.get(ARGUMENTS, {})
    known: set[str] = set()
    waiting = list(inspect.signature(item.obj).parameters) if hasattr(item, "obj") else []
    while waiting:
        name = waiting.pop()
        if name not in known:
            known.add(name)
            waiting += arguments.get(name, ())
    return fixture in known
