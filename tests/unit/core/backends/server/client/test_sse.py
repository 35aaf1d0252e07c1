from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llenergymeasure.core.backends.server.client.sse import BYTE_ORDER_MARK, LONGEST_EVENT, EventParser, EventTooLong


def parsed(*pieces: bytes) -> list[bytes]:
    parser = EventParser()
    return [event for piece in pieces for event in parser.feed(piece)]


def by_the_rules(stream: bytes) -> list[bytes]:
    """The same by the text of the specification, one byte after the other."""
    stream = stream.removeprefix(BYTE_ORDER_MARK)
    lines, line, index = [], b"", 0
    while index < len(stream):
        byte = stream[index : index + 1]
        if byte in (b"\r", b"\n"):
            index += stream[index : index + 2] == b"\r\n"
            lines.append(line)
            line = b""
        else:
            line += byte
        index += 1
    events, buffer = [], b""
    for line in lines:
        if line == b"":
            if buffer:
                events.append(buffer[:-1])
            buffer = b""
        elif not line.startswith(b":"):
            name, _, value = line.partition(b":")
            if name == b"data":
                buffer += (value[1:] if value[:1] == b" " else value) + b"\n"
    return events


def test_an_event_ends_with_an_empty_line() -> None:
    assert parsed(b"data: a\n\ndata: b\n\n") == [b"a", b"b"]


def test_lines_end_with_cr_lf_or_both() -> None:
    assert parsed(b"data: a\r\rdata: b\r\n\r\ndata: c\n\n") == [b"a", b"b", b"c"]


def test_a_cut_between_cr_and_lf_makes_no_empty_line() -> None:
    assert parsed(b"data: a\r", b"\ndata: b\r", b"\n\r", b"\n") == [b"a\nb"]


def test_an_event_that_ends_with_cr_is_not_held_back() -> None:
    assert parsed(b"data: a\r\n\r") == [b"a"]


def test_several_data_lines_are_joined() -> None:
    assert parsed(b"data: a\ndata:\ndata:  b\n\n") == [b"a\n\n b"]


def test_comments_and_other_fields_are_skipped() -> None:
    assert parsed(b": keep-alive\n\nevent: x\nid: 1\nretry: 5\ndata: a\ndatum: b\n\nevent: y\n\n") == [b"a"]


def test_a_field_without_a_colon_has_an_empty_value() -> None:
    assert parsed(b"data\n\n") == [b""]


def test_a_byte_order_mark_is_skipped_at_the_beginning_only() -> None:
    assert parsed(b"\xef", b"\xbb", b"\xbfdata: a\n\n", b"\xef\xbb\xbfdata: b\n\n") == [b"a"]


def test_what_the_end_of_the_stream_cuts_off_is_no_event_but_known() -> None:
    parser = EventParser()
    assert parser.feed(b"data: a\n\ndata: b\ndata: c") == [b"a"]
    assert parser.unfinished() == b"b\nc"
    assert parser.unfinished() is None


def test_a_whole_stream_leaves_nothing_unfinished() -> None:
    parser = EventParser()
    parser.feed(b"data: a\n\n: comment")
    assert parser.unfinished() is None


PARTS = st.sampled_from(
    [b"data", b"data: ", b":", b"\r", b"\n", b"\r\n", b" ", b"a", b"event: x", b"\xef\xbb\xbf", b"\xff", b"\0"]
)
STREAMS = st.lists(PARTS | st.binary(max_size=4), max_size=40).map(b"".join)


@given(STREAMS, st.lists(st.integers(0, 160), max_size=12))
def test_any_bytes_cut_anywhere_give_the_events_of_the_rules(stream: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [stream[start:stop] for start, stop in zip(edges, edges[1:])]
    assert parsed(*pieces) == by_the_rules(stream)
    assert parsed(*(bytes([byte]) for byte in stream)) == by_the_rules(stream)


def test_an_event_that_does_not_end_is_given_up() -> None:
    parser = EventParser()
    parser.feed(b"data: " + b"a" * (LONGEST_EVENT - 6))
    with pytest.raises(EventTooLong, match="more than 4 MiB"):
        parser.feed(b"a")


def test_an_event_of_lines_without_end_is_given_up() -> None:
    parser = EventParser()
    with pytest.raises(EventTooLong):
        for _ in range(5):
            parser.feed(b"data: a\n" * 2**17)
