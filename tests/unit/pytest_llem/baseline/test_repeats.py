"""Which repeats count, and when joules may be gated."""

from __future__ import annotations

import pytest

from a_result import a_result
from a_served_result import a_served_result
from llenergymeasure.domain.sensors import ThermalThrottleInfo
from llenergymeasure.domain.warnings import warning
from pytest_llem.baseline.entries import Work
from pytest_llem.baseline.repeats import (
    Refusal,
    Repeat,
    joule_gate_refusal,
    more_to_measure,
    pooling_refusal,
    repeat_of,
    samples_of,
    session_of,
    sort_repeats,
)


def a_repeat(joules=10.0, tokens=1024, duration_s=5.0, method="counter", **causes):
    values = {"energy_per_output_token": joules, "output_tokens": float(tokens)}
    return Repeat(values, Work(8, 512, tokens), duration_s, method, **causes)


GOOD = a_repeat()
THROTTLED = a_repeat(throttled=True)


def causes(*repeats, **options):
    return [(dropped.index, *dropped.causes) for dropped in sort_repeats(repeats, **options).dropped]


@pytest.mark.parametrize(
    ("repeat", "cause"),
    [
        (THROTTLED, "throttled"),
        (a_repeat(troubles=("foreign process on the GPU",)), "foreign process on the GPU"),
        (a_repeat(troubles=("sampling gap",)), "sampling gap"),
        (a_repeat(duration_s=1.5), "window of 1.5 s, shorter than llem_min_window, 2 s"),
        (a_repeat(tokens=1000), "1000 output tokens, not 1024"),
    ],
)
def test_a_repeat_is_dropped_for_a_cause(repeat, cause):
    assert causes(GOOD, repeat, GOOD, min_window_s=2.0) == [(1, cause)]


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("foreign_process", "foreign process on the GPU"),
        ("sampling_gap", "sampling gap"),
        ("requests_failed", "requests to the server failed"),
    ],
)
def test_a_warning_that_makes_a_measurement_invalid_is_a_cause(code, cause):
    found = warning(code, "a sentence", "a remedy")
    assert repeat_of(a_served_result().model_copy(update={"warnings": (found,)})).troubles == (cause,)


def test_no_value_however_odd_is_a_cause():
    assert causes(GOOD, a_repeat(1e9), GOOD, a_repeat(None)) == []


def test_every_cause_is_kept():
    assert causes(GOOD, GOOD, a_repeat(tokens=3, throttled=True)) == [(2, "throttled", "3 output tokens, not 1024")]


def test_the_usual_token_count_is_the_most_frequent_one_and_of_equals_the_first():
    few, many = a_repeat(tokens=10), a_repeat(tokens=20)
    assert causes(few, many, many) == [(0, "10 output tokens, not 20")]
    assert causes(few, many) == [(1, "20 output tokens, not 10")]


@pytest.mark.parametrize(
    ("repeats", "more"),
    [
        ([], 5),
        ([GOOD] * 5, 0),
        ([GOOD] * 4 + [THROTTLED], 1),
        ([GOOD] * 2 + [THROTTLED] * 3, 2),
        ([GOOD] * 2 + [THROTTLED] * 4, 1),
        ([GOOD] * 3 + [THROTTLED] * 4, 0),
        ([GOOD] * 5 + [THROTTLED], 0),
    ],
)
def test_dropped_repeats_are_measured_again_at_most_twice(repeats, more):
    assert more_to_measure(repeats, wanted=5) == more


def test_nothing_measured_is_nothing_dropped():
    nothing = Refusal("not-measured", "energy not measured here")
    assert (sort_repeats([]).kept, samples_of([]), joule_gate_refusal([])) == ((), {}, nothing)


def test_a_repeat_of_a_real_result_has_its_numbers():
    repeat = repeat_of(a_result())
    assert repeat.values["energy_per_output_token"] == 10.0
    assert repeat.values["energy_total_j"] == 200.0
    assert (repeat.work.prompts, repeat.work.output_tokens, repeat.duration_s) == (2, 20, 2.0)
    assert (repeat.energy_method, repeat.throttled) == ("counter", False)
    assert repeat_of(a_result(energy_j=None)).values["energy_per_output_token"] is None


def test_totals_of_a_repeat_are_per_pass_so_that_more_passes_are_not_other_work():
    once = a_result()
    counts = {name: 3 * getattr(once.tokens, name) for name in ("n_prompts", "input_tokens", "output_tokens")}
    tokens = once.tokens.model_copy(update={**counts, "n_passes": 3})
    energy = once.energy.model_copy(update={"energy_j": 600.0})
    thrice = repeat_of(once.model_copy(update={"tokens": tokens, "energy": energy, "duration_sec": 6.0}))
    assert thrice.work.compared == repeat_of(once).work.compared
    assert (thrice.values["energy_total_j"], thrice.values["duration_sec"]) == (200.0, 2.0)
    assert thrice.values["energy_per_output_token"] == 10.0
    assert thrice.duration_s == 6.0


