"""Suites in YAML: collection, selection, and errors with line and column."""

from __future__ import annotations

import pytest

SUITE = """
defaults: {model: builtin/tiny-llama, n: 8}
experiments:
  batch-1: {pytorch: {batch_size: 1}}
  batch-8: {pytorch: {batch_size: 8}, fail_on: {output_tokens: 5%}}
"""


@pytest.fixture
def yaml_suite(suite):
    suite.write("energy.llem.yaml", SUITE)
    suite.write("test_plain.py", "def test_plain():\n    pass\n")
    return suite


def names(result):
    return [line for line in result.outlines if "::" in line and " " not in line]


def test_one_item_per_experiment_called_after_its_name(yaml_suite):
    assert names(yaml_suite.run("--collect-only", "-q")) == [
        "energy.llem.yaml::batch-1", "energy.llem.yaml::batch-8", "test_plain.py::test_plain",
    ]  # fmt: skip


def test_without_the_option_a_suite_is_not_collected(yaml_suite):
    assert names(yaml_suite.run("--collect-only", "-q", llem=False)) == ["test_plain.py::test_plain"]


def test_named_without_the_option_its_items_are_skipped_with_the_reason(yaml_suite):
    result = yaml_suite.run("energy.llem.yaml", llem=False)
    result.assert_outcomes(skipped=2)
    result.stdout.fnmatch_lines(["SKIPPED*run with --llem"])
    yaml_suite.run("energy.llem.yaml::batch-8", llem=False).assert_outcomes(skipped=1)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["-k", "batch-8"], ["energy.llem.yaml::batch-8"]),
        (["-m", "llem"], ["energy.llem.yaml::batch-1", "energy.llem.yaml::batch-8"]),
        (["-m", "not llem"], ["test_plain.py::test_plain"]),
        (["--deselect", "energy.llem.yaml::batch-1"], ["energy.llem.yaml::batch-8", "test_plain.py::test_plain"]),
        (["energy.llem.yaml::batch-1"], ["energy.llem.yaml::batch-1"]),
    ],
)
def test_items_are_selected_as_any_other(yaml_suite, arguments, expected):
    assert names(yaml_suite.run("--collect-only", "-q", *arguments)) == expected


def test_ids_stay_when_an_experiment_is_inserted(yaml_suite):
    before = names(yaml_suite.run("--collect-only", "-q"))
    yaml_suite.write("energy.llem.yaml", SUITE.replace("  batch-1", "  batch-0: {}\n  batch-1"))
    after = names(yaml_suite.run("--collect-only", "-q"))
    assert [name for name in after if name != "energy.llem.yaml::batch-0"] == before


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("experiments:\n  a: {model: [\n", "line 3, column 1: broken YAML*"),
        ("experiments:\n  a: {modle: x}\n", "line 2, column 7: modle: there is no such field; did you mean 'model'?"),
        ("experiments:\n  a: {model: x}\n  a: {model: y}\n", "line 3, column 3: 'a' is given twice*"),
        ("defaults: {model: x, n: many}\nexperiments: {a: {}}\n", 'line 1, column 22: n: "many": a whole number is needed'),
        ("experiments:\n  a: {model: x, repeats: 0}\n", "line 2, column 17: repeats: 0 is not a whole number*"),
        ("experiments:\n  a: {model: x, fail_on: {tokens: 5%}}\n", "line 2, column 17: fail_on: unknown metric 'tokens'*"),
        ("experiment:\n  a: {model: x}\n", "line 1, column 1: there is no such key: experiment; did you mean 'experiments'?"),
        ("experiments: [1]\n", "line 1, column 1: experiments is ?1?, not a mapping of names*"),
        ("experiments: {1: {model: x}}\n", "line 1, column 15: the name 1 is not text; quote it"),
        ("experiments: {a: 3}\n", "line 1, column 15: a is 3, not a mapping of fields; write fields such as `model: ...`"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_a_collection_error_with_line_and_column(suite, text, words):
    suite.write("broken.llem.yaml", text)
    result = suite.run()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines([f"broken.llem.yaml, {words}"])
    assert "Traceback" not in result.stdout.str()
    assert not (suite.path / ".llem").exists()


def test_other_tests_run_beside_a_broken_suite_when_requested(yaml_suite):
    yaml_suite.write("broken.llem.yaml", "experiments: [\n")
    result = yaml_suite.run("--continue-on-collection-errors", "-k", "plain")
    result.assert_outcomes(passed=1, errors=1)


def test_other_names_are_collected_when_the_ini_has_them(suite):
    suite.write("pytest.ini", "[pytest]\nllem_files = bench_*.yml\n")
    suite.write("bench_decode.yml", SUITE)
    suite.write("energy.llem.yaml", SUITE)
    assert names(suite.run("--collect-only", "-q")) == ["bench_decode.yml::batch-1", "bench_decode.yml::batch-8"]
