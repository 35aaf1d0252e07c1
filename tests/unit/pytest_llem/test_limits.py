"""Limits as users write them."""

from __future__ import annotations

import pytest

from pytest_llem.limits import Limit, LimitError, make_limit, parse_limit, parse_limits


@pytest.mark.parametrize(
    ("text", "value", "relative"),
    [
        ("2.5%", 0.025, True),
        ("150%", 1.5, True),
        ("0%", 0.0, True),
        (" 5 % ", 0.05, True),
        ("0.5", 0.5, False),
        (".5", 0.5, False),
        ("1e3", 1000.0, False),
    ],
)
def test_percent_is_relative_and_a_plain_number_absolute(text, value, relative):
    limit = parse_limit(f"energy_per_output_token:{text}")
    assert limit == Limit("energy_per_output_token", value, relative)


def test_numbers_of_a_yaml_file_are_absolute():
    assert make_limit("duration_sec", 3) == Limit("duration_sec", 3.0, relative=False)


@pytest.mark.parametrize(
    "text", ["", "5 percent", "-5%", "nan", "inf", "0", "5%%", "1e999", "0x10", "5_0", "010%", "1_000%", "\u0665"]
)
def test_what_is_no_limit_is_refused_with_the_forms_that_are(text):
    with pytest.raises(LimitError, match=r"cpu_seconds: .*limit"):
        parse_limit(f"cpu_seconds:{text}")


@pytest.mark.parametrize("value", [True, None, [5], float("nan"), -1.0])
def test_other_types_are_refused(value):
    with pytest.raises(LimitError, match="cpu_seconds"):
        make_limit("cpu_seconds", value)


def test_an_unknown_metric_names_the_nearest_and_all():
    with pytest.raises(
        LimitError, match=r"unknown metric 'token_per_second'; did you mean 'tokens_per_second'\?.*known"
    ):
        parse_limit("token_per_second:5%")


def test_a_metric_like_nothing_gets_no_guess():
    with pytest.raises(LimitError, match=r"unknown metric 7 \(known: energy_per_output_token"):
        parse_limits({7: "5%"})


def test_a_text_without_a_colon_is_shown_an_example():
    with pytest.raises(LimitError, match="'5%' is not METRIC:LIMIT, such as energy_per_output_token:5%"):
        parse_limit("5%")


def test_a_metric_may_have_both_kinds_and_the_later_of_a_kind_applies():
    limits = parse_limits(["cpu_seconds:5%", "cpu_seconds:9", "cpu_seconds:7%"])
    assert [str(limit) for limit in limits] == ["cpu_seconds:7%", "cpu_seconds:9"]


def test_one_text_is_one_limit():
    assert parse_limits("cpu_seconds:5%") == parse_limits({"cpu_seconds": "5%"})


def test_a_limit_reads_back_as_it_prints():
    for text in ("energy_per_output_token:2.5%", "tokens_per_second:150%", "energy_total_j:0.5"):
        assert str(parse_limit(text)) == text
    assert parse_limit("energy_per_output_token:0.5").text == "0.5 J/token"


def test_a_metric_that_means_nothing_as_a_limit_is_not_known():
    with pytest.raises(LimitError, match="unknown metric 'energy_adjusted_j'"):
        parse_limit("energy_adjusted_j:5%")
