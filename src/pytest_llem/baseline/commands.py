"""Commands to be copied: they work in the folder in which pytest was started, with the options that the run had."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from pytest_llem.baseline.parse import BaselineError, ConflictError

_CONFIGURATIONS = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")
_PACKAGE = __name__.partition(".")[0]


def accepting(config: pytest.Config, candidate: Path, tests: Iterable[str]) -> str:
    """The command that accepts a candidate.

    Args:
        config: pytest's.
        candidate: path of the file.
        tests: node ids; none = what was not ok.
    """
    named = [_argument(config, test) for test in tests]
    option = f"--llem-accept-baseline={_from_here(config, candidate)}"
    return shlex.join(["pytest", option, *_place(config, named), *named])


def solving(config: pytest.Config, conflict: Path) -> tuple[str, str]:
    """The two commands that solve a merge conflict in a baseline file: take this side, then add what only the other one has."""
    path = _from_here(config, conflict)
    checkout = shlex.join(["git", "checkout", "--ours", "--", path])
    other = shlex.join(["git", "show", f":3:./{path}"])
    # -s: otherwise pytest replaces the standard input.
    options = ["-s", "--llem-accept-baseline=/dev/stdin", "--llem-update-baseline=new"]
    return checkout, f"{other} | {shlex.join(['pytest', *options, *_place(config, [])])}"


def explained(config: pytest.Config, error: BaselineError) -> str:
    """The message of an invalid baseline file, with its fix where there is one."""
    if not isinstance(error, ConflictError):
        return str(error)
    return "\n".join([f"{error}; these two commands fix it:", *(f"  {each}" for each in solving(config, error.path))])


def _argument(config: pytest.Config, test: str) -> str:
    """A node id, which begins with a path from the root, as it is written here."""
    path, *names = test.split("::")
    return "::".join([_from_here(config, config.rootpath / path), *names])


def _place(config: pytest.Config, tests: list[str]) -> Iterator[str]:
    """Options without which pytest would find another root, other settings or other baselines."""
    for plugin in config.option.plugins or ():
        if plugin.partition(".")[0] == _PACKAGE:
            yield from ("-p", plugin)
    if not _is_found(config, tests):
        yield from ("-c", _from_here(config, config.inipath)) if config.inipath else ()
        yield f"--rootdir={_from_here(config, config.rootpath)}"
    folder = config.getoption("--llem-baseline-dir")
    if folder is not None:
        yield f"--llem-baseline-dir={folder}"
    yield from (f"-o={each}" for each in config.option.override_ini or () if _is_given(config, each))
    if getattr(config.option, "numprocesses", None) is not None:
        yield "-n0"


def _is_given(config: pytest.Config, setting: str) -> bool:
    """Whether the command line overrides this setting. pytest adds overrides for options such as `--strict-markers`."""
    return any(argument.endswith(setting) for argument in config.invocation_params.args)


def _is_found(config: pytest.Config, tests: list[str]) -> bool:
    """Whether pytest finds the root by itself: it is here, and no test lies in a folder with a configuration of its own."""
    here, options = config.invocation_params.dir, config.option
    if options.rootdir or options.inifilename or config.rootpath != here:
        return False
    folders = {folder for test in tests for folder in (here / test.partition("::")[0]).resolve().parents}
    below = {folder for folder in folders if folder.is_relative_to(here) and folder != here}
    if config.inipath is None:  # then the root is the folder of the test
        return not below
    return not any((folder / name).is_file() for folder in below for name in _CONFIGURATIONS)


def _from_here(config: pytest.Config, path: Path) -> str:
    return os.path.relpath(path, config.invocation_params.dir)
