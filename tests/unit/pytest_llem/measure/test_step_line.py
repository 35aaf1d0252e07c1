"""The current step of a measurement is shown on a terminal only, and nothing of it is left."""

from __future__ import annotations

import io
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from llenergymeasure._plugin_api import Silent
from pytest_llem.measure.step_line import StepLine, steps_of


class Screen:
    """A line of a terminal: enough of one for the sequences that are written here."""

    def __init__(self) -> None:
        self.line, self.captured = "", True

    @contextmanager
    def uncaptured(self):
        self.captured = False
        yield
        self.captured = True

    def write(self, text: str) -> None:
        assert not self.captured
        assert text.count("\x1b7") == text.count("\x1b8")
        self.line = text.partition("\x1b[?7l")[2].partition("\x1b[K")[0]

    def flush(self) -> None:
        """Nothing is held back."""


@pytest.fixture
def screen():
    return Screen()


@pytest.fixture
def steps(screen):
    return StepLine(lambda: screen, screen.uncaptured)


def test_a_step_is_shown_until_the_next_one(screen, steps):
    steps.step("loading builtin/tiny-llama")
    assert screen.line == " loading builtin/tiny-llama"
    steps.step("warm-up")
    assert screen.line == " warm-up"


def test_a_wait_shows_its_seconds(screen, steps):
    steps.step("idle baseline", 30)
    for _ in range(5):
        steps.advance(0.5)
    assert screen.line == " idle baseline 2/30 s"


def test_nothing_is_left_after_the_last_step(screen, steps):
    steps.step("warm-up")
    steps.done()
    assert screen.line == ""


def test_the_name_of_a_model_cannot_control_the_terminal(screen, steps):
    steps.step("loading \x1b[2J")
    assert "\x1b[2J" not in screen.line


def run(verbose=0, worker=False, capture=True):
    """A pytest run whose output is no terminal, as in this test."""

    @contextmanager
    def nothing():
        yield

    plugin = SimpleNamespace(global_and_fixture_disabled=nothing) if capture else None
    config = SimpleNamespace(
        option=SimpleNamespace(verbose=verbose), pluginmanager=SimpleNamespace(getplugin=lambda name: plugin)
    )
    if worker:
        config.workerinput = {}
    return config


@pytest.mark.parametrize("config", [run(), run(verbose=-1), run(worker=True), run(capture=False)])
def test_nothing_is_shown_without_a_terminal(config):
    assert type(steps_of(config)) is Silent


def test_a_terminal_shows_the_steps(monkeypatch):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr("sys.stdout", terminal)
    steps_of(run()).step("warm-up")
    assert "warm-up" in terminal.getvalue()
