"""The public face: names, version, and how quickly it is there."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata

import pytest

import llenergymeasure
from llenergymeasure import ExperimentConfig, StudyConfig, run_experiment, run_study
from llenergymeasure.exceptions import ConfigError, LLEMError


def test_all_is_complete_and_sorted():
    assert llenergymeasure.__all__ == sorted(
        [
            "ExperimentConfig",
            "ExperimentResult",
            "StudyConfig",
            "StudyResult",
            "__version__",
            "run_experiment",
            "run_study",
        ]
    )
    for name in llenergymeasure.__all__:
        assert getattr(llenergymeasure, name) is not None


def test_the_version_is_a_plain_text_and_that_of_the_package():
    assert type(llenergymeasure.__version__) is str
    assert llenergymeasure.__version__ == metadata.version("llenergymeasure"), "install again: make setup"


def test_a_name_that_is_not_public_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'measure'"):
        _ = llenergymeasure.measure


HEAVY = (
    "torch",
    "transformers",
    "pandas",
    "numpy",
    "scipy",
    "pyarrow",
    "zeus",
    "codecarbon",
    "pydantic",
    "yaml",
    "pynvml",
)


@pytest.mark.parametrize(
    ("code", "heavy"),
    [
        ("import llenergymeasure", HEAVY),
        ("import pytest_llem.plugin", tuple(name for name in HEAVY)),
        ("import llenergymeasure.cli.app", tuple(name for name in HEAVY)),
        (
            "from llenergymeasure import ExperimentConfig",
            ("torch", "transformers", "numpy", "scipy", "pyarrow", "pynvml"),
        ),
        (
            "from llenergymeasure import run_experiment",
            ("torch", "transformers", "numpy", "scipy", "pyarrow", "zeus", "codecarbon"),
        ),
        (
            "import llenergymeasure.cli.commands.dry_run",
            ("torch", "numpy", "pyarrow", "llenergymeasure.domain.results", "llenergymeasure.config.study.build"),
        ),
    ],
)
def test_importing_is_quick_because_no_heavy_module_is_imported(code, heavy):
    check = f"{code}\nimport sys\nprint([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "fields", "words"),
    [
        ((), {}, "no config and no model given; for example run_experiment"),
        ((), {"modle": "m"}, r"no config and no model given \(fields: modle\); for example run_experiment"),
        ((42,), {}, "not int"),
        (("x.yaml",), {"n": 3}, "not both"),
        (("no-such-file.yaml",), {}, "does not exist"),
    ],
)
def test_wrong_arguments_are_reported_with_an_example(arguments, fields, words):
    with pytest.raises(ConfigError, match=words):
        run_experiment(*arguments, **fields)


def test_a_study_takes_a_path_or_a_study():
    with pytest.raises(ConfigError, match="not ExperimentConfig"):
        run_study(ExperimentConfig(model="m"))


def test_an_executor_of_a_single_experiment_is_refused():
    for options in ({"parallel": 0}, {"executor": "local"}):
        with pytest.raises(ConfigError, match="one experiment in one cycle is measured in this process"):
            run_study(StudyConfig(experiments=[ExperimentConfig(model="m")]), **options)


def test_every_error_of_ours_has_one_base():
    from llenergymeasure import exceptions

    kinds = [kind for kind in vars(exceptions).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert len(kinds) >= 10
    assert all(issubclass(kind, LLEMError) for kind in kinds)


def test_configurations_are_frozen_and_closed():
    config = ExperimentConfig(model="m")
    with pytest.raises(ValueError, match="frozen"):
        config.n = 3
    with pytest.raises(ValueError, match="Extra inputs"):
        StudyConfig(experiments=[config], extra=1)
