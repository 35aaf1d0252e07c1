"""Hooks of users: what they return is checked, and what they raise fails the test in words."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from pytest_llem.measure import user_hooks


def item_with(**hooks):
    """An item whose hooks are these functions."""
    here = SimpleNamespace(dir=Path(__file__).parent)
    config = SimpleNamespace(invocation_params=here)
    return SimpleNamespace(ihook=SimpleNamespace(**hooks), config=config)


def test_a_configuration_stays_unless_the_hook_returns_one():
    assert user_hooks.modified(item_with(pytest_llem_modify_config=lambda item, config: None), "a") == "a"
    assert user_hooks.modified(item_with(pytest_llem_modify_config=lambda item, config: "b"), "a") == "b"
    with pytest.raises(pytest.fail.Exception, match="returned int, not an ExperimentConfig or None"):
        user_hooks.modified(item_with(pytest_llem_modify_config=lambda item, config: 5), "a")


def test_a_changed_identity_has_plain_values():
    def change(config, fingerprint):
        fingerprint.update(rack=Path("B"), slots=None)

    found = user_hooks.changed_fingerprint(item_with(pytest_llem_fingerprint=change), {"gpu": "a"})
    assert found == {"gpu": "a", "rack": "B", "slots": None}


def test_what_a_hook_raises_names_its_file_and_line():
    def pytest_llem_verdict(item, verdict):
        raise ValueError("no such rack")

    with pytest.raises(pytest.fail.Exception) as caught:
        user_hooks.announce(item_with(pytest_llem_verdict=pytest_llem_verdict), None)
    line = pytest_llem_verdict.__code__.co_firstlineno + 1
    assert str(caught.value) == f"pytest_llem_verdict (test_user_hooks.py:{line}) raised ValueError: no such rack"


def test_a_hook_may_skip_its_test():
    def skip(config, name):
        pytest.skip("no strip here")

    with pytest.raises(pytest.skip.Exception, match="no strip here"):
        user_hooks.own_meter(item_with(pytest_llem_make_meter=skip), "auto")


def test_a_meter_that_cannot_be_released_is_a_line(capsys):
    def release():
        raise OSError("gone")

    user_hooks.release(SimpleNamespace(name="strip", release=release))
    assert capsys.readouterr().err == "llem: releasing meter strip failed: OSError: gone\n"
