"""The end of what a process wrote, and its first error."""

from __future__ import annotations

import pytest

from llenergymeasure.core.machine.last_lines import first_error_in, last_lines_in


def test_the_last_lines_with_text_are_kept():
    assert last_lines_in(b"\n".join(f"line {n}".encode() for n in range(50)) + b"\n\n")[-1] == "line 49"
    assert len(last_lines_in(b"a\n" * 50)) == 20


@pytest.mark.parametrize(
    ("written", "error"),
    [
        (
            b"WARNING such as `OSError: too many`\n(W) ERROR [x.py:9] ValueError: 20 GiB\n",
            "(W) ERROR [x.py:9] ValueError: 20 GiB",
        ),
        (
            b"loading\n(Worker) torch.OutOfMemoryError: 3 GiB\nRuntimeError: see above\n",
            "(Worker) torch.OutOfMemoryError: 3 GiB",
        ),
        (b"0 errors\nError handling is on\n", None),
        (b"", None),
    ],
)
def test_the_first_error_is_found(written, error):
    assert first_error_in(written) == error


def test_a_secret_in_it_is_hidden():
    assert "hf_abcdefghijklmnopqrstuvwxyz012345" not in first_error_in(b"KeyError: hf_abcdefghijklmnopqrstuvwxyz012345")
