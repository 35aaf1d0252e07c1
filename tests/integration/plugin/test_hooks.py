"""Hooks belong to the test: a conftest acts on its folder, and what it raises fails its test in one line."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.torch

METER = """
from llenergymeasure.domain.energy import EnergyReading

class Strip:
    devices = ("socket",)
    def __init__(self, name, joules):
        self.name, self.joules = name, joules
        print("MADE", name)
    def open_window(self):
        return self
    def close(self, start_s, end_s):
        return EnergyReading(meter=self.name, energy_j=self.joules, method="counter", n_readings=99)
    def abandon(self):
        pass
    def release(self):
        print("RELEASED", self.name)
"""
OF_THE_FOLDER = f"""{METER}
def pytest_llem_make_meter(config, name):
    return Strip("own", 8.0)

def pytest_llem_modify_config(item, config):
    return config.model_copy(update={{"random_seed": 99}})

def pytest_llem_fingerprint(config, fingerprint):
    fingerprint["rack"] = "B"

def pytest_llem_verdict(item, verdict):
    print("HEARD", item.nodeid)
"""
OF_THE_ROOT = f"""{METER}
def pytest_llem_make_meter(config, name):
    return Strip("root", 4.0)
"""


def a_tree(suite):
    suite.write("pytest.ini", "[pytest]\nllem_repeats = 3\nllem_min_window = 0\n")
    suite.write("conftest.py", OF_THE_ROOT)
    suite.write("own/conftest.py", OF_THE_FOLDER)
    for name in ("own/test_own.py", "plain/test_plain.py", "plain/test_second.py"):
        suite.tests("@pytest.mark.llem(TINY)\ndef test_it(llm_experiment):\n    llm_experiment()\n", name)


def test_a_conftest_of_a_folder_acts_on_its_folder_only(suite, quick):
    a_tree(suite)
    result = suite.forked(quick, "-s", "--llem-json=report.json", "--llem-update-baseline=new")
    result.assert_outcomes(passed=3)
    shown = result.stdout.str()
    assert [shown.count(f"MADE {name}") for name in ("own", "root")] == [1, 1]
    assert [shown.count(f"RELEASED {name}") for name in ("own", "root")] == [1, 1]
    assert shown.count("HEARD") == 1
    assert "HEARD own/test_own.py::test_it" in shown
    files = [json.loads(path.read_text()) for path in suite.baseline_files]
    found = {
        test: (file["hardware"].get("rack"), file["hardware"]["meter"], entry["config"]["random_seed"])
        for file in files
        for test, by_hash in file["entries"].items()
        for entry in by_hash.values()
    }
    assert found == {
        "own/test_own.py::test_it": ("B", "own", 99),
        "plain/test_plain.py::test_it": (None, "root", 42),
        "plain/test_second.py::test_it": (None, "root", 42),
    }


def test_a_window_of_the_energy_meter_is_measured_by_the_meter_of_its_folder(suite, quick):
    a_tree(suite)
    for name, joules in (("own", 8.0), ("plain", 4.0)):
        test = "def test_it(energy_meter):\n    with energy_meter.window() as window:\n        pass\n"
        suite.write(f"{name}/test_window_{name}.py", f"{test}    assert window.energy_j == {joules}\n")
    suite.forked(quick, "-k", "test_window").assert_outcomes(passed=2, deselected=3)


def test_a_dry_run_applies_them_too(suite, quick):
    a_tree(suite)
    result = suite.forked(quick, "-s", "--llem-dry-run")
    plans = {line.split(": ")[0]: line.split("config ")[1][:16] for line in result.outlines if "tiny-llama" in line}
    assert plans["own/test_own.py::test_it"] != plans["plain/test_plain.py::test_it"]
    assert plans["plain/test_plain.py::test_it"] == plans["plain/test_second.py::test_it"]
    assert "MADE" not in result.stdout.str()
    suite.forked(quick, "--llem-update-baseline=new").assert_outcomes(passed=3)
    planned = suite.forked(quick, "--llem-dry-run").stdout.str()
    assert planned.count("baseline in cpu-") == 3


RAISING = {
    "config": ("modify_config(item, config)", "raise ValueError('no such laptop')", " raised ValueError: no such laptop"),
    "dict": ("modify_config(item, config)", "return {'n': 2}", " returned dict, not an ExperimentConfig or None"),
    "machine": ("fingerprint(config, fingerprint)", "return 1 / 0", " raised ZeroDivisionError: division by zero"),
    "strip": ("make_meter(config, name)", "return 'strip'", " returned str, a meter without name, devices, open_window, release"),
    "silent": ("make_meter(config, name)", "raise OSError('no answer')", " raised OSError: no answer"),
    "deaf": ("verdict(item, verdict)", "raise KeyError('token')", " raised KeyError: 'token'"),
}  # fmt: skip


def test_what_a_hook_raises_fails_its_test_in_one_line_and_the_run_ends_as_usual(suite, quick):
    suite.write("pytest.ini", "[pytest]\nllem_repeats = 3\n")
    for name, (hook, body, _) in RAISING.items():
        suite.write(f"{name}/conftest.py", f"import pytest\n\ndef pytest_llem_{hook}:\n    {body}\n")
    for name in (*RAISING, "plain"):
        suite.tests(
            "@pytest.mark.llem(TINY)\ndef test_it(llm_experiment):\n    llm_experiment()\n", f"{name}/test_{name}.py"
        )
    gates = ("--llem-energy=null", "--llem-fail-on=output_tokens:1%", "--llem-json=report.json")
    result = suite.forked(quick, *gates)
    result.assert_outcomes(failed=len(RAISING), passed=1)
    for name, (hook, body, words) in RAISING.items():
        place = f" ({name}/conftest.py:4)" if "return {" not in body and "strip" not in body else ""
        assert f"pytest_llem_{hook.partition('(')[0]}{place}{words}" in result.outlines
    result.stdout.fnmatch_lines(["*new*output_tokens*plain/test_plain.py::test_it"])
    assert "Traceback" not in result.stdout.str()
    outcomes = {test["test"]: test["outcome"] for test in suite.report()["tests"]}
    assert [outcomes[f"{name}/test_{name}.py::test_it"] for name in RAISING] == ["failed"] * len(RAISING)
