"""What the gate of a window may be, and which windows belong together."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pytest_llem.gated.gates import Gates
from pytest_llem.limits import Limit
from pytest_llem.settings import Settings

AN_ITEM = SimpleNamespace(nodeid="test_it.py::test_it")


def gates(active=True, runs=None):
    services = SimpleNamespace(settings=Settings(active=active, repeats=4))
    known = [] if runs is None else runs
    return Gates(services, AN_ITEM, lambda: known)


def window(of, name="work", gate=None, repeats=None):
    return of.window(SimpleNamespace(), name, None, {"energy_j": "5%"} if gate is None else gate, repeats)


def test_a_gate_has_the_limits_and_repeats_that_were_given_and_a_name_of_its_own():
    runs = []
    window(gates(runs=runs), gate={"energy_j": "5%", "duration_s": 2}, repeats=6)
    (run,) = runs
    assert run.plan.limits == (Limit("energy_j", 0.05), Limit("duration_s", 2.0, relative=False))
    assert (run.plan.repeats, run.plan.test_id) == (6, "test_it.py::test_it::work")
    assert run.identity == {"window": "work"}


def test_without_repeats_a_gate_takes_those_of_the_run():
    runs = []
    window(gates(runs=runs))
    assert runs[0].plan.repeats == 4


def test_windows_of_one_name_are_repeats_and_another_name_is_another_gate():
    runs = []
    of = gates(runs=runs)
    for name in ("one", "one", "two"):
        window(of, name)
    assert [run.plan.test_id.rpartition("::")[2] for run in runs] == ["one", "two"]


def test_the_names_of_two_windows_have_two_hashes():
    runs = []
    of = gates(runs=runs)
    window(of, "one")
    window(of, "two")
    assert runs[0].config_hash != runs[1].config_hash
    assert len(runs[0].config_hash) == 16


def refusal(*arguments, **options):
    with pytest.raises(pytest.fail.Exception) as error:
        window(*arguments, **options)
    return error.value.msg


@pytest.mark.parametrize("active", [True, False])
@pytest.mark.parametrize(
    ("gate", "message"),
    [
        ({"energy": "5%"}, "did you mean 'energy_j'? (known: energy_j, energy_per_output_token, duration_s)"),
        ({"energy_total_j": "5%"}, "did you mean 'energy_j'?"),
        ({"energy_j": "five"}, "energy_j: 'five' is not a limit; write one such as 2.5%, 150% or an absolute 0.5 (in J)"),
        ({"energy_j": -1}, "a limit must be a finite number above zero, not -1.0"),
        ({}, "there is no limit; write one such as {'energy_j': '5%'}"),
        (5, "5 is not a mapping such as {'energy_j': '5%'}"),
    ],
)  # fmt: skip
def test_a_wrong_gate_is_named_with_its_fix_with_and_without_llem(gate, message, active):
    found = refusal(gates(active), gate=gate)
    assert found.startswith("window 'work': gate: ")
    assert message in found


@pytest.mark.parametrize("repeats", [2, 0, 3.5, True, "5"])
def test_repeats_that_cannot_give_a_verdict_are_refused(repeats):
    assert refusal(gates(), repeats=repeats) == (
        f"window 'work': repeats: {repeats!r} is too few: a verdict needs a whole number of at least 3"
    )


def test_two_gates_of_one_name_are_refused():
    of = gates()
    window(of, repeats=3)
    assert refusal(of, repeats=4) == (
        "window 'work' has two gates: energy_j:5% with 3 repeats, and energy_j:5% with 4 repeats; use two names"
    )
