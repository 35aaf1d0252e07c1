"""Every command of every page and example is run by a test, or it has a reason here; all of ours are understood by our programs."""

from __future__ import annotations

import fnmatch
import re
import shlex
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import typer

from llenergymeasure.cli.app import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
EXAMPLES = sorted((ROOT / "examples").rglob("*.y*ml"))
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHELLS = ("", "bash", "console", "sh")
# A command with arguments between the sentences, such as `llem run study.yaml --resume`.
INLINE = re.compile(r"`((?:llem|pip|uv|pytest) [^`]+)`")
PROGRAMS = (
    "llem", "pytest", "make", "python", "pip", "uv", "torchrun", "srun", "git", "sudo", "cd", "nvidia-smi", "docker", "podman",
)  # fmt: skip

# Pages whose commands are all run, and the test that runs them.
RUN_BY = {
    "README.md": "tests/integration/test_readme.py",
    "docs/first-study.md": "tests/integration/test_first_study.py",
    "docs/report.md": "tests/integration/test_readme.py",
    "docs/studies.md": "tests/integration/test_readme.py",
    "docs/quickstart.md": "tests/integration/test_readme.py",
    "docs/servers.md": "tests/servers/test_page.py",
}
# Commands that no test runs as they stand, `*` for any end: why, and what is run instead.
NOT_RUN = {
    "make*": "sets up an environment; tests/integration/test_distribution.py installs the package",
    "pip install*": "changes the environment of the tests",
    "uv*": "changes the environment of the tests",
    "llem --*": "prints something and ends; tests/unit/cli runs these options",
    "llem COMMAND --help": "COMMAND is a placeholder; tests/unit/cli asks each command for its help",
    "llem report": "the name of the command",
    "llem run --from-result PATH": "PATH is a placeholder; test_end_to_end.py runs it with a result",
    "llem run --dry-run": "an option in a sentence; test_readme.py runs it with a file",
    "llem run base.yaml --set pytorch.batch_size=8": "an example in a sentence; test_readme.py runs `--set` with a file",
    "llem run examples/batch_size_sweep.yaml*": "test_first_study.py runs this file by the name of the page",
    "llem run examples/servers/*": "takes minutes, or needs a server; tests/servers/test_page.py runs two of them with less work",
    "llem run examples/quantisation.yaml --report": "needs an NVIDIA GPU; test_examples.py runs it shortened on a CPU",
    "llem run examples/quantisation.yaml --dry-run": "test_examples.py runs it",
    "llem run examples/real_model_study.yaml --report": "takes 11 minutes; its result is kept in docs/validation",
    "llem run --model builtin/tiny-llama --backend vllm*": "needs vLLM; tests/vllm/test_pages.py runs it without the waits",
    "python -m venv*": "makes an environment; test_other_environments.py makes one",
    "docker build*": "needs Docker and its registry; the workflow images.yml runs it",
    "cd*": "changes the folder only",
    "git*": "needs a repository of the reader; tests/integration/plugin/test_updates.py has one",
    "sudo*": "changes the machine",
    "llem run --model builtin/tiny-llama -n 20": "waits for 90 s; test_readme.py runs the same without the waits",
    "llem run examples/real_model.yaml": "test_examples.py runs it with a shorter baseline",
    "llem run examples/quickstart.yaml": "test_examples.py runs it with a shorter baseline",
    "pytest --llem --llem-strict": "plugin/test_ci_gate.py runs it with the options of the workflow",
    "pytest --llem --llem-update-baseline=new": "plugin/test_updates.py runs it with other tests",
    "llem run examples/own_prompts.yaml": "test_examples.py runs it with a shorter baseline",
    "llem run config.yaml --set pytorch.num_processes=8": "needs eight processes; test_several_processes.py runs two",
    "torchrun*": "needs several GPUs or machines; test_several_processes.py runs torch's launcher with two processes",
    "llem run study.yaml --parallel 2*": "needs two GPUs; test_device_groups.py runs it on simulated ones",
    "llem run study.yaml --executor ray*": "needs a Ray cluster; tests/ray/test_cluster.py starts one",
    "llem run study.yaml --executor slurm*": "needs a Slurm cluster; tests/slurm/test_studies.py starts one",
    "llem run --resume * --executor slurm*": "FOLDER is a placeholder; tests/slurm/test_studies.py runs it with a folder",
    "llem run --resume FOLDER --parallel 2": "FOLDER is a placeholder; test_device_groups.py runs it with a folder",
    "srun*": "needs a Slurm cluster",
    "python -m pytest examples/test_own_parts.py": "tests/integration/test_examples.py runs it with options of this suite",
    "python -m benchmarks*": "takes minutes; tests/unit/benchmarks runs the parts",
}
# Commands with `pytest` run there.
PLUGIN = "docs/pytest-plugin.md"


