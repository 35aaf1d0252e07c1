"""`llem`, `llem --version`, `llem config`, and what is shown while a run goes on."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from llenergymeasure._version import __version__
from llenergymeasure.cli.app import app
from llenergymeasure.cli.display import NotesOnly, TerminalProgress, progress_for
from llenergymeasure.cli.outcome import exit_code_of
from llenergymeasure.core.backends.registry import importable
from llenergymeasure.exceptions import BackendError, ConfigError, LLEMError, PreFlightError
from llenergymeasure.progress import Silent


def test_there_are_these_commands():
    assert {command.name for command in app.registered_commands} == {"run", "config", "report", "compare"}


def test_version_names_what_is_installed_without_importing_it():
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom llenergymeasure.cli.app import app\n"
        "result = CliRunner().invoke(app, ['--version'])\nprint(result.stdout)\n"
        "print([name for name in ('torch', 'pydantic', 'zeus', 'codecarbon', 'pynvml') if name in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.startswith(f"llenergymeasure {__version__}\nbackends: ")
    assert "nvml (nvidia-ml-py" in out
    assert out.rstrip().endswith("[]")


def test_config_shows_gpus_backends_meters_and_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    result = CliRunner().invoke(app, ["config", "--verbose"])
    assert result.exit_code == 0
    for words in (
        "CPU: ",
        "GPUs",
        "builtin/tiny-llama: available",
        "backends",
        "meters",
        "auto would choose",
        "(absent: defaults)",
        "pydantic 2",
    ):
        assert words in result.stdout
    assert list(tmp_path.iterdir()) == []


def test_config_recommends_no_extra_that_this_release_cannot_use(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    lines = CliRunner().invoke(app, ["config"]).stdout.splitlines()
    (line,) = [each for each in lines if each.startswith("  tensorrt: ")]
    assert line.startswith("  tensorrt: not measured by this release; TensorRT-LLM is measured through its server: ")
    assert "pip install" not in line


@pytest.mark.skipif(importable("vllm"), reason="vLLM is installed")
def test_config_has_the_line_that_installs_vllm_for_a_gpu_and_for_a_cpu():
    lines = CliRunner().invoke(app, ["config"]).stdout.splitlines()
    (line,) = [each for each in lines if each.startswith("  vllm: not installed")]
    assert 'NVIDIA GPUs: pip install "llenergymeasure[vllm]"' in line
    assert "CPUs: make vllm" in line


@pytest.mark.parametrize(
    ("narrowed", "words"),
    [
        ("null", "auto would choose none: measurement.energy_backend of the user config is null"),
        (
            "nvml",
            "auto would choose none: energy would not be measured (measurement.energy_backend of the user config is nvml)",
        ),
    ],
)
def test_config_shows_what_auto_would_choose_under_the_user_config(tmp_path, monkeypatch, narrowed, words):
    place = tmp_path / "llenergymeasure" / "config.yaml"
    place.parent.mkdir()
    place.write_text(f"measurement: {{energy_backend: {narrowed}}}\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert words in CliRunner().invoke(app, ["config"]).stdout


def test_config_shows_the_environment_of_a_backend_with_its_fix(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("LLEM_RUNNER_PYTORCH", "python:/nowhere/python")
    out = CliRunner().invoke(app, ["config"]).stdout
    assert "  pytorch: runner python:/nowhere/python: there is no file /nowhere/python\n    fix: make this" in out


def test_config_reports_an_invalid_user_config_and_continues(tmp_path, monkeypatch):
    place = tmp_path / "llenergymeasure" / "config.yaml"
    place.parent.mkdir()
    place.write_text("output: 3\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    result = CliRunner().invoke(app, ["config"])
    assert result.exit_code == 0
    assert "user config: invalid" in result.stdout


def test_help_lists_every_option():
    text = CliRunner().invoke(app, ["run", "--help"]).stdout
    for option in (
        "--model", "-m", "--backend", "-b", "--dataset", "-d", "-n", "--num-prompts", "--batch-size", "--precision", "-p",
        "--output", "-o",
        "--dry-run", "--quiet", "-q", "--verbose", "-v", "--export-csv", "--report", "--set", "--json",
    ):  # fmt: skip
        assert option in text


@pytest.mark.parametrize("command", [(), ("run",), ("config",), ("report",), ("compare",)])
def test_every_command_has_a_short_and_a_long_help(command):
    short, long = (CliRunner().invoke(app, [*command, flag]) for flag in ("-h", "--help"))
    assert short.exit_code == 0
    assert short.stdout == long.stdout
    assert "Usage: " in short.stdout


@pytest.mark.torch
def test_the_number_of_prompts_has_a_long_name():
    short, long = (
        CliRunner().invoke(app, ["run", "--model", "builtin/tiny-llama", "--dry-run", flag, "7"])
        for flag in ("-n", "--num-prompts")
    )
    assert "n: 7" in short.stdout
    assert short.stdout == long.stdout


LLEM = "import sys; sys.argv[0] = '{name}'; from llenergymeasure.cli.entry import main; main()"


def completing(words, count):
    environ = {"_LLEM_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(count)}
    command = [sys.executable, "-c", LLEM.format(name="llem")]
    return subprocess.run(command, env={**os.environ, **environ}, capture_output=True, text=True, check=True).stdout


def test_the_shell_completes_commands_and_options():
    assert completing("llem r", 1).split() == ["run", "report"]
    assert completing("llem run --ba", 2).split() == ["--backend", "--batch-size"]


@pytest.mark.parametrize("name", ["llem", "__main__.py"])
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_is_that_of_the_program_however_it_was_started(shell, name):
    command = [sys.executable, "-c", LLEM.format(name=name), "--show-completion", shell]
    # The shell around the tests, which typer would look for, can be one without completion, such as that of make.
    environ = {**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environ)
    assert "_LLEM_COMPLETE=complete_" in done.stdout


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_sees_steps_and_a_bar():
    stream = Terminal()
    progress = TerminalProgress(stream)
    progress.step("loading m")
    progress.step("thermal floor", 2.0)
    progress.advance(2.0)
    progress.note("on the CPU")
    progress.done()
    progress.done()
    text = stream.getvalue()
    assert "loading m ...\n" in text
    assert "2/2 s" in text
    assert "note: on the CPU\n" in text


def test_no_terminal_sees_notes_and_no_progress():
    stream = io.StringIO()
    progress = progress_for(quiet=False, stream=stream)
    assert isinstance(progress, NotesOnly)
    progress.step("loading")
    progress.note("on the CPU")
    assert stream.getvalue() == "note: on the CPU\n"


def test_quiet_is_silent_on_any_stream():
    assert type(progress_for(quiet=True, stream=Terminal())) is Silent
    assert isinstance(progress_for(quiet=False, stream=Terminal()), TerminalProgress)


def raising(error):
    def call():
        raise error

    return call


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ConfigError("n is 0; raise it"), 2, "error: n is 0"),
        (PreFlightError([]), 1, "error: 0 problems"),
        (BackendError("out of memory"), 1, "error: out of memory"),
        (LLEMError("disk full"), 1, "error: disk full"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (ZeroDivisionError("x"), 1, "internal error: ZeroDivisionError: x; run again with --verbose"),
    ],
)
def test_every_outcome_has_its_code_and_one_line(capsys, error, code, words):
    assert exit_code_of(raising(error), tracebacks=False) == code
    captured = capsys.readouterr()
    assert captured.err.startswith(words)
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_verbose_adds_the_traceback(capsys):
    exit_code_of(raising(BackendError("x")), tracebacks=True)
    assert "Traceback" in capsys.readouterr().err


def test_too_little_memory_is_reported_without_a_traceback(capsys):
    assert exit_code_of(raising(MemoryError()), tracebacks=False) == 1
    assert "too little memory" in capsys.readouterr().err


WITHOUT_JINJA = "import sys; sys.modules['jinja2'] = None; from llenergymeasure.cli.app import main; main()"


def llem_without_jinja(place, *arguments):
    command = [sys.executable, "-c", WITHOUT_JINJA, "run", "--model", "builtin/tiny-llama", "--report", *arguments]
    return subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("options", [(), ("--dry-run",), ("--dry-run", "--sweep", "n=1,2")])
def test_a_report_that_cannot_be_written_is_reported_before_anything_is_measured(tmp_path, options):
    done = llem_without_jinja(tmp_path, *options)
    assert done.returncode == 1
    assert "a report needs jinja2 (not installed)" in done.stderr
    assert 'fix: pip install "llenergymeasure[report]"' in done.stderr
    assert list(tmp_path.iterdir()) == []
