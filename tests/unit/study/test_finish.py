"""What limits the answer of a study, from its runs."""

from __future__ import annotations

from fakes_study import FakeMachine, a_study_config
from llenergymeasure.config.user_config import ExecutionSettings
from llenergymeasure.study.design import design_of, protocol_of
from llenergymeasure.study.runner import run_in_memory


class Enter:
    """Skips every wait at its second look."""

    hint = ", Enter skips"

    def __init__(self):
        self._looks = 0

    def __call__(self):
        self._looks += 1
        return self._looks % 2 == 0


def warned(**changes):
    """The warning of a study whose GPU becomes 20 C warmer after the start and stays so."""
    readings = iter([30.0])
    config = a_study_config(1, 8, n_cycles=1, cooldown_celsius=5, cooldown_max_seconds=600)
    parts = FakeMachine().parts(thermometer=lambda: {"GPU-0": next(readings, 50.0)}, **changes)
    design = design_of(config)
    study = run_in_memory(design, protocol_of(config, design, ExecutionSettings()), parts)
    (found,) = (text for text in study.warnings if text.startswith("not_cooled_down"))
    return study, found


def test_a_wait_that_reached_its_limit_is_a_warning_with_the_temperature():
    study, found = warned()
    assert [row.waited_s for row in study.runs] == [600, 600]
    assert "2 runs began with a GPU up to 15 C too warm: the wait reached its limit of 600 s, or was skipped" in found


def test_a_wait_that_was_skipped_is_not_said_to_have_reached_its_limit():
    study, found = warned(skip=Enter())
    assert all(row.waited_s < 10 for row in study.runs)
    assert "too warm: the wait reached its limit of 600 s, or was skipped" in found
