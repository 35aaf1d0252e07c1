"""Interrupts are recorded, and raised again if a library has suppressed them."""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import suppress
from importlib.machinery import ExtensionFileLoader

import pytest

from llenergymeasure.cli.final import OUTCOME
from llenergymeasure.cli.interrupts import INTERRUPTS, Attentive, Interrupts
from llenergymeasure.cli.outcome import exit_code_of
from llenergymeasure.core.machine.signals import uninterrupted
from llenergymeasure.launch.process import started
from llenergymeasure.progress import Silent


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_both_signals_raise_and_are_remembered(number):
    with Interrupts().listening() as interrupts, pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), number)
        threading.Event().wait(5)
    assert interrupts.heard


class Clock:
    now_s = 100.0

    def __call__(self):
        return self.now_s


def pressed(number=signal.SIGINT):
    os.kill(os.getpid(), number)
    threading.Event().wait(5)


@pytest.mark.parametrize("again", [signal.SIGINT, signal.SIGTERM])
def test_a_key_that_is_held_down_interrupts_once(again):
    clock = Clock()
    with Interrupts(clock).listening():
        with pytest.raises(KeyboardInterrupt):
            pressed()
        for _ in range(20):  # 10 s, each half a second after the one before
            clock.now_s += 0.5
            signal.raise_signal(again)
        clock.now_s += 1
        with pytest.raises(KeyboardInterrupt):
            pressed(again)


def test_a_key_that_is_held_down_does_not_interrupt_the_clean_up_after_the_first():
    clock, done = Clock(), []
    with Interrupts(clock).listening() as interrupts:
        with pytest.raises(KeyboardInterrupt), uninterrupted():
            signal.raise_signal(signal.SIGINT)
        assert interrupts.heard
        for _ in range(3):
            with uninterrupted():
                clock.now_s += 0.5
                signal.raise_signal(signal.SIGINT)
            done.append("a part of the clean-up")
    assert len(done) == 3


def test_a_step_of_the_clean_up_is_not_interrupted_again():
    steps = []
    with Interrupts().listening() as interrupts:
        try:
            pressed()
        except KeyboardInterrupt:
            Attentive(Silent(), interrupts).step("merging")
            steps.append("merging")
    assert steps


def test_neither_an_import_nor_a_step_interrupts_a_block_that_holds_signals_back():
    done = []
    with Interrupts().listening() as interrupts:
        with pytest.raises(KeyboardInterrupt), uninterrupted():
            signal.raise_signal(signal.SIGINT)
            assert fresh_import()
            exec("done.append('text')")
            Attentive(Silent(), interrupts).step("storing")
            done.append("all")
        with pytest.raises(KeyboardInterrupt):
            fresh_import()
    assert done == ["text", "all"]


def test_an_interrupt_that_was_suppressed_is_raised_again_while_a_process_is_waited_for(tmp_path):
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    with Interrupts().listening() as interrupts:
        with suppress(KeyboardInterrupt):
            pressed()
        attentive = Attentive(Silent(), interrupts)
        with pytest.raises(KeyboardInterrupt), started(command, os.environ, tmp_path / "log.txt") as child:
            child.wait(until=lambda: bool(attentive.step("loading")), at_most_s=5)


class Spec:
    """Of an extension that interrupts the program while it initialises itself."""

    name = "nothing"

    @property
    def origin(self):
        signal.raise_signal(signal.SIGINT)
        import another_module_that_does_not_exist

        return another_module_that_does_not_exist


def test_an_interrupt_in_the_initialisation_of_an_extension_is_raised_after_it():
    with Interrupts().listening() as interrupts:
        with pytest.raises(ModuleNotFoundError, match="another_module_that_does_not_exist"):
            ExtensionFileLoader("nothing", "/nothing.so").create_module(Spec())
        assert interrupts.heard
        with pytest.raises(KeyboardInterrupt):
            import this_module_does_not_exist  # noqa: F401 - the interrupt comes first


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_the_program_ignores_is_no_interrupt(number):
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with Interrupts().listening() as interrupts:
            signal.raise_signal(number)
        assert not interrupts.heard
        assert signal.getsignal(number) == signal.SIG_IGN
    finally:
        signal.signal(number, before)


