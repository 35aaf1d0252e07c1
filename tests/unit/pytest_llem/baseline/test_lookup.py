"""The baseline of a test, or the reason why there is none."""

from __future__ import annotations

from datetime import datetime, timezone

from a_baseline import CONFIG, HASH, TEST, WORK, a_file, a_folder, a_session, an_entry, machine
from pytest_llem.baseline.entries import Work
from pytest_llem.baseline.lookup import age_note, situation, soft_changes

OTHER_HASH = "fedcba9876543210"
CHANGED = {**CONFIG, "pytorch": {"batch_size": 8}, "precision": "fp16"}


def looked_up(folder, here=None, config=CONFIG, config_hash=HASH, work=WORK, test_id=TEST):
    return situation(folder, here or machine(), test_id, config, config_hash, work)


def test_same_hardware_configuration_and_work_are_found(tmp_path):
    found = looked_up(a_folder(tmp_path, a_file()))
    assert (found.kind, found.reason, found.differences) == ("found", "", ())
    assert found.entry.samples("energy_per_output_token") == [(10.0, 10.0, 10.0)]


def test_a_test_without_an_entry_is_new(tmp_path):
    for folder in (a_folder(tmp_path), a_folder(tmp_path, a_file())):
        found = looked_up(folder, test_id="tests/test_energy.py::test_other")
        assert (found.kind, found.entry) == ("new", None)
        assert found.reason == "no baseline yet"
        assert found.path == folder.path_of(machine().hard)


def test_other_hardware_shows_both_values_of_each_differing_field(tmp_path):
    found = looked_up(a_folder(tmp_path, a_file()), machine(gpu="NVIDIA L4", power_limit_w=72))
    assert found.kind == "not-comparable"
    assert found.reason == (
        "only a baseline of other hardware: gpu NVIDIA A100-SXM4-80GB -> NVIDIA L4, power_limit_w 400 -> 72"
    )


def test_of_several_machines_the_most_similar_is_shown(tmp_path):
    folder = a_folder(tmp_path, a_file(gpu="NVIDIA L4", power_limit_w=72), a_file(power_limit_w=300))
    assert [str(one) for one in looked_up(folder).differences] == ["power_limit_w 300 -> 400"]


def test_a_cpu_machine_against_a_gpu_machine_shows_what_is_unset(tmp_path):
    found = looked_up(a_folder(tmp_path, a_file(cpu="AMD EPYC 7763")))
    assert "cpu AMD EPYC 7763 -> (unset)" in found.reason


def test_a_changed_configuration_is_stale_field_by_field(tmp_path):
    found = looked_up(a_folder(tmp_path, a_file()), config=CHANGED, config_hash=OTHER_HASH)
    assert found.kind == "stale"
    assert found.reason == (
        "the configuration changed since the baseline: precision (unset) -> fp16, pytorch.batch_size 4 -> 8"
    )


def test_of_several_configurations_the_nearest_is_shown(tmp_path):
    entries = {"a" * 16: an_entry(config={**CONFIG, "n": 4}), "b" * 16: an_entry(config={**CHANGED, "n": 9})}
    found = looked_up(a_folder(tmp_path, a_file({TEST: entries})))
    assert [str(one) for one in found.differences] == ["n 4 -> 8"]


def test_a_new_way_of_hashing_is_reported_as_such(tmp_path):
    assert "only its hash" in looked_up(a_folder(tmp_path, a_file()), config_hash=OTHER_HASH).reason


def test_changed_work_shows_its_counters(tmp_path):
    found = looked_up(a_folder(tmp_path, a_file()), work=Work(8, 512, 1000, flops=1))
    assert (found.kind, found.reason) == ("work-changed", "workload changed: output_tokens 1024 -> 1000")


def test_another_count_of_flops_alone_is_the_same_work(tmp_path):
    assert looked_up(a_folder(tmp_path, a_file()), work=Work(8, 512, 1024, flops=None)).kind == "found"


def test_work_is_not_compared_before_measuring(tmp_path):
    assert looked_up(a_folder(tmp_path, a_file()), work=None).kind == "found"


def test_a_driver_upgrade_is_shown_and_prevents_no_comparison(tmp_path):
    here = machine(soft={"driver": "570.10", "torch": "2.6.0"})
    found = looked_up(a_folder(tmp_path, a_file()), here)
    assert found.kind == "found"
    assert [str(one) for one in soft_changes(found.entry, here)] == ["driver 560.35 -> 570.10"]


def test_an_old_baseline_gets_a_note():
    entry = an_entry(a_session(date="2025-01-01T00:00:00Z"), a_session(date="2026-01-01T00:00:00Z"))
    assert age_note(entry, datetime(2026, 4, 1, tzinfo=timezone.utc), 90) is None
    note = age_note(entry, datetime(2026, 4, 2, tzinfo=timezone.utc), 90)
    assert note == "the baseline is 91 days old (llem_max_age 90); measure a new session"
