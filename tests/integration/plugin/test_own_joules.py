"""Own joules of windows that are nested, interleaved or read badly, in a pytest process and its report."""

from __future__ import annotations

SUITE = """
def test_nested(energy_meter):
    with energy_meter.window("outer"):
        with energy_meter.window("inner"):
            pass

def test_more_inside(energy_meter):
    with energy_meter.window("outer"):
        for _ in range(2):
            with energy_meter.window("inner"):
                pass

def test_interleaved(energy_meter):
    first = energy_meter.window("first").__enter__()
    second = energy_meter.window("second").__enter__()
    first.__exit__(None, None, None)
    second.__exit__(None, None, None)
"""


def test_own_joules_are_never_negative_and_interleaved_windows_are_concurrent(suite):
    suite.write("test_windows.py", SUITE)
    more_inside = {"test_windows.py::test_more_inside": [10.0, 6.0, 5.0]}
    result = suite.process(suite.replay(10.0, 4.0, **more_inside), "--llem", "--llem-json=report.json")
    result.assert_outcomes(passed=3)
    nested, inside, interleaved = (test["windows"] for test in suite.report()["tests"])
    assert [(each["name"], each["exclusive_j"]) for each in nested] == [("outer", 6.0), ("inner", 4.0)]
    assert [each["exclusive_j"] for each in inside] == [None, 6.0, 5.0]
    assert inside[0]["warnings"][-1] == ("exclusive_j is None: the inner windows measured 11 J, more than its 10 J")
    assert [(each["parent"], each["exclusive_j"]) for each in interleaved] == [(None, 10.0), (None, 4.0)]
    assert [each["warnings"][0] for each in interleaved] == [
        "overlaps window 'second': each includes the energy of both",
        "overlaps window 'first': each includes the energy of both",
    ]
