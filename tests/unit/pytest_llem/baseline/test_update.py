"""How baselines change, and what never enters them."""

from __future__ import annotations

import math

import pytest

from a_baseline import A100, HASH, TEST, WORK, a_file, a_folder, a_session, an_entry, measured
from pytest_llem.baseline.entries import Work
from pytest_llem.baseline.update import accept, candidate, update

OTHER = "tests/test_energy.py::test_other"


def updated(folder, mode, *tests, **options):
    return update(folder, A100, tests or (measured(),), mode, **options)


def joules(found, test_id=TEST, config_hash=HASH):
    entry = found.baselines.of(A100).entry(test_id, config_hash)
    return [session.samples["energy_per_output_token"][0] for session in entry.sessions]


def actions(found):
    return [(outcome.action, outcome.note) for outcome in found.outcomes]


@pytest.mark.parametrize("mode", ["new", "append", "replace"])
def test_a_missing_entry_is_written_in_every_mode(tmp_path, mode):
    found = updated(a_folder(tmp_path), mode)
    assert joules(found) == [11.0]
    assert actions(found) == [("new", "")]


def test_new_leaves_an_existing_entry_alone(tmp_path):
    folder = a_folder(tmp_path, a_file())
    found = updated(folder, "new")
    assert found.baselines == folder
    assert actions(found)[0][0] == "kept"


def test_append_keeps_the_newest_five_sessions(tmp_path):
    folder = a_folder(tmp_path, a_file())
    for number in range(11, 17):
        folder = updated(folder, "append", measured(a_session(float(number)))).baselines
    assert joules(updated(folder, "append", measured(a_session(17.0)))) == [13.0, 14.0, 15.0, 16.0, 17.0]


def test_replace_starts_over_also_with_other_work(tmp_path):
    found = updated(a_folder(tmp_path, a_file()), "replace", measured(work=Work(8, 512, 900)))
    assert joules(found) == [11.0]
    assert found.baselines.of(A100).entry(TEST, HASH).work.output_tokens == 900


def test_only_tests_that_are_named_change_and_nothing_is_deleted(tmp_path):
    other = {OTHER: {HASH: an_entry(a_session(7.0))}, TEST: {"a" * 16: an_entry(), HASH: an_entry()}}
    folder = a_folder(tmp_path, a_file(other), a_file(power_limit_w=300))
    found = updated(folder, "replace")
    assert joules(found) == [11.0]
    assert joules(found, OTHER) == [7.0]
    assert joules(found, config_hash="a" * 16) == [10.0]
    assert found.baselines.of({**A100, "power_limit_w": 300}) == a_file(power_limit_w=300)


def test_an_entry_of_another_configuration_stays_beside_the_new_one(tmp_path):
    found = updated(a_folder(tmp_path, a_file()), "new", measured(config_hash="b" * 16))
    assert sorted(found.baselines.of(A100).entries[TEST]) == [HASH, "b" * 16]


def test_an_interrupted_run_changes_nothing(tmp_path):
    folder = a_folder(tmp_path, a_file())
    found = updated(folder, "replace", complete=False)
    assert found.baselines == folder
    assert actions(found) == [("refused", "the run ended before all of its tests did")]


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (measured(a_session(repeats=2)), "a baseline needs 3 valid repeats or more, there are 2"),
        (measured(problems=("repeat 2 saw a fault",)), "repeat 2 saw a fault"),
        (measured(a_session(math.nan)), "a value is not finite"),
        (measured(a_session(method="replayed")), "simulated results cannot enter a baseline of measured ones"),
    ],
)
@pytest.mark.parametrize("mode", ["new", "append", "replace"])
def test_invalid_repeats_are_refused_and_leave_no_file(tmp_path, one, reason, mode):
    found = updated(a_folder(tmp_path), mode, one)
    assert found.baselines.files == {}
    assert actions(found) == [("refused", reason)]


def test_one_refused_test_does_not_hold_up_the_others(tmp_path):
    found = updated(a_folder(tmp_path), "new", measured(problems=("bad",)), measured(test_id=OTHER))
    assert [action for action, _ in actions(found)] == ["refused", "new"]
    assert joules(found, OTHER) == [11.0]


@pytest.mark.parametrize("in_file", [True, False])
def test_recorded_and_measured_joules_never_share_a_file(tmp_path, in_file):
    folder = a_folder(tmp_path, a_file(simulated=in_file))
    method = "counter" if in_file else "replayed"
    found = updated(folder, "replace", measured(a_session(method=method)), simulated=not in_file)
    assert found.baselines == folder
    assert actions(found)[0][0] == "refused"
    assert "cannot enter a baseline of" in actions(found)[0][1]


def test_recorded_joules_may_have_a_separate_file_marked_as_simulated(tmp_path):
    found = updated(a_folder(tmp_path), "new", measured(a_session(method="replayed")), simulated=True)
    assert found.baselines.of(A100).simulated is True


def test_append_refuses_other_work_and_another_energy_method(tmp_path):
    folder = a_folder(tmp_path, a_file())
    for one, reason in (
        (
            measured(work=Work(8, 512, 900)),
            "workload changed: output_tokens 1024 -> 900; use --llem-update-baseline=replace",
        ),
        (
            measured(a_session(method="sampled")),
            "energy method changed: counter -> sampled; use --llem-update-baseline=replace",
        ),
    ):
        found = updated(folder, "append", one)
        assert (found.baselines, actions(found)) == (folder, [("refused", reason)])


def test_a_dirty_tree_is_kept_with_a_note(tmp_path):
    found = updated(a_folder(tmp_path), "new", measured(a_session(dirty=True)))
    assert found.baselines.of(A100).entry(TEST, HASH).sessions[0].git_dirty is True
    assert actions(found)[0][0] == "new"
    assert "uncommitted changes" in actions(found)[0][1]


def test_a_candidate_contains_the_valid_entries():
    file = candidate(A100, [measured(), measured(test_id=OTHER, problems=("bad",))])
    assert list(file.entries) == [TEST]
    assert (file.hardware, file.simulated) == (A100, False)


def test_accepting_a_candidate_replaces_what_it_was_judged_against_and_nothing_else(tmp_path):
    folder = a_folder(tmp_path, a_file({TEST: {HASH: an_entry()}, OTHER: {HASH: an_entry(a_session(7.0))}}))
    found = accept(folder, candidate(A100, [measured()]))
    assert joules(found) == [11.0]
    assert joules(found, OTHER) == [7.0]
    assert actions(found) == [("replaced", "")]


def test_a_candidate_may_be_appended_or_fill_gaps_only(tmp_path):
    folder = a_folder(tmp_path, a_file())
    accepted = candidate(A100, [measured(), measured(test_id=OTHER)])
    assert joules(accept(folder, accepted, "append")) == [10.0, 11.0]
    assert joules(accept(folder, accepted, "new")) == [10.0]
    assert joules(accept(folder, accepted, "new"), OTHER) == [11.0]


def test_a_candidate_of_another_machine_gets_its_own_file(tmp_path):
    elsewhere = {**A100, "power_limit_w": 300}
    found = accept(a_folder(tmp_path, a_file()), candidate(elsewhere, [measured()]))
    assert found.baselines.of(A100) == a_file()
    assert found.baselines.of(elsewhere).entry(TEST, HASH).work == WORK


def test_a_simulated_candidate_is_refused_by_a_real_file(tmp_path):
    folder = a_folder(tmp_path, a_file())
    found = accept(folder, candidate(A100, [measured(a_session(method="replayed"))], simulated=True))
    assert found.baselines == folder
    assert actions(found)[0][0] == "refused"
