"""Test suites in fresh folders. They run in-process where only the outcome matters.

torch is imported once, before the first suite that measures: pytester takes back what a suite imports.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
from importlib.metadata import entry_points

import pytest

from tiny import TINY

# A machine that is the same everywhere.
MACHINE = {"cpu": "A CPU of the test", "cpu_count": 2}


@pytest.fixture(autouse=True)
def installed():
    if not any(entry.value == "pytest_llem.plugin" for entry in entry_points(group="pytest11")):
        pytest.skip("the plugin is not installed as a package")


@pytest.fixture(autouse=True, scope="session")
def all_but_torch_is_loaded():
    """Import these modules once. pytester removes the modules that a suite imports, but not those imported before it."""
    import scipy.special  # noqa: F401

    from llenergymeasure import ExperimentConfig, _plugin_api  # noqa: F401
    from pytest_llem import hookspec, llm_experiment, run_hooks, settle, stash, suites  # noqa: F401
    from pytest_llem.baseline import accept  # noqa: F401
    from pytest_llem.gated import gates  # noqa: F401
    from pytest_llem.measure import energy_meter, measuring  # noqa: F401
    from pytest_llem.report import dry_run, github, session, terminal  # noqa: F401

    _plugin_api.make_config(TINY)


@pytest.fixture(scope="session")
def torch_is_loaded():
    """Run one experiment, which imports everything. The garbage collector then leaves the imported objects out."""
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)  # threads that wait for each other take minutes on a machine that is busy
    pytest.importorskip("transformers")
    from llenergymeasure import run_experiment

    run_experiment(**TINY, energy={"backend": "null"})
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def start(quick):
    """Starts pytest in a folder, in a process of its own."""

    def begin(folder, *arguments, llem=True, **environ):
        command = [quick.python, "-m", "pytest", "-p", "no:cacheprovider", *(["--llem"] if llem else []), *arguments]
        quiet = {name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")}
        output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return subprocess.Popen(command, cwd=folder, env={**quiet, **environ}, text=True, **output)

    return begin


@pytest.fixture
def run(start):
    """Runs pytest in a folder, in a process of its own; its exit code and its output."""

    def to_the_end(folder, *arguments, **others):
        process = start(folder, *arguments, **others)
        out, _ = process.communicate(timeout=240)
        return process.returncode, out

    return to_the_end


@pytest.fixture
def suite(pytester, monkeypatch):
    """A folder for a suite; `suite.run(...)` runs it here."""
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    return Suite(pytester, monkeypatch)


class Suite:
    """A suite of tests and how to run it."""

    def __init__(self, pytester, monkeypatch):
        self.pytester, self.path, self.monkeypatch = pytester, pytester.path, monkeypatch

    def write(self, name, text):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def tests(self, text, name="test_suite.py"):
        return self.write(name, f"import pytest\nTINY = {TINY!r}\n\n{text}")

    def one_test(self, marker="config=TINY", body="llm_experiment()"):
        return self.tests(f"@pytest.mark.llem({marker})\ndef test_energy(llm_experiment):\n    {body}\n")

    def replay(self, *joules, name="joules.json", test="*", **others):
        windows = {test: list(joules), **others}
        self.write(name, json.dumps({"windows": windows, "fingerprint": MACHINE}))
        return f"--llem-energy=replay:{name}"

    def run(self, *arguments, llem=True):
        """With no other plugin: to look for them takes longer than the suite."""
        with self.monkeypatch.context() as patch:
            patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
            ours = ("-p", "pytest_llem.plugin", *(["--llem"] if llem else []))
            return self.pytester.runpytest_inprocess(*ours, "-rs", *arguments)

    def process(self, *arguments):
        return self.pytester.runpytest_subprocess(*arguments)

    def forked(self, quick, *arguments):
        """pytest with --llem in a process of its own, where torch is imported already."""
        command = (quick.python, "-m", "pytest", "-p", "no:cacheprovider", "-rs", "--llem", *arguments)
        return self.pytester.run(*command, timeout=240)

    @property
    def baseline_files(self):
        return sorted((self.path / "llem-baselines").glob("*.json"))

    def baseline(self):
        (path,) = self.baseline_files
        return json.loads(path.read_text())

    def report(self, name="report.json"):
        return json.loads((self.path / name).read_text())
