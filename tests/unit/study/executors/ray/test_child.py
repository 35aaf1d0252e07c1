"""What runs on a node: a program as a child, with its GPUs, its output and its end."""

from __future__ import annotations

import os
import signal
import subprocess
import threading

import pytest

from llenergymeasure.study.executors.ray.child import NOT_BEGUN, OnNode, Program, answer_of
from waiting import until

GREET = (
    "import os, sys; print(sys.argv[1:], os.getcwd(), os.environ.get('CUDA_VISIBLE_DEVICES'), os.environ.get('NAME'))"
)
WAIT = "import signal, sys, time; print('began', flush=True); time.sleep(600)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('began', flush=True); time.sleep(600)"
)


@pytest.fixture
def program(tmp_path):
    def make(text, log="log", **environ):
        environ = {"PATH": os.environ["PATH"], **environ}
        return Program(("-c", text), str(tmp_path), environ, log and str(tmp_path / log))

    return make


@pytest.fixture
def gpus():
    """What Ray gives this process."""
    before = os.environ.pop("CUDA_VISIBLE_DEVICES", None)
    os.environ["CUDA_VISIBLE_DEVICES"] = "1"
    yield
    del os.environ["CUDA_VISIBLE_DEVICES"]
    if before is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = before


def test_a_program_has_the_folder_and_environment_of_the_head_and_the_gpus_of_this_process(program, tmp_path, gpus):
    assert OnNode().run(program(GREET, CUDA_VISIBLE_DEVICES="0", NAME="head")) == 0
    assert (tmp_path / "log").read_text() == f"['{os.getpid()}'] {tmp_path} 1 head\n"


def test_the_exit_code_of_a_killed_program_is_minus_its_signal(program):
    assert OnNode().run(program("import os; os.kill(os.getpid(), 9)")) == -signal.SIGKILL


@pytest.mark.parametrize(("text", "grace_s", "code"), [(WAIT, 30.0, -signal.SIGTERM), (STUBBORN, 0.5, -signal.SIGKILL)])
def test_a_program_that_is_stopped_gets_sigterm_and_then_sigkill(program, tmp_path, text, grace_s, code):
    child, codes = OnNode(), []
    thread = threading.Thread(target=lambda: codes.append(child.run(program(text))))
    thread.start()
    assert until(lambda: (tmp_path / "log").exists() and "began" in (tmp_path / "log").read_text(), 30)
    child.stop(grace_s=grace_s)
    thread.join(60)
    assert codes == [code]


def test_a_program_that_was_stopped_before_does_not_begin(program, tmp_path):
    child = OnNode()
    child.stop(grace_s=0.5)
    assert child.run(program(GREET)) == NOT_BEGUN
    assert not (tmp_path / "log").exists()


def test_a_child_does_not_inherit_that_sigint_is_blocked(program):
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        text = "import signal; print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()))"
        assert answer_of(program(text), 30).output == "False\n"
        assert signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def test_a_short_program_returns_what_it_wrote(program):
    answer = answer_of(program("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"), 30)
    assert (answer.code, answer.output, answer.errors) == (3, "out\n", "err\n")


def test_a_short_program_that_hangs_is_ended(program):
    with pytest.raises(subprocess.TimeoutExpired):
        answer_of(program("import time; time.sleep(600)"), 0.2)


def test_a_folder_that_is_not_there_is_an_error_of_the_system(program, tmp_path):
    gone = Program(("-c", GREET), str(tmp_path / "gone"), {}, str(tmp_path / "log"))
    with pytest.raises(FileNotFoundError):
        OnNode().run(gone)
