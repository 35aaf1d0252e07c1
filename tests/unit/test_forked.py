"""Programs that are forked look like processes of their own."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess

import pytest

from forked import Forker
from waiting import children, is_alive, until


@pytest.fixture(scope="module")
def forker():
    made = Forker("json", {}, "import colorsys")
    yield made
    made.close()


@pytest.fixture
def run(forker, tmp_path):
    def finished(*arguments, **environ):
        command = [forker.python, *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env={**os.environ, **environ}, capture_output=True, text=True, check=False
        )

    return finished


def test_a_program_has_its_arguments_its_folder_its_variables_and_its_exit_code(run, tmp_path):
    code = "import os, sys; print(sys.argv, os.getcwd(), os.environ['X']); print('why', file=sys.stderr); sys.exit(3)"
    done = run("-c", code, "a", X="1")
    assert (done.returncode, done.stdout, done.stderr) == (3, f"['-c', 'a'] {tmp_path} 1\n", "why\n")


def test_a_file_and_a_module_are_run_as_main(run, tmp_path):
    (tmp_path / "program.py").write_text("import sys\nprint(__name__, sys.argv[1:])\n")
    assert run("program.py", "a").stdout == run("-m", "program", "a").stdout == "__main__ ['a']\n"


def test_imports_of_the_server_are_available_and_imports_of_a_program_do_not_remain(run):
    code = "import sys; print('colorsys' in sys.modules, 'this_one' in sys.modules); sys.modules['this_one'] = sys"
    assert [run("-c", code).stdout for _ in range(2)] == ["True False\n"] * 2


def test_an_error_of_a_program_is_a_traceback_and_exit_code_1(run):
    done = run("-c", "1 / 0")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, "ZeroDivisionError: division by zero")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_program_that_a_signal_ended_is_seen_to_have_been_ended_by_it(run, number):
    assert run("-c", f"import os; os.kill(os.getpid(), {number:d})").returncode == -number


# Short sleeps: a signal that arrives just before one is handled after it.
WAITING = "import os, time; print(os.getpid(), flush=True); [time.sleep(0.1) for _ in range(600)]"


@pytest.fixture
def waiting(forker):
    """A client, and the number of its program."""
    client = subprocess.Popen([forker.python, "-c", WAITING], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    yield client, int(client.stdout.readline())
    client.kill()
    client.communicate()


def test_an_interrupt_reaches_the_program(waiting):
    client, _ = waiting
    client.send_signal(signal.SIGINT)
    _, said = client.communicate(timeout=20)
    assert (client.returncode, said.splitlines()[-1]) == (-signal.SIGINT, "KeyboardInterrupt")


def test_a_program_does_not_outlive_its_client(waiting):
    client, program = waiting
    client.kill()
    assert until(lambda: is_gone(program))


def test_a_client_that_is_killed_while_it_asks_leaves_no_process(forker):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(forker.bin / "socket"))
        (server,) = struct.unpack("i8x", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        socket.send_fds(client, [(100).to_bytes(4, "big")], [0, 1, 2])
        client.sendall(b"{")
        assert until(lambda: any(map(is_alive, children(server))))
    assert until(lambda: not any(map(is_alive, children(server))))


def is_gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_snippet_returns_its_values_and_raises_its_errors(forker):
    assert forker.run("tell(a=1)\ntell(b=2)\nprint('not this')") == {"a": 1, "b": 2}
    with pytest.raises(AssertionError, match="ValueError: no"):
        forker.run("raise ValueError('no')")
