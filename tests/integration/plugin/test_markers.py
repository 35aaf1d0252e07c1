"""Markers are merged from module to parameter; a wrong marker fails only its own test."""

from __future__ import annotations

BAD = """
@pytest.mark.llem(confg=TINY)
def test_misspelt_argument():
    pass

@pytest.mark.filterwarnings("error")
@pytest.mark.llem(TINY, {"n": 2})
def test_two_positionals():
    pass

@pytest.mark.llem({**TINY, "modle": "x"})
def test_misspelt_field():
    pass

@pytest.mark.llem(TINY, repeats="5")
def test_wrong_type():
    pass

@pytest.mark.llem(TINY, fail_on={"energy_per_output_tokn": "5%"})
def test_misspelt_metric():
    pass

@pytest.mark.llem(TINY, budget={"output_tokens": "5%"})
def test_a_relative_budget():
    pass

@pytest.mark.llem("missing.yaml")
def test_missing_file():
    pass

@pytest.mark.llem(42)
def test_wrong_config():
    pass

class TestGroup:
    @pytest.mark.parametrize("size", [1, pytest.param(2, marks=pytest.mark.llem(config=TINY, gatee=True))])
    def test_of_a_parameter(self, size):
        pass

def test_fine():
    pass
"""
WORDS = [
    "*test_suite.py:5: llem has no argument 'confg'; did you mean 'config'?",
    "*test_suite.py:10: llem takes one positional argument, config, not 2*",
    "*test_suite.py:14: config: the configuration: modle: there is no such field; did you mean 'model'?",
    "*test_suite.py:18: repeats: '5' is not a whole number of at least 1",
    "*test_suite.py:22: fail_on: unknown metric 'energy_per_output_tokn'; did you mean 'energy_per_output_token'?*",
    "*test_suite.py:26: budget: output_tokens:5% is relative*",
    "*test_suite.py:30: config: *missing.yaml*",
    "*test_suite.py:34: config: a path, a dict or an ExperimentConfig is needed, not int",
    "*test_suite.py:39: llem has no argument 'gatee'; did you mean 'gate'?",
]


def test_a_bad_marker_is_an_error_of_its_test_alone_with_place_and_suggestion(suite):
    suite.tests(BAD)
    result = suite.run()
    result.assert_outcomes(errors=9, passed=2)
    result.stdout.fnmatch_lines(WORDS)
    text = result.stdout.str()
    assert "Traceback" not in text
    assert "pytest_llem/" not in text
    assert "exception" not in text


def test_collecting_still_lists_all(suite):
    suite.tests(BAD)
    result = suite.run("--collect-only", "-q")
    assert result.ret == 0
    assert "11 tests collected" in result.stdout.str()


def test_the_closest_marker_wins_per_argument(suite):
    suite.tests(
        """
pytestmark = pytest.mark.llem(config=TINY, repeats=3, fail_on={"output_tokens": "1%"})

@pytest.mark.llem(repeats=4)
class TestGroup:
    def test_of_the_class(self):
        pass

    @pytest.mark.llem(repeats=6)
    def test_of_the_function(self):
        pass

    @pytest.mark.llem(repeats=6, fail_on={"cpu_seconds": "9%"})
    @pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.llem(repeats=7, overrides={"n": 3}))])
    def test_of_the_parameter(self, x):
        pass

def test_of_the_module():
    pass
"""
    )
    result = suite.run("--llem-dry-run")
    result.stdout.fnmatch_lines(
        [
            "*test_of_the_class: builtin/tiny-llama n=1, 4 repeats*gates: output_tokens 1%*",
            "*test_of_the_function: builtin/tiny-llama n=1, 6 repeats*gates: output_tokens 1%*",
            "*test_of_the_parameter?1?: builtin/tiny-llama n=3, 7 repeats*gates: cpu_seconds 9%*",
            "*test_of_the_module: builtin/tiny-llama n=1, 3 repeats*gates: output_tokens 1%*",
        ]
    )


def test_a_file_is_found_beside_the_test(suite):
    suite.write("sub/decode.yaml", "model: builtin/tiny-llama\nn: 7\n")
    suite.write("sub/test_decode.py", "import pytest\n@pytest.mark.llem('decode.yaml')\ndef test_it():\n    pass\n")
    suite.run("--llem-dry-run").stdout.fnmatch_lines(["sub/test_decode.py::test_it: builtin/tiny-llama n=7*"])


