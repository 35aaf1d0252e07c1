"""Running the programs of Slurm."""

from __future__ import annotations

import sys

from llenergymeasure.study.executors.slurm.programs import NOT_FOUND, Answer, run_program


def test_a_program_is_run_to_its_end():
    code = "import sys; print('out'); print('a problem\\n', file=sys.stderr); sys.exit(3)"
    found = run_program([sys.executable, "-c", code])
    assert (found.code, found.output) == (3, "out\n")
    assert found.message == "a problem"


def test_a_program_that_is_not_installed_is_an_answer():
    found = run_program(["llem-no-such-program"])
    assert (found.code, found.message) == (NOT_FOUND, "llem-no-such-program is not installed")


def test_an_error_without_a_message_has_its_exit_code():
    assert Answer(5).message == "exit code 5"
