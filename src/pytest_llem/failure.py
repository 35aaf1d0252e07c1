"""Fails a test with a message and without a traceback."""

from __future__ import annotations

from typing import NoReturn

import pytest


def fail(message: str) -> NoReturn:
    """Fail the current test."""
    raise failure(message)


def failure(message: str) -> BaseException:
    """The exception that fails the current test."""
    return pytest.fail.Exception(message, pytrace=False)
