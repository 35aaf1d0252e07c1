"""The limits of the warnings about traffic, by hand; each warning alone is in `test_warnings`."""

from __future__ import annotations

import pytest

from a_draft import CONFIG, TOKENS, a_draft, update
from a_served_result import a_server, some_traffic
from llenergymeasure.core.collect.distribution import distribution
from llenergymeasure.core.quality.warnings import warnings_about
from llenergymeasure.domain.traffic.result import FailureCount

TRAFFIC = some_traffic(sent=100, answered=100, failed=0, failures=())


def codes(**fields):
    return [found.code for found in warnings_about(a_draft(traffic=update(TRAFFIC, **fields)))]


def of(failed):
    return {"failed": failed, "failures": (FailureCount(kind="reset", count=failed, example="reset by peer"),)}


def test_one_failure_in_a_hundred_is_no_warning_and_two_are():
    assert codes(**of(1)) == []
    (found,) = warnings_about(a_draft(traffic=update(TRAFFIC, **of(2))))
    assert found.sentence == "2 of 100 requests failed, above 1 %: 2 x reset (reset by peer)"
    assert found.values == {"failed": 2, "sent": 100}


def test_tokens_of_failed_requests_that_nothing_counts_are_a_warning_with_their_share():
    uncounted = {"uncounted_requests": 2, "uncounted_events": 320, "uncounted_tokens": 640}
    (found,) = warnings_about(a_draft(traffic=update(TRAFFIC, **uncounted)))
    # 640 beside the 12,800 that were counted
    assert found.sentence == (
        "failed requests (2) had 320 events with text in the window whose tokens nothing counted: about 640 tokens, 4.76 % of "
        "all; with them, energy per token would be lower by this share"
    )
    assert found.remedy == "name the tokenizer of the model in server.tokenizer: it counts them"
    assert found.values == {**uncounted, "share": 640 / 13440}


def test_output_of_failed_requests_alone_is_the_whole_of_it():
    uncounted = {"uncounted_requests": 1, "uncounted_events": 3, "uncounted_tokens": 3}
    draft = a_draft(traffic=update(TRAFFIC, **uncounted), tokens=update(TOKENS, output_tokens=0))
    assert "about 3 tokens, 100 % of all" in next(
        found.sentence for found in warnings_about(draft) if found.code == "tokens_not_counted"
    )


def test_answers_with_more_tokens_than_were_allowed_are_a_warning():
    lengths = {"output_tokens_per_prompt": (128, 140, 129)}
    assert codes() == []
    (found,) = warnings_about(a_draft(traffic=TRAFFIC, tokens=update(TOKENS, **lengths)))
    assert found.sentence == (
        "2 of 3 answers have more than the 128 output tokens that were allowed, up to 140, as the server counts them"
    )
    assert found.values == {"longer": 2, "answered": 3, "longest": 140, "output_limit": 128}


def test_answers_that_were_counted_here_have_their_number():
    (found,) = warnings_about(a_draft(traffic=update(TRAFFIC, counted_here=1)))
    assert found.sentence == (
        "for 1 of 100 answers the server does not report how many tokens they have: these were counted here from their text"
    )
    assert found.values == {"counted_here": 1, "answered": 100}


def test_fewer_tokens_than_events_are_of_the_answers_that_the_server_counts():
    (found,) = warnings_about(a_draft(traffic=update(TRAFFIC, fewer_tokens_than_events=5)))
    assert (found.code, found.values) == ("fewer_tokens_than_events", {"fewer": 5, "answered": 100})
    _, found = warnings_about(a_draft(traffic=update(TRAFFIC, fewer_tokens_than_events=5, counted_here=1)))
    assert (found.code, found.values) == ("fewer_tokens_than_events", {"fewer": 5, "answered": 99})


@pytest.mark.parametrize(
    ("counted", "who"),
    [
        ({"counted_here": 1}, "as the server counts them, or as counted here from their text"),
        ({"counted_by": "tokenizer", "counted_here": 100}, "as counted here from their text"),
    ],
)
def test_answers_beyond_the_limit_have_who_counted_them(counted, who):
    tokens = update(TOKENS, output_tokens_per_prompt=(128, 140))
    found = warnings_about(a_draft(traffic=update(TRAFFIC, **counted), tokens=tokens))
    (beyond,) = [each for each in found if each.code == "outputs_beyond_limit"]
    assert beyond.sentence.endswith(f"up to 140, {who}")


