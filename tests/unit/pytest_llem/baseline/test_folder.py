"""The folder of baselines: what is written, what is read, what is refused."""

from __future__ import annotations

import json

import pytest

from a_baseline import A100, HASH, TEST, a_file, a_folder, a_session, an_entry
from pytest_llem.baseline.folder import dumps, read_folder, update_folder, write_changes, write_file
from pytest_llem.baseline.parse import BaselineError, parse, read_file


def test_what_is_written_reads_back_the_same(tmp_path):
    file = a_file({TEST: {HASH: an_entry(a_session(), a_session(11.0, method=None))}})
    write_file(tmp_path / "a.json", file)
    assert read_file(tmp_path / "a.json") == file


def test_the_text_is_sorted_ends_in_a_newline_and_keeps_samples_in_one_line():
    text = dumps(a_file())
    assert text.endswith("}\n")
    assert '"energy_per_output_token": [10.0, 10.0, 10.0],\n' in text
    plain = json.loads(text)
    assert list(plain) == sorted(plain)
    assert list(plain["hardware"]) == sorted(A100)
    assert dumps(parse(text)) == text


def test_lists_inside_texts_are_left_alone():
    config = {"prompt": "[\n 1,\n 2\n]", "words": ["[\n", "a"]}
    assert parse(dumps(a_file({TEST: {HASH: an_entry(config=config)}}))).entries[TEST][HASH].config == config


def test_an_unchanged_file_keeps_its_bytes_and_its_time(tmp_path):
    path = tmp_path / "a.json"
    write_file(path, a_file())
    before = (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino)
    write_file(path, a_file())
    assert (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino) == before


def test_only_changed_files_are_written(tmp_path):
    before = a_folder(tmp_path, a_file(), a_file(power_limit_w=300))
    written = write_changes(a_folder(tmp_path), before)
    assert sorted(written) == sorted(tmp_path.glob("*"))
    by_hand = written[0].read_text().replace(" ", "  ")
    written[0].write_text(by_hand)
    read = read_folder(tmp_path)
    changed = read.with_file(a_file({TEST: {HASH: an_entry(a_session(12.0))}}, power_limit_w=300))
    assert len(write_changes(read, changed)) == 1
    assert written[0].read_text() == by_hand


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "a.json"
    path.mkdir()
    with pytest.raises(BaselineError, match=r"a\.json: cannot be written"):
        write_file(path, a_file())
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_has_no_baselines_and_is_made_when_written(tmp_path):
    folder = tmp_path / "deep" / "baselines"
    nothing = read_folder(folder)
    assert nothing.files == {}
    write_changes(nothing, nothing.with_file(a_file()))
    assert read_folder(folder).of(A100) == a_file()


def test_a_file_is_found_by_its_hardware_under_any_name(tmp_path):
    write_file(tmp_path / "renamed.json", a_file())
    found = read_folder(tmp_path)
    assert found.of(dict(reversed(A100.items()))) == a_file()
    assert found.path_of(A100).name == "renamed.json"
    assert found.of({**A100, "power_limit_w": 300}) is None


def test_two_files_of_one_machine_are_an_error(tmp_path):
    write_file(tmp_path / "a.json", a_file())
    write_file(tmp_path / "b.json", a_file())
    with pytest.raises(BaselineError, match=r"b\.json: has the same hardware as a\.json"):
        read_folder(tmp_path)


def test_remains_of_a_killed_run_and_other_files_are_not_read(tmp_path):
    (tmp_path / ".a.json.tmp").write_text("{")
    (tmp_path / ".hidden.json").write_text("{")
    (tmp_path / "README.md").write_text("about")
    assert read_folder(tmp_path).files == {}


def test_a_file_in_the_folders_place_is_an_error(tmp_path):
    (tmp_path / "baselines").write_text("")
    with pytest.raises(BaselineError, match="is not a folder"):
        read_folder(tmp_path / "baselines")