def test_a_problem_in_the_file_is_reported_with_its_line(suite):
    suite.write("decode.yaml", "model: builtin/tiny-llama\nbatchsize: 7\n")
    suite.tests("@pytest.mark.llem(config='decode.yaml')\ndef test_it():\n    pass\n")
    suite.run().stdout.fnmatch_lines(
        ["test_suite.py:4: config: *decode.yaml, line 2: batchsize: there is no such field*"]
    )


def test_a_dry_run_names_the_baseline_and_measures_nothing(suite):
    suite.one_test()
    result = suite.run("--llem-dry-run", llem=False)
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(
        [
            "*test_energy: builtin/tiny-llama n=1, 5 repeats, config ????????????????; gates:*no baseline in llem-baselines, *"
        ]
    )
    assert not (suite.path / ".llem").exists()


def test_the_fixture_alone_makes_an_experiment(suite):
    suite.tests("def test_it(llm_experiment):\n    pass\n")
    result = suite.run(llem=False)
    result.assert_outcomes(skipped=1)


def test_requested_but_never_called_is_a_failure(suite):
    suite.one_test(body="pass")
    result = suite.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["llm_experiment was requested but never called: nothing was measured"])


def test_a_mark_without_the_fixture_is_a_failure_and_not_a_green_test_that_measured_nothing(suite):
    suite.tests(
        """
@pytest.mark.llem(config=TINY)
def test_forgotten():
    pass

@pytest.mark.llem
def test_of_the_meter(energy_meter):
    pass

@pytest.mark.llem(config=TINY)
class TestGroup:
    def test_beside_experiments(self):
        pass

@pytest.mark.llem
def test_of_the_meter_when_it_likes(request):
    request.getfixturevalue("energy_meter")

@pytest.mark.parametrize("size", [1, pytest.param(2, marks=pytest.mark.llem(config=TINY))])
def test_forgotten_in_one_of_its_cases(size):
    pass

def test_that_a_conftest_marked():
    pass
"""
    )
    suite.write(
        "conftest.py",
        """
import pytest

def pytest_collection_modifyitems(items):
    for item in items:
        if item.name == "test_that_a_conftest_marked":
            item.add_marker("llem")
""",
    )
    result = suite.run("--llem-energy=null")
    result.assert_outcomes(failed=2, passed=5)
    result.stdout.fnmatch_lines(["marked llem, but does not use llm_experiment: nothing was measured"])


def test_arguments_of_a_mark_are_refused_where_a_test_only_has_windows(suite):
    suite.tests(
        """
@pytest.mark.llem(id="summary", gate=False)
def test_the_marker_has_no_gate_for_windows(energy_meter):
    with energy_meter.window("summarise", gate={"energy_j": "5%"}, repeats=3):
        pass

@pytest.mark.llem(TINY)
def test_forgot_its_experiment(energy_meter):
    pass

@pytest.mark.parametrize("size", [pytest.param(2, marks=pytest.mark.llem(repeats=3, fail_on={"energy_j": "5%"}))])
def test_of_a_parameter(energy_meter, size):
    pass

@pytest.mark.llem(config=TINY)
class TestGroup:
    def test_beside_experiments(self, energy_meter):
        pass

@pytest.mark.llem
def test_only_selected_by_its_mark(energy_meter):
    pass
"""
    )
    result = suite.run("--llem-energy=null")
    result.assert_outcomes(errors=3, passed=2)
    fix = "its windows do not use these arguments: write energy_meter.window(..., gate=..., repeats=...), or request llm_experiment"
    result.stdout.fnmatch_lines(
        [
            f"*test_suite.py:5: llem: id, gate: {fix}",
            f"*test_suite.py:10: llem: config: {fix}",
            f"*test_suite.py:14: llem: repeats, fail_on: {fix}",
        ]
    )
    planned = suite.run("--llem-dry-run", llem=False)
    planned.assert_outcomes(errors=3, skipped=2)
    planned.stdout.no_fnmatch_line("*gates: *")


def test_a_call_without_any_config_gives_a_message_with_the_fix(suite):
    suite.tests("@pytest.mark.llem\ndef test_it(llm_experiment):\n    llm_experiment()\n")
    suite.run().stdout.fnmatch_lines(["llm_experiment has no config: give the marker one*"])


def test_a_wrong_override_gives_a_clear_message(suite):
    suite.one_test(body="llm_experiment(batchsize=3)")
    result = suite.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["llm_experiment: the configuration: batchsize: there is no such field*"])
