"""Tables of backends and meters: the built-in ones, and those of installed packages.

A package offers a part by an entry point. Reading all entry points of a machine takes time, so it happens only when a name is
used that is not built in, or when all names are listed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from llenergymeasure.exceptions import ConfigError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

BACKEND_GROUP = "llenergymeasure.backends"
METER_GROUP = "llenergymeasure.meters"

E = TypeVar("E")
Points = Callable[[str], "Iterable[EntryPoint]"]


@lru_cache
def installed_points(group: str) -> tuple[EntryPoint, ...]:
    """The entry points of a group on this machine. They are read once per process."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - start-up time

    return tuple(entry_points(group=group))


class Table(Mapping[str, E]):
    """Entries by name. Iteration shows the built-in ones only; a lookup finds the installed ones too.

    Args:
        built_in: the entries of this package, in their order.
        group: of the entry points.
        kind: the type of an entry.
        part: what an entry is, in messages: `meter` or `backend`.
        points: returns the entry points of a group.
    """

    def __init__(
        self, built_in: Mapping[str, E], group: str, kind: type[E], part: str, points: Points = installed_points
    ) -> None:
        self._built_in, self._group, self._kind, self._part, self._points = built_in, group, kind, part, points

    def __getitem__(self, name: str) -> E:
        """The entry of this name.

        Raises:
            KeyError: there is none.
            ConfigError: the package that offers it cannot be used.
        """
        if name in self._built_in:
            return self._built_in[name]
        offers = self._offers().get(name)
        if offers is None:
            raise KeyError(name)
        return self._loaded(name, offers)

    def __iter__(self) -> Iterator[str]:
        return iter(self._built_in)

    def __len__(self) -> int:
        return len(self._built_in)

    def installed_names(self) -> tuple[str, ...]:
        """The names of other packages, in alphabetical order."""
        return tuple(sorted(name for name in self._offers() if name not in self._built_in))

    def everything(self) -> dict[str, E | ConfigError]:
        """Every entry, the built-in ones first; for a package that cannot be used, why not."""
        found: dict[str, E | ConfigError] = dict(self._built_in)
        for name, offers in sorted(self._offers().items()):
            if name in self._built_in:
                found[f"{name} of {_packages(offers)}"] = self._refusal(
                    name, offers, "has the name of a built-in one and is not used", "give it another name there"
                )
                continue
            try:
                found[name] = self._loaded(name, offers)
            except ConfigError as error:
                found[name] = error
        return found

    def _offers(self) -> dict[str, list[EntryPoint]]:
        offers: dict[str, list[EntryPoint]] = {}
        for point in self._points(self._group):
            offers.setdefault(point.name, []).append(point)
        return offers

    def _loaded(self, name: str, offers: list[EntryPoint]) -> E:
        if len(offers) > 1:
            raise self._refusal(name, offers, "has several definitions", "uninstall all but one")
        try:
            entry = offers[0].load()
        except Exception as error:  # whatever the import of another package raises
            why = f"cannot be loaded ({type(error).__name__}: {error})"
            raise self._refusal(name, offers, why, "repair or uninstall the package") from error
        if not isinstance(entry, self._kind):
            why = f"is {type(entry).__name__}, not {self._kind.__name__}"
            raise self._refusal(
                name, offers, why, f"its entry point {offers[0].value} must name a {self._kind.__name__}"
            )
        return entry

    def _refusal(self, name: str, offers: list[EntryPoint], why: str, fix: str) -> ConfigError:
        return ConfigError(f"{self._part} '{name}' of {_packages(offers)} {why}", fix)


def _packages(offers: list[EntryPoint]) -> str:
    names = sorted(f"{offer.dist.name} {offer.dist.version}" if offer.dist else offer.value for offer in offers)
    return f"package{'s' if len(names) > 1 else ''} {', '.join(names)}"
