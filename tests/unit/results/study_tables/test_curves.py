"""The tables of curves: they have the numbers of the analysis."""

from __future__ import annotations

from a_study import a_study, without
from a_traffic_study import CRASH, OVERLOAD, a_traffic_study, at_rate, over_concurrencies, over_rates
from llenergymeasure.results.study_tables.content import tables
from llenergymeasure.results.study_tables.curves import curve_tables


def table_of(*arguments, **options):
    (table,) = curve_tables(a_traffic_study(*arguments, **options).effects)
    return table


def test_a_row_per_rate_with_what_decides_and_whether_the_limits_are_kept():
    table = table_of()
    assert table.name == "rate"
    assert table.head == (
        "request rate in requests/s", "cell", "keeps the limits", "energy per output token in J/token",
        "time to first token, p99 in ms", "inter-token latency, p99 in ms", "energy per good request in J/request",
        "goodput in requests/s", "throughput in tokens/s", "failed",
    )  # fmt: skip
    assert [row[0] for row in table.rows] == ["1", "4", "8", "16"]
    assert table.rows[2][3] == "0.332 (0.332 to 0.332)"
    assert [row[2] for row in table.rows] == ["yes", "yes", "yes", "no"]
    assert [row[-1] for row in table.rows] == ["0.0 %"] * 4


def test_a_goodput_of_zero_is_shown_and_its_energy_is_absent():
    last = table_of().rows[-1]
    assert last[6:8] == ("-", "0.00")


def test_a_mean_over_some_of_the_runs_says_so():
    (table,) = curve_tables(without(a_traffic_study(), "goodput", "02.c1").effects)
    column = table.head.index("goodput in requests/s")
    assert [row[column].endswith(" (2 of 3 runs)") for row in table.rows] == [False, True, False, False]


def test_the_caption_has_the_limits_and_the_best_cell():
    caption = table_of().caption
    assert "Limits: time to first token, p99 at most 150 ms, inter-token latency, p99 at most 30 ms." in caption
    assert caption.endswith("The lowest energy per output token inside the limits: cell 03.")


def test_without_limits_there_is_no_such_column():
    table = table_of(over_rates(slo=None))
    assert "keeps the limits" not in table.head
    assert "imits" not in table.caption


def test_two_servers_are_told_apart_by_their_settings():
    cells = [
        each
        for port in (8000, 9000)
        for each in over_concurrencies(1, 4, server={"url": f"http://127.0.0.1:{port}/v1"})
    ]
    table = table_of(cells)
    assert (table.name, table.head[:2], table.texts) == ("concurrency", ("settings", "concurrency"), 2)
    assert [row[:2] for row in table.rows[1:3]] == [
        ("server http://127.0.0.1:8000/v1", "4"),
        ("server http://127.0.0.1:9000/v1", "1"),
    ]


def test_an_undecided_limit_is_not_certain():
    table = table_of(over_rates(slo={"ttft_p99_ms": 68.0}), cv=0.02)
    assert table.rows[2][2].endswith(", not certain")


def test_it_is_the_first_table_of_such_a_study_and_absent_from_others():
    assert tables(a_traffic_study())[0].name == "rate"
    assert {"rate", "concurrency"}.isdisjoint(table.name for table in tables(a_study()))


def test_a_rate_with_a_failed_run_is_undecided_and_says_how_many_failed():
    table = table_of(failure=at_rate(8.0, CRASH, 2))
    assert table.head[-2:] == ("failed", "failed runs")
    assert [row[-1] for row in table.rows] == ["0 of 3", "0 of 3", "1 of 3", "0 of 3"]
    assert [row[2] for row in table.rows] == ["yes", "yes", "undecided", "no"]
    assert "Undecided, because runs failed: cell 03." in table.caption


def test_a_rate_without_a_completed_run_has_a_row_and_its_reason():
    table = table_of(failure=at_rate(8.0, CRASH))
    assert table.rows[2] == ("8", "03", "not measured", *["-"] * 7, "3 of 3")
    assert table.caption.endswith(f"Cell 03 was not measured: {CRASH.message}.")


def test_a_rate_at_which_the_server_answered_nothing_does_not_keep_the_limits():
    table = table_of(failure=at_rate(8.0, OVERLOAD))
    assert (table.rows[2][2], table.rows[2][7], table.rows[2][-1]) == ("no", "0.00", "3 of 3")
    assert table_of(failure=at_rate(8.0, OVERLOAD, 1)).rows[2][2] == "no, not certain"


def test_a_long_reason_is_cut():
    long = CRASH.model_copy(update={"message": "it failed\n" + 100 * "and said why, "})
    caption = table_of(failure=at_rate(8.0, long)).caption
    assert "Cell 03 was not measured: it failed and said why," in caption
    assert caption.endswith(" ...")
    assert len(caption) < 700
