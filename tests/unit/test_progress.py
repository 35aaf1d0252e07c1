"""What the steps and notes of a run go through."""

from __future__ import annotations

from fakes import RecordingProgress
from llenergymeasure.progress import NotesOnce


def test_a_note_is_passed_on_once_and_every_step_each_time():
    receiver = RecordingProgress()
    once = NotesOnce(receiver)
    for text in ("no CUDA device", "weights were dequantised", "no CUDA device"):
        once.step("loading")
        once.advance(1.5)
        once.note(text)
    assert receiver.notes == ["no CUDA device", "weights were dequantised"]
    assert receiver.steps == ["loading"] * 3
    assert receiver.waited_s == 4.5
