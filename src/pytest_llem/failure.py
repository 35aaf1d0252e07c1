"""A test that fails in words: its message, and no traceback."""

from __future__ import annotations

from typing import NoReturn

import pytest


def fail(message: str) -> NoReturn:
    """Fail the test that runs."""
    raise failure(message)


def failure(message: str) -> BaseException:
    """A failure to be raised."""
    return pytest.fail.Exception(message, pytrace=False)
