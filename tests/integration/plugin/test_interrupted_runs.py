"""A run that was interrupted updates no baseline. It reports this, and its exit code makes no difference."""

from __future__ import annotations

import json
import signal
import time

import pytest

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("torch_is_loaded")]

USUAL = (10.0, 10.1, 9.9)
TESTS = """
@pytest.mark.llem(TINY)
def test_first(llm_experiment):
    llm_experiment()

@pytest.mark.llem(TINY, overrides={"random_seed": 2})
def test_second(llm_experiment):
    llm_experiment()
"""
UPDATE = ("--llem-update-baseline=new", "--llem-json=report.json")


@pytest.fixture
def two(suite):
    suite.write("pytest.ini", "[pytest]\nllem_repeats = 3\n")
    suite.tests(TESTS)
    return suite


def assert_incomplete_and_nothing_updated(suite, code):
    report = suite.report()
    assert report["complete"] is False
    assert (report["baselines"]["written"], suite.baseline_files) == ([], [])
    assert code != 0


def test_an_exit_that_chooses_zero_is_an_interruption(two):
    two.write(
        "conftest.py",
        """
import pytest

def pytest_runtest_logfinish(nodeid):
    if nodeid.endswith("test_first"):
        pytest.exit("the GPU is needed elsewhere", returncode=0)
""",
    )
    result = two.run(two.replay(*USUAL), *UPDATE)
    assert_incomplete_and_nothing_updated(two, result.ret)
    outcomes = two.report()["baselines"]["outcomes"]
    assert [(each["action"], each["note"]) for each in outcomes] == [
        ("refused", "the run ended before all of its tests did")
    ]


def test_an_exit_that_chooses_zero_stays_a_success_when_no_update_was_asked_for(two):
    two.write(
        "conftest.py", "import pytest\ndef pytest_runtest_logfinish():\n    pytest.exit('enough', returncode=0)\n"
    )
    assert two.run(two.replay(*USUAL), "--llem-json=report.json").ret == 0
    assert two.report()["complete"] is False


@pytest.mark.parametrize(
    "crash",
    [
        "def pytest_runtest_logfinish(nodeid):\n    assert nodeid.endswith('first'), 'a crash'\n",
        "def pytest_sessionfinish():\n    raise KeyboardInterrupt\n",
        "import pytest\ndef pytest_sessionfinish():\n    pytest.exit('at the end', returncode=0)\n",
        "import pytest\ndef pytest_runtestloop(session):\n    for item in session.items[:1]:\n"
        "        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)\n    return True\n",
    ],
    ids=["after a test", "Ctrl-C at the end", "exit at the end", "a loop that leaves tests out"],
)
def test_a_crash_outside_the_tests_is_an_interruption(two, run, crash):
    two.write("conftest.py", crash)
    code, _ = run(two.path, two.replay(*USUAL), *UPDATE)
    assert (two.report()["complete"], two.baseline_files) == (False, [])
    assert code != 0 or "at the end" in crash


def test_stopping_at_the_first_failure_leaves_tests_out(two):
    two.tests(f"def test_broken():\n    assert False\n{TESTS}")
    two.write(
        "conftest.py", "def pytest_collection_modifyitems(items):\n    items[:] = [items[1], items[0], items[2]]\n"
    )
    assert_incomplete_and_nothing_updated(two, two.run(two.replay(*USUAL), *UPDATE, "-x").ret)


def test_a_run_with_a_failure_that_came_to_its_end_updates_what_passed(two):
    two.tests(f"{TESTS}\ndef test_broken():\n    assert False\n")
    two.run(two.replay(*USUAL), *UPDATE, "-x")
    assert two.report()["complete"] is True
    assert len(two.baseline()["entries"]) == 2


def test_ctrl_c_twice_updates_nothing_and_leaves_an_incomplete_report(two, start):
    """The second one arrives while pytest reports the first; pytest then ends with the exit code of a success."""
    two.tests(
        TESTS.replace("llm_experiment()\n", "llm_experiment()\n    raise KeyboardInterrupt\n", 2).replace(
            "raise KeyboardInterrupt", "pass", 1
        )
    )
    two.write(
        "conftest.py",
        """
import time
from pathlib import Path

def pytest_keyboard_interrupt():
    Path("interrupted").touch()
    time.sleep(120)
""",
    )
    process = start(two.path, two.replay(*USUAL), *UPDATE)
    deadline_s = time.monotonic() + 240
    while not (two.path / "interrupted").exists():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    report = json.loads((two.path / "report.json").read_text())
    assert (report["complete"], two.baseline_files) == (False, []), out
    assert [test["outcome"] for test in report["tests"]] == ["passed", None]
