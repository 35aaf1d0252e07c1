"""A file of JSON is read, or refused with the reason; a huge one is not read."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from llenergymeasure._json import MAX_BYTES, read_bytes, read_json_file, with_checksum, without_checksum


def test_a_file_and_a_pipe_are_read_whole(tmp_path):
    (tmp_path / "file").write_text('{"a": [1, 2.5]}')
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_text, args=('{"a": [1, 2.5]}',))
    writer.start()
    assert read_json_file(tmp_path / "file") == read_json_file(tmp_path / "pipe") == {"a": [1, 2.5]}
    writer.join()


@pytest.mark.parametrize("size", [MAX_BYTES + 1, 600_000_000, 2**40])
def test_a_huge_file_is_refused_by_its_size(tmp_path, size):
    path = tmp_path / "huge"
    with path.open("wb") as file:
        file.truncate(size)  # takes no space on the disk
    with pytest.raises(ValueError, match="larger than 256 MiB"):
        read_bytes(path)


def test_an_endless_device_is_refused():
    with pytest.raises(ValueError, match="larger than 256 MiB"):
        read_bytes(Path("/dev/zero"))


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000, b'"\xed\xa0\x80'])
def test_what_is_not_json_is_a_value_error(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ValueError):
        read_json_file(tmp_path / "file")


def test_a_checksum_is_part_of_the_json_and_shows_each_change():
    document = with_checksum(b'{"a":1}')
    assert json.loads(document).keys() == {"a", "crc32"}
    assert without_checksum(document) == b'{"a":1}'
    for place in range(len(document)):
        changed = bytearray(document)
        changed[place] ^= 1
        with pytest.raises(ValueError, match="does not match its content"):
            without_checksum(bytes(changed))
    with pytest.raises(ValueError, match="does not match its content"):
        without_checksum(b"")
