"""500 damaged folders: each is refused with the reason or read right, and reading changes nothing."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from a_result import a_result, a_timeseries
from llenergymeasure.exceptions import AggregationError, ConfigError
from llenergymeasure.results.ranks.files import ProcessFacts, read_process_results, stem, write_process_result
from llenergymeasure.results.store import FolderRepository

WORLD = 3
RESULT = a_result(timeseries=a_timeseries())


def files_made_by(make):
    """Contents by name of a folder that `make` fills."""
    with tempfile.TemporaryDirectory() as name:
        make(Path(name))
        return {str(path.relative_to(name)): path.read_bytes() for path in Path(name).rglob("*") if path.is_file()}


def processes(folder):
    for rank in range(WORLD):
        facts = ProcessFacts(rank, WORLD, "run", "here", 1000.0 + rank, 1005.0)
        write_process_result(folder, facts, RESULT.model_copy(update={"timeseries": None}))


def one_result(folder):
    for path in RESULT.save(folder).parent.iterdir():
        path.rename(folder / path.name)


OF_PROCESSES = files_made_by(processes)
OF_ONE = {name: data for name, data in files_made_by(one_result).items() if "/" not in name}


def truncated(files, name, other, share):
    files[name] = files[name][: int(share * len(files[name]))]


def altered(files, name, other, share):
    place = int(share * len(files[name]))
    if place < len(files[name]):
        files[name] = files[name][:place] + bytes([files[name][place] ^ 1]) + files[name][place + 1 :]


def removed(files, name, other, share):
    del files[name]


def swapped(files, name, other, share):
    files[name], files[other] = files[other], files[name]


def duplicated(files, name, other, share):
    files[other] = files[name]


def numbered_anew(files, name, other, share):
    files[f"{stem(int(share * 9))}{Path(name).suffix}"] = files[name]


def of_another_version(files, name, other, share):
    for old in (b'"format": 1', b'"schema_version": "2.0"'):
        files[name] = files[name].replace(old, old.replace(b"1", b"9").replace(b"2.0", b"9.9"))


def joined_by_a_foreign_file(files, name, other, share):
    files[f"notes-{share:.2f}.json"] = b"{}"


DAMAGES = (
    truncated,
    altered,
    removed,
    swapped,
    duplicated,
    numbered_anew,
    of_another_version,
    joined_by_a_foreign_file,
)
DAMAGE = st.tuples(st.sampled_from(DAMAGES), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))


def damaged(whole, damages):
    files = dict(whole)
    for damage, which, what, share in damages:
        names = sorted(files)
        if names:
            name, other = (names[min(int(one * len(names)), len(names) - 1)] for one in (which, what))
            damage(files, name, other, share)
    return files


def in_a_folder(files, read, refusal):
    """What reading gives, None when it is refused with a reason; the files must be as before."""
    folder = Path(tempfile.mkdtemp())
    try:
        for name, data in files.items():
            (folder / name).write_bytes(data)
        found, reason = None, "read"
        try:
            found = read(folder)
        except refusal as error:
            reason = str(error)
        assert reason == "read" or len(reason) > 20
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == files
        return found
    finally:
        shutil.rmtree(folder)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(DAMAGE, min_size=1, max_size=3))
def test_files_of_processes(damages):
    files = damaged(OF_PROCESSES, damages)
    found = in_a_folder(files, lambda folder: read_process_results(folder, WORLD, "run"), AggregationError)
    ours = {name: data for name, data in files.items() if not name.startswith("notes-")}
    if found is None:
        assert ours != OF_PROCESSES
    else:
        assert [(one.facts.rank, one.facts.start_utc_s) for one in found] == [(0, 1000.0), (1, 1001.0), (2, 1002.0)]
        assert all(one.result == RESULT.model_copy(update={"timeseries": None}) for one in found)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(DAMAGE, min_size=1, max_size=2))
def test_a_folder_of_a_result(damages):
    """Without a checksum an altered digit may pass; what is read is then a whole result of this schema."""
    files = damaged(OF_ONE, damages)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the side file may be missing
        found = in_a_folder(files, lambda folder: FolderRepository(folder).load(folder / "result.json"), ConfigError)
    if (
        files.get("result.json") == OF_ONE["result.json"]
        and files.get("timeseries.parquet") == OF_ONE["timeseries.parquet"]
    ):
        assert found.timeseries == RESULT.timeseries
    if found is not None:
        assert found.schema_version == "2.0"