def test_handlers_are_given_back():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with Interrupts().listening():
        assert signal.getsignal(signal.SIGTERM) is not before[1]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def swallowed():
    with suppress(KeyboardInterrupt):  # as a bare `except` in an import
        os.kill(os.getpid(), signal.SIGINT)
        threading.Event().wait(5)


def test_a_swallowed_interrupt_is_raised_at_the_next_step():
    with Interrupts().listening() as interrupts:
        progress = Attentive(Silent(), interrupts)
        progress.step("loading")
        swallowed()
        for go_on in (lambda: progress.step("warm-up"), lambda: progress.advance(1.0)):
            with pytest.raises(KeyboardInterrupt):
                go_on()
        progress.done()


class Dying:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        threading.Event().wait(5)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_in_a_destructor_prints_nothing_and_is_raised_at_the_next_step(monkeypatch):
    complaints = []
    monkeypatch.setattr(sys, "unraisablehook", complaints.append)
    with Interrupts().listening() as interrupts:
        Dying()
        with pytest.raises(KeyboardInterrupt):
            Attentive(Silent(), interrupts).step("warm-up")
    assert complaints == []
    assert sys.unraisablehook == complaints.append


class Faulty:
    def __del__(self):
        raise ValueError("broken")


def test_other_faults_in_a_destructor_are_reported_as_ever(monkeypatch):
    complaints = []
    monkeypatch.setattr(sys, "unraisablehook", lambda fault: complaints.append(str(fault.exc_value)))
    with Interrupts().listening():
        Faulty()
    assert complaints == ["broken"]


def test_a_command_in_a_command_reports_faults_in_a_destructor_once(monkeypatch):
    complaints = []
    monkeypatch.setattr(sys, "unraisablehook", lambda fault: complaints.append(str(fault.exc_value)))
    interrupts = Interrupts()
    with interrupts.listening(), interrupts.listening():
        Faulty()
    assert complaints == ["broken"]


def fresh_import():
    sys.modules.pop("colorsys", None)
    import colorsys

    return colorsys


def test_a_swallowed_interrupt_is_raised_at_the_next_import():
    with Interrupts().listening():
        assert fresh_import()
        swallowed()
        with pytest.raises(KeyboardInterrupt):
            fresh_import()
    assert fresh_import()


def test_what_cleans_up_after_an_interrupt_may_import():
    cleaned = []
    with Interrupts().listening(), pytest.raises(KeyboardInterrupt):
        try:
            os.kill(os.getpid(), signal.SIGINT)
            threading.Event().wait(5)
        finally:
            cleaned.append(fresh_import())
    assert cleaned


def test_a_swallowed_interrupt_ends_the_command_with_130(capsys):
    def command():
        swallowed()
        Attentive(Silent()).step("warm-up")
        return 0

    assert exit_code_of(command, tracebacks=False) == 130
    assert capsys.readouterr().err.startswith("interrupted: ")
    assert OUTCOME.is_final
    assert exit_code_of(lambda: Attentive(Silent()).step("next") or 0, tracebacks=False) == 0


def test_an_error_that_a_library_made_of_an_interrupt_is_an_interrupt(capsys):
    def command():
        swallowed()
        raise ImportError("numpy could not be imported")

    assert exit_code_of(command, tracebacks=True) == 130
    assert capsys.readouterr().err.count("\n") == 1


def test_a_command_that_finished_despite_an_interrupt_has_finished():
    assert exit_code_of(lambda: swallowed() or 0, tracebacks=False) == 0
    assert INTERRUPTS.heard


def test_another_thread_hears_nothing_and_harms_nothing():
    codes = []
    thread = threading.Thread(target=lambda: codes.append(exit_code_of(lambda: 0, tracebacks=False)))
    thread.start()
    thread.join()
    assert codes == [0]