def changed(*keys, to):
    """A whole file with one part replaced; `...` removes it."""
    plain = json.loads(dumps(a_file()))
    part = plain
    for key in keys[:-1]:
        part = part[key]
    if to is ...:
        del part[keys[-1]]
    else:
        part[keys[-1]] = to
    return json.dumps(plain)


ENTRY = ("entries", TEST, HASH)
SESSION = (*ENTRY, "sessions", 0)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is not JSON: Expecting value in line 1, column 1; restore it from git, or delete"),
        ("{\n<<<<<<< HEAD\n", "has the markers of a merge conflict in line 2"),
        ("[]", "is not a JSON object"),
        ("[" * 100_000, "is nested too deeply"),
        ('{"schema": 1, "schema": 1}', "has 'schema' twice in one object"),
        (changed("schema", to=2), "has schema 2, newer than 1, which this version writes; upgrade"),
        (changed("schema", to=0), "has schema 0; 1 is the only valid one"),
        (changed("schema", to=True), "'schema' of the file is True, not int"),
        (changed("simulated", to=...), "the file has no 'simulated'"),
        (changed("simulate", to=True), "the file has an unknown part 'simulate' (known: schema, hardware,"),
        (changed("hardware", "gpu", to=["A"]), "hardware.gpu is ['A'], not str or int or float or bool or null"),
        (changed("entries", to=[]), "'entries' of the file is [], not dict"),
        (changed("entries", TEST, to=7), f"entries['{TEST}'] is 7, not dict"),
        (changed(*ENTRY, "sessions", to=[]), "sessions is empty"),
        (changed(*ENTRY, "work", "prompts", to=8.5), "work is 8.5, not int"),
        (changed(*ENTRY, "work", "flops", to="many"), "work is 'many', not int or null"),
        (changed(*SESSION, "date", to="yesterday"), "sessions[0] is 'yesterday', not an ISO 8601 time"),
        (changed(*SESSION, "git", "dirty", to=0), "sessions[0].git is 0, not bool or null"),
        (
            changed(*SESSION, "samples", "cpu_seconds", to=[1, None]),
            "samples['cpu_seconds'][1] is None, not int or float",
        ),
        (changed(*SESSION, "samples", "cpu_seconds", to=[float("nan")]), "holds NaN, which is not a JSON number"),
        (changed(*SESSION, "samples", "x", to=[1.5]).replace("1.5", "1e999"), "holds 1e999, which is too large"),
        (changed(*SESSION, "host", to="me"), "sessions[0] has an unknown part 'host'"),
    ],
)
def test_a_malformed_file_is_one_error_with_its_path_and_its_reason(tmp_path, text, reason):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(BaselineError) as caught:
        read_folder(tmp_path)
    assert caught.value.path == path
    assert reason in caught.value.reason
    assert str(caught.value) == f"{path}: {caught.value.reason}"


def test_a_file_that_is_no_text_or_cannot_be_read_is_the_same_error(tmp_path):
    (tmp_path / "a.json").write_bytes(b"\xff\xfe")
    with pytest.raises(BaselineError, match="is not UTF-8 text"):
        read_folder(tmp_path)
    (tmp_path / "a.json").unlink()
    (tmp_path / "a.json").mkdir()
    with pytest.raises(BaselineError, match="cannot be read: Is a directory"):
        read_folder(tmp_path)


def test_a_file_of_other_hardware_under_the_default_name_is_not_taken_and_stays(tmp_path):
    usual = a_folder(tmp_path, a_file())
    path = usual.path_of(A100)
    other = a_file(power_limit_w=300)
    write_file(path, other)
    found = read_folder(tmp_path)
    assert found.of(A100) is None
    assert found.path_of(A100) not in found.files
    assert update_folder(tmp_path, lambda baselines: baselines.with_file(a_file())) == [found.path_of(A100)]
    assert read_file(path) == other
