"""The program of a child process: it measures the requested windows and writes its replies."""

from __future__ import annotations

import itertools

import pytest

from llenergymeasure import ExperimentConfig
from llenergymeasure.config.user_config import UserConfig
from llenergymeasure.domain.energy import BaselineResult
from llenergymeasure.launch.child import Answer, session_for, wanted_windows
from llenergymeasure.launch.request import KnownBaseline, Reply, Request, read_replies, write_request


@pytest.fixture
def ask(tmp_path):
    def ask(windows, more):
        config = ExperimentConfig(model="builtin/tiny-llama")
        write_request(tmp_path, Request(config=config, user_config=UserConfig(), windows=windows, more=more))

    return ask


def test_a_request_for_a_fixed_number_of_windows_ends_after_them(tmp_path, ask):
    ask(3, more=False)
    assert list(wanted_windows(tmp_path)) == [0, 1, 2]


def test_windows_that_are_asked_for_later_come_later(tmp_path, ask):
    ask(1, more=True)
    windows = wanted_windows(tmp_path)
    assert next(windows) == 0
    ask(3, more=True)
    assert list(itertools.islice(windows, 2)) == [1, 2]
    ask(3, more=False)
    assert list(windows) == []


def test_an_answer_grows_and_keeps_its_results_when_it_fails(tmp_path):
    answer = Answer(tmp_path, 1)
    assert read_replies(tmp_path, 2) == {}
    answer.ready()
    assert read_replies(tmp_path, 2) == {1: Reply()}
    answer.add(tmp_path / "results" / "one" / "result.json")
    answer.ended()
    reply = read_replies(tmp_path, 2)[1]
    assert reply.results == ("results/one/result.json",)
    assert reply.failure.elsewhere


def test_idle_power_that_was_measured_before_is_taken_over_with_its_age(tmp_path):
    idle = BaselineResult(power_w=50.0, method="counter", provenance="fresh", when="before_load", age_sec=0.0)
    request = Request(
        config=ExperimentConfig(model="builtin/tiny-llama"),
        user_config=UserConfig(measurement={"energy_backend": "nvml"}),
        baselines=(KnownBaseline(key=("nvml", "GPU-0"), age_s=100.0, baseline=idle),),
    )
    session = session_for(request, 0, tmp_path)
    known = session.baselines.get(("nvml", "GPU-0"), session.clock.now())
    assert (known.power_w, known.provenance) == (50.0, "cached")
    assert known.age_sec == pytest.approx(100.0, abs=5.0)
    assert session.settings().measurement.energy_backend == "nvml"
