"""Large imports are not searched for garbage."""

from __future__ import annotations

import gc
import signal
from importlib import import_module

import pytest

from llenergymeasure.core.gc_control import collect_garbage, importing_heavy, without_garbage_collection


@pytest.fixture(autouse=True)
def nothing_is_frozen():
    """As in a program of its own: the tests set aside what earlier ones left."""
    gc.unfreeze()


@pytest.fixture
def heavy(tmp_path, monkeypatch):
    """The name of a module with a list of lists."""
    (tmp_path / "a_heavy_module.py").write_text("made = [[] for _ in range(100)]")
    monkeypatch.syspath_prepend(tmp_path)
    return "a_heavy_module"


def test_objects_of_a_heavy_import_are_in_the_oldest_generation(heavy):
    with importing_heavy():
        module = import_module(heavy)
    assert any(found is module.made for found in gc.get_objects(generation=2))
    assert gc.isenabled()


def test_in_a_program_that_froze_its_objects_imports_are_frozen_too(heavy):
    gc.freeze()
    try:
        frozen = gc.get_freeze_count()
        with importing_heavy():
            module = import_module(heavy)
        assert gc.get_freeze_count() > frozen / 2  # some are let go meanwhile
        assert not any(found is module.made for found in gc.get_objects())
    finally:
        gc.unfreeze()


def test_in_other_programs_nothing_stays_frozen(heavy):
    with importing_heavy():
        import_module(heavy)
    assert gc.get_freeze_count() == 0


def test_a_repeated_import_freezes_no_objects(heavy):
    with importing_heavy():
        import_module(heavy)
    young = [[] for _ in range(3)]
    with importing_heavy():
        import_module(heavy)
    assert not any(found is young for found in gc.get_objects(generation=2))


class InterruptedInItsDestructor:
    def __init__(self):
        self.itself = self

    def __del__(self):
        signal.raise_signal(signal.SIGINT)


def test_an_interrupt_in_a_destructor_is_raised_after_the_collection():
    with without_garbage_collection():
        InterruptedInItsDestructor()
        with pytest.raises(KeyboardInterrupt):
            collect_garbage()
