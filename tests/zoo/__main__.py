"""`python -m zoo --write FILE`: measures every architecture and writes the table. Takes some minutes."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from zoo.models import MODELS, make
from zoo.row import row_of
from zoo.table import line_of, page_of

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--write", type=Path, required=True)
page = parser.parse_args().write
rows = []
for name in sorted(MODELS):
    with tempfile.TemporaryDirectory() as folder:
        rows.append(row_of(name, make(name, Path(folder))))
    print(line_of(rows[-1]), flush=True)
page.write_text(page_of(rows), encoding="utf-8")
