"""`llem` where something that every program takes for granted is missing: closed streams, no home, no working directory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the shell's redirections")

LLEM = f"{sys.executable} -m llenergymeasure"
DRY_RUN = f"{LLEM} run --dry-run --model builtin/tiny-llama -n 1"


@pytest.fixture
def shell(tmp_path):
    """A shell in an empty directory with an empty HOME; nothing may be left there."""
    for name in ("home", "work"):
        (tmp_path / name).mkdir()
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "LLEM_", "PYTHON", "LC_"))
    }
    environ |= {"HOME": str(tmp_path / "home"), "PYTHONDONTWRITEBYTECODE": "1"}

    def run(command: str) -> tuple[int, str, str]:
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=tmp_path / "work",
            env=environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert "Traceback" not in done.stderr
        assert "Exception ignored" not in done.stderr
        assert list(tmp_path.glob("*/*")) == []
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.mark.parametrize(
    "circumstance",
    [
        "{llem}",
        "{llem} 2>&-",
        "{llem} <&-",
        "env -u HOME {llem}",
        "HOME=/dev/null/x TMPDIR=/dev/null/x {llem}",
        "LC_ALL=xx {llem}",
        "LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 PYTHONIOENCODING=ascii {llem}",
        "TERM=dumb NO_COLOR=1 COLUMNS=1 LINES=1 {llem}",
        "umask 777; {llem}",
        "ulimit -n 32; {llem}",
        "ulimit -f 1; {llem}",
        "{llem} 2>/dev/full",
    ],
)
def test_what_does_not_matter_changes_nothing(shell, circumstance):
    code, out, err = shell(circumstance.replace("{llem}", DRY_RUN))
    assert (code, err) == (0, "")
    assert out.endswith("nothing was run and nothing was written\n")


@pytest.mark.parametrize("circumstance", ["{llem} >&-", "{llem} <&- >&- 2>&-"])
def test_closed_streams_take_what_they_are_given(shell, circumstance):
    assert shell(circumstance.replace("{llem}", DRY_RUN)) == (0, "", "")


def test_a_closed_reader_of_stdout_is_no_error(shell):
    """llem begins once an `echo` has failed, which is when the reader has gone."""
    code, _, err = shell(f"(while (echo) 2>&-; do :; done; {LLEM} config; echo $? >&2) | true")
    assert (code, err.strip()) == (0, "1")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")  # noqa: PTH110
@pytest.mark.parametrize("command", [DRY_RUN, f"{LLEM} --version", f"{LLEM} run --help"])
def test_an_output_that_is_full_is_reported_in_one_line(shell, command):
    code, _, err = shell(f"{command} > /dev/full")
    assert (code, err) == (1, "error: the output could not be written: No space left on device\n")


def test_a_working_directory_that_was_removed_is_reported(shell, tmp_path):
    code, out, err = shell(f"mkdir gone; cd gone; rmdir ../gone; {DRY_RUN}")
    assert (code, out) == (2, "")
    assert err == "error: the working directory no longer exists; change to an existing directory\n"
    assert shell(f"mkdir gone; cd gone; rmdir ../gone; {LLEM} config")[0] == 0


@pytest.mark.parametrize("command", [f"{LLEM} run --model builtin/tiny-llama -n 1", DRY_RUN])
@pytest.mark.parametrize(
    ("limit", "words"), [("-v 600000", "614 MB of address space"), ("-d 300000", "307 MB of data")]
)
def test_too_little_memory_for_torch_is_found_before_it_hangs(shell, command, limit, words):
    code, out, err = shell(f"ulimit {limit}; {command}")
    assert (code, out) == (1, "")
    assert words in err
    assert "fix: ulimit" in err


def test_errors_go_nowhere_when_stderr_is_closed_and_not_among_the_output(shell):
    assert shell(f"{LLEM} run nowhere.yaml 2>&-") == (2, "", "")


INTERRUPTED = """
import atexit, os, signal, sys
from llenergymeasure.cli.entry import main

{when}
main()
"""


def interrupted(tmp_path: Path, when: str) -> tuple[int, str]:
    code = INTERRUPTED.replace("{when}", when)
    done = subprocess.run(
        [sys.executable, "-c", code, "--version"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("module", ["importlib.metadata", "llenergymeasure.cli.outcome"])
def test_an_interrupt_during_the_first_imports_is_an_interrupt(tmp_path, module):
    when = f"""
def hook(event, arguments):
    if event == "import" and arguments[0] == {json.dumps(module)}:
        os.kill(os.getpid(), signal.SIGINT)
sys.addaudithook(hook)
"""
    code, err = interrupted(tmp_path, when)
    assert code == 130
    assert err == "interrupted\n"


INTERRUPTED_EXEC = """
import os, signal, sys
def hook(event, arguments):
    if event == "import" and arguments[0] == "importlib.metadata":
        exec("os.kill(os.getpid(), signal.SIGINT)\\nlist(range(10))")
sys.addaudithook(hook)
"""


def test_an_interrupt_inside_of_text_that_is_executed_gives_the_same_exit_code(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(INTERRUPTED_EXEC)
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-m", "llenergymeasure", "--version"],
        env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (130, "interrupted\n")


def test_an_interrupt_at_the_interpreters_end_changes_nothing(tmp_path):
    assert interrupted(tmp_path, "atexit.register(os.kill, os.getpid(), signal.SIGINT)") == (0, "")
