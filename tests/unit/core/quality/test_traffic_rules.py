"""The publication rules about traffic: each is kept by a good measurement, and broken alone by its own fault."""

from __future__ import annotations

import pytest

from a_draft import a_draft, update
from a_served_result import a_server, some_traffic
from llenergymeasure.core.collect.distribution import distribution
from llenergymeasure.core.quality.publication import RULES, check_publication
from llenergymeasure.core.quality.traffic_rules import TRAFFIC_RULES

TRAFFIC = some_traffic(sent=100, answered=100, failed=0, failures=())
NAMES = [rule.name for rule in TRAFFIC_RULES]


def not_kept(server=None, **fields):
    draft = a_draft(traffic=update(TRAFFIC, **fields), server=server or a_server())
    rules = [each for each in check_publication(draft).rules if each.rule in NAMES]
    return [(each.rule, each.state, each.found) for each in rules if each.state != "kept"]


def test_whether_the_weights_of_a_server_are_real_is_not_observed():
    draft = a_draft(traffic=TRAFFIC, server=a_server())
    (rule,) = (each for each in check_publication(draft).rules if each.rule == "real_weights")
    assert (rule.state, rule.found) == ("not_observed", "the weights of a server are not seen")


def test_traffic_without_a_fault_is_ready_to_publish():
    assert not_kept() == []


def test_the_rules_are_those_of_results_with_traffic_only():
    def names(**fields):
        return [each.rule for each in check_publication(a_draft(**fields)).rules]

    assert names() == [rule.name for rule in RULES]
    assert names(traffic=TRAFFIC, server=a_server()) == [*names(), *NAMES]


@pytest.mark.parametrize(
    ("fields", "rule", "found"),
    [
        ({"answered": 99}, "enough_requests", "99 of 100"),
        ({"failed": 1}, "all_requests_answered", "1 of 100 failed"),
        ({"lag": distribution([[20.0] * 100])}, "client_in_time", "p99 20 ms late, at most 10 ms; 5 % of a CPU"),
        ({"client_cpu_share": 0.9}, "client_in_time", "p99 0.99 ms late, at most 10 ms; 90 % of a CPU"),
        (
            {"in_flight_start": 5, "in_flight_end": 30},
            "traffic_steady",
            "5 requests in flight at the start, 30 at the end",
        ),
    ],
)
def test_each_rule_breaks_alone(fields, rule, found):
    assert not_kept(**fields) == [(rule, "failed", found)]


def test_few_requests_show_growth_only_if_it_is_large():
    few = {"sent": 12, "answered": 12}
    too_few = ("enough_requests", "failed", "12 of 100")
    text = "0 requests in flight at the start, 5 at the end: 12 requests are too few to show growth, at least 100"
    assert not_kept(**few, in_flight_start=0, in_flight_end=5) == [too_few, ("traffic_steady", "not_observed", text)]
    grown = ("traffic_steady", "failed", "11 requests in flight at the start, 20 at the end")
    assert not_kept(**few, in_flight_start=11, in_flight_end=20) == [too_few, grown]


def test_requests_in_flight_need_several_one_after_the_other():
    closed = {"mode": "concurrency", "rate": None, "concurrency": 16}
    assert not_kept(**closed) == [
        ("enough_requests", "failed", "100 of 160"),
        ("traffic_steady", "not_applicable", "the number in flight is set"),
    ]


def test_a_version_that_is_not_known_is_not_observed():
    reason = "the server reports no version"
    assert not_kept(a_server(version=None, version_reason=reason)) == [("server_version_known", "not_observed", reason)]
