"""Options and ini settings, with their meanings. Every pytest run imports this module, so it is small.

`docs/pytest-plugin.md` is generated from the tables; `settings` reads the values. PYTEST_DONT_REWRITE
"""

from __future__ import annotations

from pathlib import Path

import pytest

FILES = "*.llem.yaml *.llem.yml"
FAIL_ON = "energy_per_output_token:5%"
MARKER = (
    "llem(config=None, *, overrides=None, repeats=None, fail_on=None, budget=None, id=None, gate=True, control=False): "
    "measure an LLM experiment; runs with --llem, see docs/pytest-plugin.md."
)

# Flag, name of its value (None = a switch), default, meaning.
OPTIONS = (
    ("--llem", None, "off", "run experiments; without this option they are skipped"),
    (
        "--llem-dry-run",
        None,
        "off",
        "check configurations, look up baselines, print the plan; loads no model and no meter",
    ),
    (
        "--llem-strict",
        None,
        "off",
        "fail tests without a verdict (no meter, no baseline, other hardware, changed configuration) and runs with missing tests",
    ),
    ("--llem-repeats", "N", "5", "measured windows per experiment; the marker takes precedence"),
    (
        "--llem-energy",
        "NAME",
        "auto",
        "meter: auto, null, the name of a meter as in energy.backend, or replay:FILE (recorded joules; marked as simulated)",
    ),
    ("--llem-fail-on", "METRIC:LIMIT", FAIL_ON, "repeatable: 2.5%, 150%, or absolute 0.5 in the metric's unit"),
    ("--llem-baseline-dir", "DIR", "llem-baselines under rootdir", "committed baseline files"),
    (
        "--llem-update-baseline",
        "new|append|replace",
        "none",
        "new: write missing entries; append: add a session and keep the newest 5; replace: discard the old sessions",
    ),
    (
        "--llem-accept-baseline",
        "PATH",
        "none",
        "merge a candidate that a run wrote, without measuring: the tests that were not ok, or those selected by node id or -k",
    ),
    (
        "--llem-output-dir",
        "DIR",
        ".llem",
        "directory for one folder per run, with all results and candidate-baseline.json",
    ),
    ("--llem-json", "PATH", "none", "write the session report as JSON"),
)

# Name, type of value in pytest's terms, default, meaning.
INIS = (
    ("llem_files", "args", FILES, "suites to collect with --llem"),
    ("llem_repeats", None, "5", "as --llem-repeats"),
    ("llem_energy", None, "auto", "as --llem-energy"),
    ("llem_fail_on", "linelist", FAIL_ON, "as --llem-fail-on, one METRIC:LIMIT per line"),
    (
        "llem_alpha",
        None,
        "0.01",
        "highest probability of a false alarm per verdict; with one or two baseline sessions only if sessions differ by at "
        "most llem_noise_floor",
    ),
    ("llem_noise_floor", None, "2%", "the smallest assumed difference between sessions"),
    ("llem_min_window", None, "2", "seconds; shorter windows that a meter measured are dropped"),
    ("llem_max_age", None, "90", "days; an older baseline gets a note"),
    ("llem_baseline_dir", None, "llem-baselines", "as --llem-baseline-dir"),
    ("llem_inconclusive", None, "pass", "effect of an inconclusive verdict: pass, warn or fail"),
)


def add_options(parser: pytest.Parser) -> None:
    """Register every option and ini setting."""
    group = parser.getgroup("llem", "llenergymeasure")
    for flag, metavar, default, meaning in OPTIONS:
        text = f"{meaning[:1].upper()}{meaning[1:]} (default: {default}).".replace("%", "%%")
        if metavar is None:
            group.addoption(flag, action="store_true", default=False, help=text)
        elif flag == "--llem-fail-on":
            group.addoption(flag, action="append", default=None, metavar=metavar, help=text)
        else:
            group.addoption(flag, default=None, metavar=metavar, help=text)
    for name, kind, default, meaning in INIS:
        parser.addini(name, f"{meaning} (default: {default})", type=kind, default=None)  # type: ignore[arg-type]


def is_suite(path: Path, config: pytest.Config) -> bool:
    """Whether a file is a suite by its name."""
    return any(map(path.match, config.getini("llem_files") or FILES.split()))


def is_active(config: pytest.Config) -> bool:
    """Whether experiments are collected: to be measured, planned, or selected for `--llem-accept-baseline`."""
    options = ("--llem", "--llem-dry-run", "--llem-accept-baseline")
    return any(config.getoption(option) for option in options)


def is_experiment(item: pytest.Item) -> bool:
    """Whether a test measures an experiment."""
    return item.get_closest_marker("llem") is not None or "llm_experiment" in getattr(item, "fixturenames", ())


def may_have_windows(item: pytest.Item) -> bool:
    """Whether a test can open windows. Whether they have a gate is known only when they open."""
    return "energy_meter" in getattr(item, "fixturenames", ())


def is_untouched(config: pytest.Config) -> bool:
    """Whether no option and no ini setting is given: then nothing needs to be checked."""
    given = any(config.getoption(option[0]) for option in OPTIONS)
    return not given and all(config.getini(ini[0]) is None for ini in INIS)
