"""The cost of the plugin for every pytest run, and its output without a measurement."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from pytest_llem.options import INIS, OPTIONS

SUITE = """
import pytest

@pytest.mark.llem(config={"model": "builtin/tiny-llama"})
def test_experiment():
    pass

def test_plain():
    pass
"""
# Modules that no run may load before an item needs them.
HEAVY = ("numpy", "pydantic", "yaml", "torch", "transformers", "pyarrow", "pynvml", "llenergymeasure")
SPY = """
import json, os, sys

def pytest_sessionfinish():
    with open("seen.json", "w") as file:
        json.dump({"modules": sorted(sys.modules), "children": os.times().children_user}, file)
"""


def test_nothing_heavy_is_loaded_and_no_process_is_started(suite):
    suite.write("test_suite.py", SUITE)
    suite.write("conftest.py", SPY)
    command = [sys.executable, "-m", "pytest", "-p", "pytest_llem.plugin", "-p", "no:cacheprovider"]
    environ = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    subprocess.run(command, cwd=suite.path, env=environ, check=True, capture_output=True)
    seen = json.loads((suite.path / "seen.json").read_text())
    assert [name for name in seen["modules"] if name.partition(".")[0] in HEAVY] == []
    assert seen["children"] == 0


def test_without_the_option_experiments_are_skipped_and_the_reason_names_it(suite):
    suite.write("test_suite.py", SUITE)
    result = suite.run("-W", "error", "--strict-markers", llem=False)
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*run with --llem"])


def test_help_markers_and_fixtures_show_everything_with_its_default(suite):
    shown = suite.run("--help", llem=False).stdout.str()
    for flag, _, default, _ in OPTIONS:
        assert flag in shown
        assert f"(default: {default.split()[0]}" in " ".join(shown.split())
    for name, _, default, _ in INIS:
        assert name in shown
        assert f"(default: {default.split()[0]}" in " ".join(shown.split())
    suite.run("--markers", llem=False).stdout.fnmatch_lines(["@pytest.mark.llem(config=None, [*], overrides=None,*"])
    fixtures = suite.run("--fixtures", llem=False).stdout
    fixtures.fnmatch_lines(["energy_meter*", "    The energy of any code*"])
    fixtures.fnmatch_lines(["llm_experiment*", "    Measure the marker's experiment*"])
    fixtures.fnmatch_lines(["llem_environment*", "    This machine and its software*"])


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--llem-repeats=many", "--llem-repeats: 'many' is not a whole number"),
        ("--llem-repeats=0", "at least 1"),
        ("--llem-repeats=010", "--llem-repeats: '010' is not a whole number of at least 1, in decimal digits"),
        ("--llem-repeats=1_000", "'1_000' is not a whole number"),
        ("--llem-fail-on=cpu_seconds:010%", "'010%' is not a limit"),
        ("--llem-fail-on=cpu_seconds:1_000%", "'1_000%' is not a limit"),
        ("--llem-energy=nvmll", "'nvmll' is not one of auto, nvml, zeus"),
        ("--llem-energy=replay:nowhere.json", "there is no file"),
        ("--llem-fail-on=energy_per_output_tokn:5%", "did you mean 'energy_per_output_token'?"),
        ("--llem-fail-on=5%", "is not METRIC:LIMIT"),
        ("--llem-update-baseline=all", "nothing is measured without --llem; add it"),
    ],
)
def test_a_bad_option_is_a_usage_error(suite, option, words):
    result = suite.run(option, llem=False)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert words in result.stderr.str()


def test_a_bad_way_to_update_is_a_usage_error(suite):
    result = suite.run("--llem-update-baseline=all")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "'all' is not one of new, append, replace" in result.stderr.str()


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("llem_repeats=010", "'010' is not a whole number"),
        ("llem_alpha=0_0.1", "llem_alpha: '0_0.1' is not a decimal number"),
        ("llem_noise_floor=1_0%", "'1_0' is not a decimal number"),
        ("llem_min_window=010", "'010' is not a decimal number"),
        ("llem_max_age=1e1_0", "'1e1_0' is not a decimal number"),
        ("llem_fail_on=cpu_seconds:010", "'010' is not a limit"),
        ("llem_repeats=0", "llem_repeats: '0' is not a whole number"),
        ("llem_alpha=2", "llem_alpha: 2 is out of range; it must be above 0 and below 0.5"),
        ("llem_noise_floor=-1%", "it must be at least 0"),
        ("llem_noise_floor=much", "llem_noise_floor: 'much' is not a decimal number"),
        ("llem_min_window=-1", "it must be at least 0"),
        ("llem_max_age=0", "it must be above 0"),
        ("llem_inconclusive=maybe", "'maybe' is not one of pass, warn, fail"),
        ("llem_fail_on=tokens:5%", "unknown metric 'tokens'"),
        ("llem_energy=watts", "llem_energy: 'watts' is not one of"),
    ],
)
def test_a_bad_ini_setting_is_a_usage_error(suite, setting, words):
    suite.write("pytest.ini", f"[pytest]\n{setting}\n")
    result = suite.run(llem=False)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert words in result.stderr.str()


def test_xdist_is_refused_in_one_line(suite):
    suite.write("test_suite.py", SUITE)
    result = suite.process("--llem", "-n", "2")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert [line for line in result.errlines if line] == [
        "ERROR: --llem measures one experiment at a time, and xdist runs several: add -n0"
    ]


def test_xdist_in_addopts_works_when_it_is_switched_off(suite):
    suite.write("test_suite.py", SUITE)
    suite.write("pytest.ini", "[pytest]\naddopts = -n auto\n")
    result = suite.process("--llem", "-n0", "--llem-dry-run")
    result.assert_outcomes(passed=1, skipped=1)


@pytest.mark.slow
def test_under_xdist_a_plain_test_measures_and_its_properties_arrive(suite):
    pytest.importorskip("numpy")
    suite.write(
        "test_plain.py",
        """
def test_plain(energy_meter):
    import numpy
    with energy_meter.window("work"):
        pass
    energy_meter.record("score", numpy.float32(0.5))
    energy_meter.record("count", numpy.int64(3))
    energy_meter.record("shape", (1, 2))
""",
    )
    result = suite.process("-n", "2", "--llem-energy=null", "--junitxml=junit.xml")
    result.assert_outcomes(passed=1)
    xml = (suite.path / "junit.xml").read_text()
    for shown in ('name="score" value="0.5"', 'name="count" value="3"', 'name="shape" value="(1, 2)"'):
        assert shown in xml
    assert 'name="llem.work.duration_s"' in xml


def test_a_malformed_baseline_is_reported_before_any_measurement(suite):
    suite.write("test_suite.py", SUITE)
    suite.write("llem-baselines/broken.json", '{"schema": 1')
    result = suite.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "broken.json" in result.stderr.str()


def test_a_newer_baseline_is_refused(suite):
    suite.write("test_suite.py", SUITE)
    suite.write("llem-baselines/newer.json", '{"schema": 99, "hardware": {}, "simulated": false, "entries": {}}')
    result = suite.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "newer.json" in result.stderr.str()
