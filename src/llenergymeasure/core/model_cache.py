"""Holds one loaded model between experiments that load it alike, and lets go of it before another is loaded."""

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
        """The model that was kept under this key; None when there is none, and then nothing is kept any more.

        Args:
            key: what a model is loaded from; None = cannot be shared.
        """
        if key is None or key != self._key:
            self.drop()
            return None
        model, self._model, self._key, self._free = self._model, None, None, _nothing
        return model

    def put(self, key: str | None, model: Any, free: Callable[[], None]) -> None:
        """Keep a model that is no longer used; one that cannot be shared is not held.

        Args:
            key: what it was loaded from; None = cannot be shared.
            model: anything.
            free: gives memory back once nobody holds the model.
        """
        self.drop()
        if key is not None:
            self._key, self._model, self._free = key, model, free

    def drop(self) -> None:
        """Let go of what is kept. Safe to call twice."""
        free, self._free = self._free, _nothing
        self._key = self._model = None
        free()


class NoModelCache(ModelCache):
    """Keeps nothing: every experiment loads its own model."""

    def put(self, key: str | None, model: Any, free: Callable[[], None]) -> None:
        """Leave the model to whoever holds it."""


def _nothing() -> None:
    """There is nothing to free."""
