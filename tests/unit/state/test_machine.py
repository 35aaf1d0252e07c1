"""The state of an experiment only moves forward, and a crash does not remain unnoticed."""

from __future__ import annotations

import itertools

import pytest

from llenergymeasure.exceptions import ConfigError, InvalidStateTransitionError
from llenergymeasure.state.machine import FOLDER, STAGES, StateManager, new_state


@pytest.fixture
def states(tmp_path):
    return StateManager(tmp_path / "results")


def at(states, stage):
    state = states.keep(new_state("abcd"))
    for following in STAGES[1 : STAGES.index(stage) + 1]:
        state = states.move(state, following)
    return state


def test_an_experiment_goes_from_initialising_over_measuring_to_done(states):
    assert STAGES == ("initialising", "measuring", "done")
    state = at(states, "done")
    assert (state.stage, state.failed) == ("done", False)


@pytest.mark.parametrize(
    ("stage", "following"),
    [pair for pair in itertools.product(STAGES, STAGES) if STAGES.index(pair[1]) - STAGES.index(pair[0]) != 1],
)
def test_any_other_move_is_refused(states, stage, following):
    with pytest.raises(InvalidStateTransitionError, match=f"is {stage} and cannot become {following}"):
        states.move(at(states, stage), following)


def test_failing_is_a_way_to_be_done_from_any_stage_but_done(states):
    assert new_state("x").moved("done", failed=True).failed
    with pytest.raises(InvalidStateTransitionError, match="is done and cannot become done"):
        at(states, "done").moved("done", failed=True)


def test_experiments_that_run_are_found_by_their_configuration(states):
    first, other = states.keep(new_state("abcd")), states.keep(new_state("ef01"))
    running = states.move(first, "measuring")
    assert states.find_by_config_hash("abcd") == (running,)
    assert states.find_by_config_hash("ef01") == (other,)
    assert states.find_by_config_hash("0000") == ()


def test_what_has_its_result_leaves_nothing_behind_and_failures_of_its_configuration_neither(tmp_path, states):
    for config_hash in ("abcd", "ef01"):
        states.keep(new_state(config_hash).moved("done", failed=True))
    at(states, "done")
    assert [state.config_hash for state in states.all()] == ["ef01"]
    states.move(states.move(states.keep(new_state("ef01")), "measuring"), "done")
    assert list(tmp_path.iterdir()) == []


def test_the_unfinished_state_of_an_ended_process_is_marked_as_failed(tmp_path):
    left = StateManager(tmp_path).keep(new_state("abcd"))
    assert StateManager(tmp_path).cleanup_stale() == ()
    (found,) = StateManager(tmp_path, is_alive=lambda pid: False).cleanup_stale()
    assert (found.id, found.stage, found.failed) == (left.id, "done", True)
    assert StateManager(tmp_path, is_alive=lambda pid: False).cleanup_stale() == ()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"id": "x"}', '{"id": "x", "config_hash": "y", "stage": "later"}', "\udcff"]
)
def test_a_damaged_file_is_passed_over(tmp_path, states, text):
    kept = states.keep(new_state("abcd"))
    (tmp_path / "results" / FOLDER / "broken.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert list(states.all()) == [kept]


def test_after_forgetting_the_only_experiment_nothing_remains(tmp_path, states):
    states.forget(states.keep(new_state("abcd")))
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="choose another --output"):
        StateManager(tmp_path / "file").keep(new_state("abcd"))


def test_a_directory_of_the_user_s_stays_though_it_is_empty(tmp_path):
    states = StateManager(tmp_path)
    states.forget(states.keep(new_state("abcd")))
    assert tmp_path.is_dir()
    assert list(tmp_path.iterdir()) == []
