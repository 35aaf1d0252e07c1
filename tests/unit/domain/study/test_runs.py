"""The identity of a run is text that names its folder."""

import pytest

from llenergymeasure.domain.study.runs import PlannedRun, RunId, RunRow


@pytest.mark.parametrize(
    ("run", "text"),
    [
        (RunId(cell="03", cycle=1), "03.c1"),
        (RunId(cell="03", cycle=2, attempt=2), "03.c2.a2"),
        (RunId(cell="01", cycle=1, role="control_first"), "01.c1.first"),
        (RunId(cell="01", cycle=1, role="control_last", attempt=3), "01.c1.last.a3"),
    ],
)
def test_the_text_of_a_run_names_cell_cycle_role_and_attempt(run: RunId, text: str) -> None:
    assert str(run) == text


def test_a_planned_run_gives_the_identity_of_each_attempt() -> None:
    planned = PlannedRun(place=4, cell="02", cycle=3, config_hash="0" * 16)

    assert [str(planned.run_id(attempt)) for attempt in (1, 2)] == ["02.c3", "02.c3.a2"]


def test_totals_are_divided_by_passes_and_rates_are_not() -> None:
    values = {"duration_sec": 12.0, "tokens_per_second": 5.0}
    row = RunRow(run_id="01.c1", place=1, cell="01", cycle=1, block="c1", values=values, n_passes=4)

    assert [row.per_pass(name) for name in ("duration_sec", "tokens_per_second", "cpu_seconds")] == [3.0, 5.0, None]


def test_tokens_per_request_of_a_file_of_an_earlier_release_are_those_of_its_totals() -> None:
    row = RunRow(
        run_id="01.c1", place=1, cell="01", cycle=1, block="c1", values={"output_tokens": 96.0, "n_prompts": 4.0}
    )

    assert row.tokens_per_request == 24.0
    assert row.model_copy(update={"output_tokens_per_request": 25.0}).tokens_per_request == 25.0
    assert row.model_copy(update={"failed_share": 0.0}).tokens_per_request is None
    assert row.model_copy(update={"values": {"output_tokens": 96.0}}).tokens_per_request is None
