"""Any text of a test is escaped for GitHub."""

from __future__ import annotations

from pytest_llem.report.github import cell, command, is_github


def test_an_annotation_cannot_be_left():
    assert command("error", "tests/x:y.py", 3, "a,b::c", "50 % more\n::warning::no\r") == (
        "::error file=tests/x%3Ay.py,line=3,title=llem%3A a%2Cb%3A%3Ac::50 %25 more%0A::warning::no%0D"
    )
    assert "\x1b" not in command("error", "x.py", 1, "a", "\x1b[31mred")


def test_a_cell_stays_a_cell():
    shown = cell("a|b\n<script>`x`</script> [l](u)")
    assert not set(shown) & set("|\n<>`[]()")
    assert shown.startswith("a&#124;b &#60;script&#62;")


def test_only_a_job_of_github_is_one():
    assert is_github({"GITHUB_ACTIONS": "true"})
    assert not is_github({})
