"""Strategies for damaged or hostile files: texts, bytes, and documents that are almost valid."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

HUGE = 10**400
LONG_NUMBER = "9" * 5000
DEEP = 3000

# Values that a program which trusts its files trips over.
HOSTILE_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, -(2**63), 10**12, HUGE, -HUGE, 0.0, -0.0, 1.5, 1e308, -1e308,
    5e-324, math.inf, -math.inf, math.nan, "", " ", "\0", "\ud800", "\U0010ffff", "\u202e", "e\u0301", "../../x", "/",
    "~", "nan", "1e999", "x" * 5000, [], {}, [[]], [None], [{}], {"": None}, {"x": {"y": []}}, [1, "1", 1.0], "-1", "null",
)  # fmt: skip

hostile_values = st.one_of(
    st.sampled_from(HOSTILE_VALUES).map(copy.deepcopy),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=6,
    ),
)

Place = tuple[Any, ...]


def places_in(document: Any, place: Place = ()) -> Iterator[Place]:
    """Where something stands in a document."""
    yield place
    if isinstance(document, dict):
        for key, value in document.items():
            yield from places_in(value, (*place, key))
    elif isinstance(document, list):
        for index, value in enumerate(document):
            yield from places_in(value, (*place, index))


@st.composite
def almost(draw: st.DrawFn, document: Any) -> Any:
    """A document of plain JSON values with one to three of its places gone, doubled, renamed or holding something else."""
    changed = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        # What an earlier change left may be deep: its upper levels are enough.
        places = [place for place in places_in(changed) if len(place) <= 8]
        changed = _changed(draw, changed, draw(st.sampled_from(places)))
    return changed


def _changed(draw: st.DrawFn, document: Any, place: Place) -> Any:
    if not place:
        return draw(hostile_values) if draw(st.integers(0, 9)) == 0 else document
    holder = document
    for key in place[:-1]:
        holder = holder[key]
    last, kind = place[-1], draw(st.sampled_from(("value", "value", "value", "gone", "added", "renamed")))
    if kind == "value":
        holder[last] = draw(hostile_values)
    elif kind == "gone":
        del holder[last]
    elif isinstance(holder, list):
        holder.insert(last, copy.deepcopy(holder[last]) if kind == "added" else draw(hostile_values))
    elif kind == "added":
        holder[draw(st.text(max_size=8))] = draw(hostile_values)
    else:
        holder[draw(st.text(max_size=8))] = holder.pop(last)
    return document


def as_json(document: Any) -> bytes:
    """JSON as Python writes it, NaN and lone surrogates and all."""
    return json.dumps(document).encode("utf-8", "surrogatepass")


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """Bytes cut, doubled, overwritten, or in another encoding."""
    kind = draw(st.sampled_from(("cut", "doubled", "overwritten", "inserted", "utf-16", "bom", "crlf")))
    at = draw(st.integers(0, len(content)))
    if kind == "cut":
        return content[:at]
    if kind == "doubled":
        return content[:at] + content
    if kind == "overwritten":
        piece = draw(st.binary(max_size=8))
        return content[:at] + piece + content[at + len(piece) :]
    if kind == "inserted":
        return content[:at] + draw(st.sampled_from(TRAPS) | st.binary(max_size=8)) + content[at:]
    if kind == "utf-16":
        return content.decode("utf-8", "replace").encode("utf-16")
    return b"\xef\xbb\xbf" + content if kind == "bom" else content.replace(b"\n", b"\r\n")


TRAPS = (
    b"\0", b"\xff\xfe", b"\xed\xa0\x80", b"[" * DEEP, b'{"a":' * DEEP, LONG_NUMBER.encode(), b"1e999", b"NaN", b"-Infinity",
    b'"\\ud800"', b"\n", b"\r", b"\t", b"\xe2\x80\xa8", b"\xc2\x85", b"&a ", b"*a", b"<<: ", b"!!int ", b"? ",
    b"---\n", b"...\n", b"%",
)  # fmt: skip


def broken_files(document: Any, encode: Any = as_json) -> st.SearchStrategy[bytes]:
    """Files for a reader of `document`: almost right, damaged, or anything at all."""
    return st.one_of(
        almost(document).map(encode),
        almost(document).map(encode),
        damaged(encode(document)),
        st.binary(max_size=60),
        st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")),
        st.sampled_from(TRAPS),
    )
