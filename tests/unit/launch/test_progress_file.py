"""Steps that are written in one process and passed on in another."""

from __future__ import annotations

from llenergymeasure.launch.progress_file import PROGRESS_FILE, ProgressFile, ProgressRelay


class Heard:
    def __init__(self):
        self.calls = []

    def __getattr__(self, name):
        return lambda *arguments: self.calls.append((name, *arguments))


def test_every_call_arrives_once_and_in_order(tmp_path):
    written, heard = ProgressFile(tmp_path), Heard()
    relay = ProgressRelay(tmp_path, heard)
    written.step("loading")
    relay.relay()
    written.step("idle baseline", 30.0)
    written.advance(1.0)
    written.note("no meter: née\nin two lines")
    written.done()
    relay.relay()
    relay.relay()
    assert heard.calls == [
        ("step", "loading", None), ("step", "idle baseline", 30.0), ("advance", 1.0),
        ("note", "no meter: née\nin two lines"), ("done",),
    ]  # fmt: skip


def test_nothing_is_reported_before_something_is_written_and_half_a_line_waits(tmp_path):
    heard = Heard()
    relay = ProgressRelay(tmp_path, heard)
    relay.relay()
    (tmp_path / PROGRESS_FILE).write_text('["done"]\n["no')
    relay.relay()
    with (tmp_path / PROGRESS_FILE).open("a") as file:
        file.write('te", "whole"]\n')
    relay.relay()
    assert heard.calls == [("done",), ("note", "whole")]