def commands_of(path: Path) -> Iterator[str]:
    """The commands of a page, or those in the comments of an example."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        lines = [line for language, block in BLOCK.findall(text) if language in SHELLS for line in block.splitlines()]
        lines += INLINE.findall(BLOCK.sub("", text))
    else:
        lines = re.sub(r"^#\s*", "", text, flags=re.MULTILINE).splitlines()
    for line in lines:
        command = re.split(r"\s{2,}#|\s{4,}", line.removeprefix("$ "))[0].rstrip(" \\")
        if command.split(" ")[0] in PROGRAMS:
            yield command


def has_a_reason(command: str) -> bool:
    """Whether a command need not be run."""
    return any(fnmatch.fnmatchcase(command, pattern) for pattern in NOT_RUN)


def every_command() -> list[tuple[str, str]]:
    """Each command with the path of its page."""
    found = [(path, command) for path in (*PAGES, *EXAMPLES) for command in commands_of(path)]
    return sorted({(path.relative_to(ROOT).as_posix(), command) for path, command in found})


COMMANDS = every_command()
# Not those with a placeholder for several words.
OURS = sorted(
    {command for _, command in COMMANDS if command.startswith("llem ") and not re.search(r"COMMAND|\[", command)}
)


def test_there_are_commands():
    assert len(COMMANDS) > 50
    assert len(OURS) > 15


@pytest.mark.parametrize("command", OURS)
def test_a_command_is_understood(command):
    name, *words = shlex.split(re.split(r" [|>] ", command)[0])[1:]
    group = typer.main.get_command(app)
    if name.startswith("-"):
        assert name in {option for parameter in group.params for option in parameter.opts}
    elif words:  # without arguments it is a name in a sentence
        group.commands[name].make_context(name, words)
    else:
        assert name in group.commands


@pytest.mark.parametrize("command", sorted({command for _, command in COMMANDS if command.startswith("pytest ")}))
def test_the_options_of_a_test_run_exist(command, pytestconfig):
    known = {name for option in pytestconfig._parser._anonymous.options for name in option.names()}
    known |= {name for group in pytestconfig._parser._groups for option in group.options for name in option.names()}
    options = {word.split("=")[0] for word in shlex.split(command)[1:] if word.startswith("--")}
    assert options <= known


def test_every_command_is_run_or_has_a_reason():
    run = {command for page, command in COMMANDS if page in RUN_BY}
    left = [
        (page, command)
        for page, command in COMMANDS
        if command not in run and page != PLUGIN and not has_a_reason(command)
    ]
    assert left == []


def test_no_reason_is_left_over():
    assert [pattern for pattern in NOT_RUN if not fnmatch.filter((command for _, command in COMMANDS), pattern)] == []


@pytest.mark.parametrize("test", sorted(set(RUN_BY.values())))
def test_the_tests_that_run_them_exist(test):
    assert (ROOT / test).is_file()


def test_the_modules_and_scripts_of_commands_exist():
    for _, command in COMMANDS:
        for module in re.findall(r"^python -m ([\w.]+)", command):
            assert find_spec(module) is not None, command
        for script in re.findall(r"^python ([\w/]+\.py)", command):
            assert (ROOT / script).is_file(), command


def test_the_targets_of_make_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for _, command in COMMANDS:
        for target in re.findall(r"^make ([\w-]+)", command):
            assert f"\n{target}:" in makefile, command
