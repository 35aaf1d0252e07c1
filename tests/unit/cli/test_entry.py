"""The entry point starts quickly and ends quietly: a command imports only what it needs, and searches nothing for garbage."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec

import pytest

DRY_RUN = ["run", "--dry-run", "--model", "builtin/tiny-llama", "-n", "4", "--set", "energy.backend=null"]
SCRIPT = """
import atexit, gc, sys
from llenergymeasure.cli.entry import main
asked, sys.argv = sys.argv[1].split(), ["llem", *sys.argv[2:]]
atexit.register(lambda: print([name for name in asked if name in sys.modules], gc.get_freeze_count() > 0, gc.isenabled()))
main()
"""
# What only another backend, another dataset, another environment, a run or an error needs.
NOT_NEEDED = [
    "llenergymeasure.launch.process",
    "llenergymeasure.launch.request",
    "llenergymeasure.launch.runners.container.runner",
    "llenergymeasure.launch.runners.python",
    "llenergymeasure.orchestration.vllm_model",
    "llenergymeasure.core.backends.vllm.arguments",
    "llenergymeasure.core.devices",
    "llenergymeasure.datasets.synthetic",
    "llenergymeasure.config.messages.explain",
    "llenergymeasure.config.study.build",
    "llenergymeasure.models.files.gguf",
    "llenergymeasure.domain.results",
    "numpy",
    "pynvml",
    "torch",
    "transformers",
]


def run_llem(arguments: list[str], asked: list[str]) -> str:
    """The last line of the output: which of the modules were imported, whether objects are frozen, and the collector."""
    command = [sys.executable, "-c", SCRIPT, " ".join(asked), *arguments]
    return subprocess.check_output(command, text=True).splitlines()[-1]


@pytest.mark.torch
def test_a_dry_run_imports_nothing_that_only_others_need():
    assert run_llem(DRY_RUN, NOT_NEEDED).startswith("[] ")


@pytest.mark.parametrize("module", [name for name in NOT_NEEDED if name.startswith("llenergymeasure.")])
def test_each_of_these_modules_exists(module):
    assert find_spec(module) is not None


@pytest.mark.parametrize("arguments", [["--version"], pytest.param(DRY_RUN, marks=pytest.mark.torch)])
def test_the_end_of_a_short_command_searches_nothing_for_garbage(arguments):
    assert run_llem(arguments, []) == "[] True True"


LATE = """
import os, signal, sys
from llenergymeasure.cli.entry import main

class Block:
    def __del__(self):
        signal.signal(signal.SIGINT, signal.default_int_handler)

class Last:
    kill, pid, number = os.kill, os.getpid(), signal.SIGINT

    def __del__(self):
        self.kill(self.pid, self.number)

def call():
    block = Block()
    main()

sys.last = Last()  # beside what the entry point freezes
sys.argv = ["llem", "compare"]
call()
"""


def test_a_handler_that_is_put_back_late_does_not_change_the_exit_code():
    done = subprocess.run([sys.executable, "-c", LATE], capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr


WHILE_PARSING = """
import signal, sys
from llenergymeasure.cli.entry import main

class Argument(str):
    def __getitem__(self, key):
        signal.raise_signal(signal.SIGINT)
        return super().__getitem__(key)

sys.argv = ["llem", Argument("config")]
main()
"""


def test_an_interrupt_while_arguments_are_parsed_ends_with_130_and_says_so():
    done = subprocess.run([sys.executable, "-c", WHILE_PARSING], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


RACE = """
import os, signal, subprocess, sys, time
from llenergymeasure.cli.entry import ignore_signals

SEND = '''
import os, signal, sys
try:
    while True:
        os.kill(int(sys.argv[1]), signal.SIGTERM)
except ProcessLookupError:
    pass
'''
signal.signal(signal.SIGTERM, lambda *_: None)
sender = subprocess.Popen([sys.executable, "-S", "-c", SEND, str(os.getpid())])
end_s = time.monotonic() + 3
while time.monotonic() < end_s:
    signal.signal(signal.SIGTERM, lambda *_: None)
    ignore_signals()
sender.kill()
sender.wait()
"""


@pytest.mark.slow
def test_a_signal_that_arrives_when_the_outcome_is_final_prints_nothing():
    done = subprocess.run([sys.executable, "-c", RACE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


STORM = """
import os, signal, subprocess, sys
from llenergymeasure.cli.entry import main

SEND = '''
import os, signal, sys, time
try:
    os.kill(int(sys.argv[1]), signal.SIGINT)
    time.sleep(float(sys.argv[2]))
    while True:
        os.kill(int(sys.argv[1]), signal.SIGINT)
        time.sleep(0.0003)
except ProcessLookupError:
    pass
'''
signal.signal(signal.SIGINT, lambda *_: None)
to_nowhere = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}  # it lives until this process is waited for
subprocess.Popen([sys.executable, "-S", "-c", SEND, str(os.getpid()), sys.argv[1]], **to_nowhere)
signal.pause()  # until the other process sends, which may begin late on a busy machine
sys.argv = ["llem", "config"]
main()
"""


@pytest.mark.slow
@pytest.mark.parametrize("after_s", [0.01 * attempt for attempt in range(10)])
def test_ctrl_c_that_is_held_down_ends_with_130_and_no_traceback(after_s):
    done = subprocess.run([sys.executable, "-c", STORM, str(after_s)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (130, "")
    assert re.fullmatch("interrupted(: .*)?\n", done.stderr)  # with more words if the first one comes late
