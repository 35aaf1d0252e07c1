"""Whether a test itself leads to a fixture."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pytest_llem.hooks.requests import pytest_fixture_setup, requests


def item_of(function, **fixtures):
    """An item whose fixtures were set up, each with its arguments."""
    item = SimpleNamespace(stash=pytest.Stash(), obj=function)
    for name, arguments in fixtures.items():
        pytest_fixture_setup(SimpleNamespace(argname=name, argnames=arguments), SimpleNamespace(node=item))
    return item


def test_directly_and_through_other_fixtures_but_not_through_autouse():
    def direct(llm_experiment):
        pass

    def through(measured):
        pass

    def beside(tmp_path):
        pass

    fixtures = {"prepared": ("llm_experiment",), "measured": ("inner",), "inner": ("llm_experiment", "measured")}
    assert [requests(item_of(test, **fixtures), "llm_experiment") for test in (direct, through, beside)] == [
        True,
        True,
        False,
    ]


def test_an_item_without_a_function_requests_nothing():
    assert not requests(SimpleNamespace(stash=pytest.Stash()), "llm_experiment")
