"""Keeps one loaded model between experiments that load the same model, and frees it before another is loaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class ModelCache:
    """At most one model at a time."""

    def __init__(self) -> None:
        self._key: str | None = None
        self._model: Any = None
        self._free: Callable[[], None] = _nothing

    def take(self, key: str | None) -> Any:
        """The model that was kept under this key. None when there is none; another kept model is then freed.

        Args:
            key: identifies what the model is loaded from; None = it is not shared.
        """
        if key is None or key != self._key:
            self.drop()
            return None
        model, self._model, self._key, self._free = self._model, None, None, _nothing
        return model

    def put(self, key: str | None, model: Any, free: Callable[[], None]) -> None:
        """Keep a model that is no longer used; a model without a key is not kept.

        Args:
            key: identifies what the model was loaded from; None = it is not shared.
            model: the model, of any type.
            free: releases its memory after the last reference to the model is gone.
        """
        self.drop()
        if key is not None:
            self._key, self._model, self._free = key, model, free

    def drop(self) -> None:
        """Free the kept model. Safe to call twice."""
        free, self._free = self._free, _nothing
        self._key = self._model = None
        free()


class NoModelCache(ModelCache):
    """Keeps nothing: every experiment loads its own model."""

    def put(self, key: str | None, model: Any, free: Callable[[], None]) -> None:
        """Do nothing: the caller keeps the model."""


def _nothing() -> None:
    """Free nothing."""
