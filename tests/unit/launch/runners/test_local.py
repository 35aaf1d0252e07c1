"""The runner that is this environment."""

from __future__ import annotations

import sys

from llenergymeasure.launch.runners.local import LOCAL


def test_programs_run_in_this_interpreter_and_environment():
    command = LOCAL.command(["-c", "pass"], None, {"A": "1"})
    assert (command.arguments, command.environ) == ((sys.executable, "-c", "pass"), {"A": "1"})
    assert LOCAL.findings({}) == ()
