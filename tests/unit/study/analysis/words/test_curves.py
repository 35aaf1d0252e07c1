"""The sentences about the traffic of a server."""

from __future__ import annotations

from a_traffic_study import CRASH, OVERLOAD, a_traffic_study, at_rate, over_concurrencies, over_rates, values_at
from llenergymeasure.study.analysis.words.curves import curve_sentences

LIMITS = "time to first token, p99 of at most 150 ms and inter-token latency, p99 of at most 30 ms"


def said(*arguments, **options):
    return " ".join(curve_sentences(a_traffic_study(*arguments, **options).effects))


def test_the_best_rate_is_named_with_its_energy():
    assert said() == (
        f"With {LIMITS}, a request rate of 8 requests/s needs the least energy per output token: 0.332 J/token (95 % interval "
        "0.332 to 0.332); it is also the highest measured request rate that keeps the limits."
    )


def test_the_answer_of_the_study_begins_with_it():
    begin = f"{said()} Request rate matters: 16 needs 4.6 times less energy per output token than 1 "
    assert a_traffic_study().answer.startswith(begin)


def test_that_energy_is_an_estimate_comes_before_it():
    assert a_traffic_study(estimated=True).answer.startswith("Energy is an estimate here")


def test_a_higher_rate_with_more_energy_is_named_too():
    text = said(values=lambda config: {**values_at(config), "energy_per_output_token": config.traffic.rate})
    assert "a request rate of 1 requests/s needs the least energy per output token" in text
    assert text.endswith("The highest measured request rate that keeps the limits is 8 requests/s.")


def test_where_all_rates_keep_the_limits_a_higher_one_may_too():
    assert said(over_rates((1.0, 4.0))).endswith("A higher request rate was not measured, and may keep the limits too.")


def test_where_none_does_none_is_chosen():
    assert said(over_rates(slo={"ttft_p99_ms": 1.0})) == (
        "With time to first token, p99 of at most 1 ms, no measured request rate keeps the limits."
    )


def test_a_limit_of_what_was_not_measured_is_named():
    text = said(over_rates((1.0, 4.0)), limits={"peak_memory_mb": 100.0})
    assert text.endswith("no request rate is chosen, because peak memory was not measured in all cells.")


def test_an_interval_that_contains_a_limit_is_named():
    near = {"ttft_p99_ms": 68.0}
    assert said(over_rates(slo=near), cv=0.02).endswith(
        "At a request rate of 8 an interval contains a limit, so more cycles are needed to decide there."
    )


def test_a_rate_with_a_failed_run_is_undecided():
    text = said(failure=at_rate(8.0, CRASH, 2))
    assert "a request rate of 4 requests/s needs the least energy per output token" in text
    assert text.endswith(
        "At a request rate of 8 (1 of 3 runs) runs failed, so it is not decided whether the limits are kept there: look at the "
        "failures, and repeat these runs with --resume."
    )


def test_a_rate_without_a_completed_run_is_undecided():
    assert "At a request rate of 8 (3 of 3 runs) runs failed, so it is not decided" in said(failure=at_rate(8.0, CRASH))


def test_a_rate_at_which_the_server_answered_nothing_does_not_keep_the_limits():
    text = said(failure=at_rate(8.0, OVERLOAD, 1))
    assert "a request rate of 4 requests/s needs the least energy per output token" in text
    assert text.endswith(
        "At a request rate of 8 (1 of 3 runs) the server answered too few requests for a result, so the limits are not kept there."
    )


def test_failed_runs_of_a_rate_outside_the_limits_change_nothing():
    assert "runs failed" not in said(failure=at_rate(16.0, CRASH, 1))


def test_where_every_rate_is_outside_or_undecided_none_is_known_to_keep_the_limits():
    text = said(over_rates((8.0, 16.0)), failure=at_rate(8.0, CRASH, 2))
    assert text.startswith(
        f"With {LIMITS}, no measured request rate is known to keep the limits. At a request rate of 8 ("
    )


def test_the_highest_measured_rate_is_not_the_last_one_whose_runs_failed():
    text = said(over_rates((1.0, 4.0, 8.0)), failure=at_rate(8.0, CRASH))
    assert "it is also the highest measured request rate that keeps the limits" in text
    assert "A higher request rate was not measured" not in text


def test_rates_that_failed_requests_leave_uncertain_are_named():
    text = said(failed_share=lambda config: 0.005, of_sent=lambda config, cycle: {"ttft_p99_ms": 300.0})
    assert text.endswith(
        "At a request rate of 1, 4 and 8 an interval contains a limit or requests failed in some of the runs, so more cycles are "
        "needed to decide there."
    )


def test_rates_at_which_too_many_requests_failed_are_named():
    """Their p99 is that of the answered requests, and may look as if it kept the limit."""
    text = said(failed_share=lambda config: 0.02 if config.traffic.rate >= 8 else 0.01)
    assert text.endswith(
        "At a request rate of 8 and 16 more than 1 % of the requests failed, so the limits are not kept there."
    )


def test_one_cycle_is_not_certain():
    assert said(n_cycles=1).endswith("Without intervals this is not certain: run at least 3 cycles.")


def test_without_energy_the_throughput_decides():
    text = said(over_concurrencies(1, 4), estimated=True)
    assert f"With {LIMITS}, a concurrency of 4 has the highest throughput: " in text


def test_each_server_has_its_sentence():
    cells = [each for port in (8000, 9000) for each in over_rates(server={"url": f"http://127.0.0.1:{port}/v1"})]
    text = said(cells)
    assert f"With server http://127.0.0.1:8000/v1 and {LIMITS}, a request rate of 8 requests/s" in text
    assert "With server http://127.0.0.1:9000/v1 and the same limits, a request rate of 8 requests/s" in text


def test_without_limits_nothing_is_added():
    assert said(over_rates(slo=None)) == ""


def test_limits_of_a_report_are_not_repeated():
    text = a_traffic_study(limits={"ttft_p99_ms": 60.0}).answer
    assert "Of the cells with" not in text
    assert "time to first token, p99 of at most 60 ms" in text
