"""The lines on stderr while a study runs."""

from __future__ import annotations

import io
from pathlib import Path

from a_result import a_result
from a_study import a_design, a_protocol
from llenergymeasure import StudyResult
from llenergymeasure._api.study import Progressed, RunRow, Started
from llenergymeasure.cli.commands.study import Lines, cycles_left
from llenergymeasure.progress import Silent

ROWS = [
    RunRow(run_id=f"01.c{cycle}", place=cycle, cell="01", cycle=cycle, block=f"cycle {cycle}", state="completed")
    for cycle in (1, 2)
]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def lines_of(quiet):
    stream = Terminal()
    lines = Lines(stream, quiet, Silent())
    lines.started(Started(folder=None, labels={"01": "batch_size 1"}, total=2, left=2))
    for row in ROWS:
        lines.ended(row, a_result(), Progressed(row.place, 2, 60.0))
    return stream.getvalue().splitlines()


def test_a_warning_is_named_with_the_first_run_that_has_it_and_its_sentence_comes_at_the_end():
    head, first, warnings, second = lines_of(quiet=False)
    assert head.startswith("1 cell, 2 runs")
    assert (first[:10], second[:11]) == ("run 1 of 2", "run 2 of 2:")
    codes = dict.fromkeys(each.code for each in a_result().warnings)
    assert warnings == f"  new warnings: {', '.join(codes)}"


def test_the_cycles_that_were_submitted_are_counted_also_after_an_interrupt():
    left = ROWS[1].model_copy(update={"state": "interrupted"})
    assert cycles_left([ROWS[0], left]) == 1
    assert cycles_left(ROWS) == 0


def line_of_what_is_left(is_submitted):
    stream = Terminal()
    runs = tuple(row.model_copy(update={"state": "pending"}) for row in ROWS)
    study = StudyResult(study_id="s", design=a_design(), protocol=a_protocol(), runs=runs)
    Lines(stream, False, Silent(), ["--executor", "slurm"]).left(study.in_folder(Path("f")), is_submitted)
    return stream.getvalue()


def test_the_last_line_of_a_study_that_goes_on_says_what_is_to_be_done():
    collect = "collect them with: llem run --resume f --executor slurm\n"
    assert line_of_what_is_left(True) == f"submitted 2 cycles; {collect}"
    assert line_of_what_is_left(False) == f"2 cycles are not submitted yet; submit the script, and then {collect}"


def test_quiet_shows_no_line():
    assert lines_of(quiet=True) == []