def test_the_advice_on_failed_requests_is_where_to_see_the_output_of_the_server():
    for server, advice in (
        (a_server(), "start the server in a terminal (server.command in the result) and set server.url"),
        (a_server(launched=False, command=()), "look at the output of the server"),
    ):
        found = warnings_about(a_draft(traffic=update(TRAFFIC, **of(2)), server=server))
        (failed,) = [each for each in found if each.code == "requests_failed"]
        assert advice in failed.remedy


def test_requests_may_be_sent_10_ms_late():
    assert codes(lag=distribution([[10.0] * 100])) == []
    assert codes(lag=distribution([[10.1] * 100])) == ["client_lagging"]


@pytest.mark.parametrize(
    ("first", "last", "warned"),
    [
        (5, 28, False),  # 23 more, by chance up to 2.33 x sqrt(100) = 23.3
        (5, 30, True),  # 25 more
        (30, 5, False),  # fewer
        (400, 424, True),  # 24 more, also where many were in flight before
    ],
)
def test_the_number_in_flight_may_grow_by_chance_only(first, last, warned):
    assert codes(in_flight_start=first, in_flight_end=last) == (["traffic_not_steady"] if warned else [])


def test_growth_in_a_short_window_is_a_warning_with_its_consequence():
    fields = {"sent": 12, "answered": 12, "in_flight_start": 11, "in_flight_end": 20}
    (found,) = (
        each for each in warnings_about(a_draft(traffic=update(TRAFFIC, **fields))) if each.code == "traffic_not_steady"
    )
    assert found.sentence.endswith("requests per second and energy per request are not computed")


def test_a_closed_loop_is_steady_by_itself():
    assert codes(mode="concurrency", rate=None, concurrency=30, in_flight_start=5, in_flight_end=30) == []


def test_one_request_for_each_in_flight_is_no_warning_and_fewer_are():
    closed = {"mode": "concurrency", "rate": None}
    assert codes(**closed, concurrency=100) == []
    (found,) = warnings_about(a_draft(traffic=update(TRAFFIC, **closed, concurrency=128)))
    assert (found.code, found.values) == ("fewer_requests_than_in_flight", {"sent": 100, "concurrency": 128})
    assert "sent before it" in found.sentence
    assert "at least 1280" in found.remedy


def test_with_fewer_requests_than_in_flight_a_total_window_has_less_load_than_configured():
    traffic = update(TRAFFIC, mode="concurrency", rate=None, concurrency=128, window="total")
    (found,) = warnings_about(a_draft(traffic=traffic))
    assert found.sentence == (
        "100 requests were measured, fewer than the 128 in flight: the server never had more than 100 of them at the same time"
    )


def test_the_first_tokens_that_all_prompts_share_may_be_cached():
    assert codes(cached_tokens=100) == []  # of 1,000
    assert codes(cached_tokens=None) == []


def test_cut_prompts_are_those_of_the_dataset_not_the_answered_requests():
    tokens, config = update(TOKENS, n_prompts=90, truncated_prompts=100), update(CONFIG, n=100)
    (found,) = warnings_about(a_draft(traffic=TRAFFIC, tokens=tokens, config=config))
    assert found.sentence.startswith("100 of 100 prompts were cut")


def test_a_server_that_ends_outputs_early_has_advice_of_its_own():
    config, tokens = update(CONFIG, min_output_tokens=16), update(TOKENS, output_tokens_per_prompt=(16, 9))
    (found,) = warnings_about(a_draft(traffic=TRAFFIC, config=config, tokens=tokens))
    assert found.remedy == "the server has no parameter for it: compare energy per token, not per request"


def test_few_or_short_answers_of_a_server_are_those_of_requests():
    """A prompt may be sent several times, or not at all."""
    few = update(TOKENS, n_prompts=29, ended_early_share=0.5)
    found = [each.sentence for each in warnings_about(a_draft(traffic=TRAFFIC, tokens=few))]
    assert found[0] == "29 requests were measured, below 30"
    assert found[1].startswith("50 % of the requests ended before")
