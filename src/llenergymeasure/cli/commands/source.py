"""What `llem run` measures: a file, or a stored result."""

from __future__ import annotations

import sys

from llenergymeasure._api.request import Document, read_file
from llenergymeasure.cli.options import RunOptions
from llenergymeasure.cli.terminal import Screen


def document_of(options: RunOptions) -> Document | None:
    """The configuration of the file or of the result; None when all values come from options.

    Raises:
        ConfigError: it cannot be read.
    """
    if options.from_result is None:
        return None if options.config is None else read_file(options.config)
    from llenergymeasure._api.repeat import repeat_of  # noqa: PLC0415 - needs the result types, which take long

    found = repeat_of(options.from_result)
    for note in () if options.quiet else found.notes:
        Screen(sys.stderr).say(f"note: {note}")
    return found.document
