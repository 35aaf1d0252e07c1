"""A program that has ended, with its output."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from llenergymeasure.launch.runners.completed import completed


def python(program, **options):
    return completed([sys.executable, "-c", program], {"NAME": "value"}, 60.0, **options)


def test_it_has_the_output_and_the_exit_code_of_a_program_without_input():
    done = python("import os, sys; print(os.environ['NAME'], repr(sys.stdin.read())); sys.exit(3)")
    assert (done.returncode, done.stdout) == (3, b"value ''\n")


@pytest.mark.parametrize("new_session", [True, False])
def test_it_leads_a_session_where_ctrl_c_must_not_reach_it(new_session):
    done = python("import os; print(os.getsid(0))", new_session=new_session)
    assert (int(done.stdout) == os.getsid(0)) != new_session


def test_one_that_does_not_end_in_time_is_killed():
    with pytest.raises(subprocess.TimeoutExpired):
        completed([sys.executable, "-c", "while True: pass"], {}, 0.2)