def test_windows_of_a_server_are_not_dropped_because_they_have_other_totals():
    """A window is a part of the traffic: the tokens in it vary, although the configured work is the same."""
    result = a_served_result()
    tokens = [
        result.tokens.model_copy(update={"output_tokens": count, "n_prompts": count // 9}) for count in (900, 1010)
    ]
    first, second = (repeat_of(result.model_copy(update={"tokens": each})) for each in tokens)
    assert sort_repeats([first, second]).dropped == ()
    assert first.work.compared == second.work.compared
    assert pooling_refusal([first], [second, second, second]) is None
    assert first.values["tokens_per_second"] != second.values["tokens_per_second"]


def test_counts_of_a_window_of_a_server_are_not_judged():
    repeat = repeat_of(a_served_result())
    assert repeat.windowed
    assert (repeat.values["output_tokens"], repeat.values["flops_total"]) == (None, None)
    assert repeat.values["energy_per_output_token"] == 10.0


def test_warnings_of_a_result_become_causes():
    warnings = (
        warning("sampling_gap", "2 gaps"),
        warning("foreign_process", "1 other"),
        warning("ecc_disabled", "off"),
    )
    seen = {"warnings": warnings, "thermal_throttle": ThermalThrottleInfo(detected=True)}
    repeat = repeat_of(a_result().model_copy(update=seen))
    assert repeat.troubles == ("foreign process on the GPU", "sampling gap")
    assert repeat.throttled is True


def test_a_metric_that_one_repeat_missed_is_not_in_the_samples():
    assert samples_of([GOOD, a_repeat(None)]) == {"output_tokens": (1024.0, 1024.0)}
    assert samples_of([GOOD, GOOD])["energy_per_output_token"] == (10.0, 10.0)


def test_a_session_keeps_the_method_and_where_it_came_from():
    session = session_of([GOOD] * 3, date="2026-11-01T12:00:00Z", git_sha="abc", git_dirty=True, soft={"torch": "2.6"})
    assert (session.energy_method, session.git_sha, session.git_dirty, session.soft) == (
        "counter",
        "abc",
        True,
        {"torch": "2.6"},
    )


def test_joules_got_in_different_ways_are_not_in_the_session():
    session = session_of([GOOD, GOOD, a_repeat(method="sampled")], date="2026-11-01T12:00:00Z")
    assert session.energy_method is None
    assert session.samples == {"output_tokens": (1024.0,) * 3}


@pytest.mark.parametrize(
    ("repeats", "before", "reason"),
    [
        ([GOOD] * 3, [], None),
        ([GOOD] * 3, ["counter"], None),
        ([a_repeat(method="replayed")] * 3, ["replayed"], None),
        ([GOOD, a_repeat(None, method=None)], [], Refusal("not-measured", "energy not measured here")),
        (
            [a_repeat(method="estimated")] * 3,
            ["estimated"],
            Refusal("not-measured", "energy is estimated, not measured"),
        ),
        ([GOOD] * 3, ["estimated"], Refusal("not-measured", "energy is estimated, not measured")),
        ([GOOD] * 3, ["counter", "sampled"], Refusal("not-comparable", "energy methods differ: counter, sampled")),
        ([GOOD, a_repeat(method="sampled")], [], Refusal("not-comparable", "energy methods differ: counter, sampled")),
        ([GOOD] * 3, [None], Refusal("not-comparable", "energy methods differ: None, counter")),
        ([GOOD, THROTTLED], ["counter"], Refusal("not-measured", "a repeat was throttled")),
    ],
)
def test_joules_are_gated_only_when_all_were_measured_in_the_same_way(repeats, before, reason):
    assert joule_gate_refusal(repeats, before) == reason


@pytest.mark.parametrize(
    ("again", "reason"),
    [
        ([a_repeat(12.0)] * 3, None),
        ([], "0 of its repeats are valid, and 3 are needed"),
        ([a_repeat(12.0)] * 2, "2 of its repeats are valid, and 3 are needed"),
        ([a_repeat(None, method=None)] * 3, "energy methods differ: None, counter"),
        ([a_repeat(method="sampled")] * 3, "energy methods differ: counter, sampled"),
        ([a_repeat(tokens=1000)] * 3, "its work differs: 1000 output tokens, not 1024"),
        ([a_repeat(None)] * 3, "it did not measure energy_per_output_token"),
    ],
)
def test_a_second_look_is_pooled_only_when_it_looked_at_the_same_thing_in_the_same_way(again, reason):
    assert pooling_refusal([GOOD] * 3, again) == reason
