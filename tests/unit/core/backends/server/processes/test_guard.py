"""The output of a server, whose middle is freed on the disk. What else the guard does is in `test_launched`."""

from __future__ import annotations

import os

import pytest

from llenergymeasure.core.backends.server.processes.guard import KEPT_BYTES, SLACK_BYTES, Output

LINE = b"x" * 1023 + b"\n"


@pytest.fixture
def file(tmp_path):
    with (tmp_path / "output").open("w+b", buffering=0) as opened:
        yield opened


def on_disk(file):
    return os.fstat(file.fileno()).st_blocks * 512


def grown(file, output, lines):
    """Write so many lines, and free what may be freed."""
    file.write(LINE * lines)
    output.shorten()


def test_a_short_output_is_left_alone(file):
    output = Output(file.fileno())
    grown(file, output, (2 * KEPT_BYTES + SLACK_BYTES) // len(LINE) - 1)
    file.seek(0)
    assert set(file.read()) == set(LINE)


def test_of_a_long_output_the_begin_and_the_end_stay_and_the_writer_goes_on(file):
    output = Output(file.fileno())
    for _ in range(5):
        grown(file, output, 10 * 1024)
        assert on_disk(file) <= 2 * KEPT_BYTES + SLACK_BYTES + 10 * 2**20
    file.write(b"the last line")
    assert os.fstat(file.fileno()).st_size == 50 * 2**20 + len(b"the last line")
    assert on_disk(file) <= 2 * KEPT_BYTES + SLACK_BYTES
    assert os.pread(file.fileno(), KEPT_BYTES, 0) == LINE * (KEPT_BYTES // len(LINE))
    end = os.pread(file.fileno(), KEPT_BYTES, 50 * 2**20 - KEPT_BYTES)
    assert end == LINE * (KEPT_BYTES // len(LINE))


def test_an_output_that_is_no_file_is_left_alone():
    reader, writer = os.pipe()
    Output(writer).shorten()
    os.close(reader)
    os.close(writer)
