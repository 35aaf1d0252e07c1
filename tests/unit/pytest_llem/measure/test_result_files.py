"""Every result has a file of its own; a file that cannot be written is a problem of the run."""

from __future__ import annotations

import pytest

from llenergymeasure.exceptions import ConfigError
from pytest_llem.measure.result_files import ResultFiles, file_name, fresh_folder


class Result:
    """A result that writes its number."""

    def __init__(self, number=0, fails=None):
        self.number, self.fails = number, fails

    def to_json(self, path):
        if self.fails is not None:
            raise ConfigError("cannot be written", "choose another --output") from self.fails
        path.write_text(str(self.number))
        return path


def test_ids_that_differ_have_files_that_differ():
    names = [file_name(f"test_it[{x}]") for x in ("a/b", "a-b", "a b", "A b", "\u00e4 b")]
    assert len(set(map(str.lower, names))) == 5
    assert len(file_name("x" * 900)) <= 150


def test_results_of_a_test_are_numbered_whatever_comes_between(tmp_path):
    files = ResultFiles(tmp_path / "out", "run")
    written = [files.write(test, Result(number)) for number, test in enumerate(["a", "b", "a"])]
    paths = [path for (path,) in written]
    assert [path.read_text() for path in paths] == ["0", "1", "2"]
    assert [path.name.rpartition(".json")[0].rpartition(".")[2] for path in paths] == ["1", "1", "2"]
    assert (tmp_path / "out" / ".gitignore").read_text() == "*\n"
    assert files.problem is None


@pytest.mark.parametrize("fails", [None, OSError(28, "No space left on device")])
def test_what_cannot_be_written_is_one_problem_with_the_option_of_the_plugin(tmp_path, fails):
    base = tmp_path / "file" / "out"
    (tmp_path / "file").write_text("")
    files = ResultFiles(base if fails is None else tmp_path, "run")
    assert files.write("a", Result(fails=fails)) == files.write("b", Result(fails=fails)) == []
    reason = "Not a directory" if fails is None else "No space left on device"
    place = base if fails is None else tmp_path
    assert files.problem == f"results cannot be written below {place}: {reason}; use --llem-output-dir=DIR"


def test_a_folder_that_is_there_is_not_used_again(tmp_path):
    assert [fresh_folder(tmp_path, "run").name for _ in range(3)] == ["run", "run_1", "run_2"]
