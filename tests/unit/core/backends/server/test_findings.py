"""What would make a server fail at its start is found before the run."""

from __future__ import annotations

from pathlib import Path

import pytest

from fake_proc import add_process, fake_proc
from llenergymeasure import ExperimentConfig
from llenergymeasure.core.backends.server.findings import MOST_PORTS, most_connections, setting_findings
from llenergymeasure.core.machine.process_tree import PROC

HERE, THERE = "http://127.0.0.1:8000/v1", "http://192.0.2.1:8000/v1"


def findings(environ=None, model="m", meter="auto", proc=PROC, **section):
    config = ExperimentConfig(model=model, backend="server", server=section, energy={"backend": meter})
    environ = {"PATH": "/usr/bin:/bin", **(environ or {})}
    return list(setting_findings(config, {}, bool, lambda: None, environ, proc))


def problems(environ=None, **options):
    return [each.problem for each in findings(environ, **options)]


@pytest.mark.parametrize(
    "section",
    [
        {"url": HERE},
        {"url": THERE, "energy": "none"},
        {"launch": ["sh", "serve", "{port}"]},
        {"launch": ["/bin/sh", "serve", "{port}"]},
    ],
)
def test_nothing_is_found_where_nothing_is_wrong(section):
    assert problems(**section) == []


@pytest.mark.parametrize(
    ("concurrency", "fix"),
    [
        (2000, "lower traffic.concurrency, or raise the limit (ulimit -n 2256)"),
        (10**9, "lower traffic.concurrency"),
    ],
)
def test_more_requests_in_flight_than_connections_are_found(concurrency, fix):
    config = ExperimentConfig(model="m", backend="server", server={"url": HERE}, traffic={"concurrency": concurrency})
    (found,) = setting_findings(config, {}, bool, lambda: None, {}, connections=lambda: 1024)
    assert found.problem == (
        f"traffic.concurrency is {concurrency}, but this program may open only 1024 connections to a server"
    )
    assert found.fix == fix
    assert list(setting_findings(config, {}, bool, lambda: None, {}, connections=lambda: concurrency)) == []


def test_this_program_may_open_connections():
    assert 0 < most_connections() <= MOST_PORTS


def test_a_program_that_is_not_installed_is_named():
    assert problems(launch=["no-such-server", "{port}"]) == [
        "server.launch: the program no-such-server is not found on this machine"
    ]


def test_a_file_that_is_not_executable_is_not_reported_as_missing(tmp_path):
    script = tmp_path / "serve.py"
    script.touch(mode=0o644)
    (found,) = findings(launch=[str(script), "{port}"])
    assert found.problem == f"server.launch: {script} is not executable"
    assert found.fix.startswith(
        f"chmod +x {script}; or name the program that runs it first, such as [python, {script}, ...]"
    )


@pytest.fixture
def installed(tmp_path):
    """A folder with programs that start a server elsewhere."""
    for program in ("ssh", "srun", "kubectl", "docker", "env"):
        (tmp_path / program).touch(mode=0o755)
    return {"PATH": str(tmp_path)}


@pytest.mark.parametrize("launch", [["ssh", "host"], ["srun"], ["kubectl", "run"], ["env", "-u", "A", "srun"]])
def test_the_energy_of_a_server_that_is_started_on_another_machine_cannot_be_measured(installed, launch):
    program = next(part for part in launch if part not in ("env", "-u", "A"))
    (found,) = findings(installed, launch=[*launch, "serve", "{port}"])
    assert found.problem == (
        f"server.launch starts the server with {program}, probably on another machine, whose energy cannot be measured here"
    )
    assert f"run this on that machine, without {program} in server.launch" in found.fix
    assert problems(installed, launch=[*launch, "serve", "{port}"], gpus=[0]) == []


def test_a_container_runs_on_this_machine(installed):
    assert problems(installed, launch=["docker", "run", "-p", "{port}:8000", "image"]) == []


@pytest.mark.parametrize("script", ["./nothere.py", "scripts/nothere.sh"])
def test_a_script_that_does_not_exist_is_named(script):
    assert problems(launch=["sh", script, "--port", "{port}"]) == [
        f"server.launch: the script {script} is not found from {Path.cwd()}, nor beside the configuration"
    ]


@pytest.mark.parametrize(
    "launch",
    [
        ["sh", "nothere.py"],
        ["sh", "./{model}.py"],
        ["sh", "-c", "cd x && ./nothere.sh"],
        ["sh", "--config=./nothere.sh"],
        ["sh", "/app/nothere.sh"],
    ],
)
def test_what_need_not_be_a_script_of_this_folder_is_not_looked_for(launch):
    assert problems(launch=[*launch, "{port}"]) == []


def test_a_script_in_a_container_is_not_looked_for(tmp_path):
    for program in ("docker", "env"):
        (tmp_path / program).touch(mode=0o755)
    launch = ["docker", "run", "image", "./nothere.py", "{port}"]
    assert problems({"PATH": str(tmp_path)}, launch=launch) == []
    assert problems({"PATH": str(tmp_path)}, launch=["env", "-u", "HTTP_PROXY", *launch]) == []


def test_a_key_that_is_not_set_is_named():
    expected = "the environment variable MY_SERVER, which server.api_key_env names, is not set"
    assert problems(url=HERE, api_key_env="MY_SERVER") == [expected]
    assert problems({"MY_SERVER": " "}, url=HERE, api_key_env="MY_SERVER") == [expected]
    assert problems({"MY_SERVER": "x"}, url=HERE, api_key_env="MY_SERVER") == []


@pytest.mark.parametrize("key", ["first\nsecond", "tab\there", "\u6f22"])
def test_a_key_that_cannot_be_sent_is_found_and_not_shown(key):
    (found,) = findings({"MY_SERVER": key}, url=HERE, api_key_env="MY_SERVER")
    assert found.problem == (
        "the environment variable MY_SERVER, which server.api_key_env names, has a line break or another character that HTTP does "
        "not allow"
    )
    assert found.fix == "set MY_SERVER to the key alone, on one line"
    assert key not in f"{found}"


def test_a_built_in_model_that_does_not_exist_is_named():
    (problem,) = problems(model="builtin/other", launch=["sh", "{port}"])
    assert "there is no built-in model 'builtin/other'" in problem


def test_the_energy_of_another_machine_cannot_be_measured():
    (problem,) = problems(url=THERE)
    assert problem == "server.url is on another machine, 192.0.2.1, whose energy cannot be measured here"


def test_a_name_that_is_not_known_is_not_another_machine():
    assert problems(url="http://no.invalid:8000/v1") == []


@pytest.fixture
def proc(tmp_path):
    """ssh listens on port 9001, and docker-proxy on port 9002."""
    fake_proc(tmp_path)
    add_process(tmp_path, 7, "ssh", 9001)
    add_process(tmp_path, 8, "docker-proxy", 9002)
    return tmp_path


def test_the_energy_behind_a_tunnel_cannot_be_measured(proc):
    (found,) = findings(proc=proc, url="http://127.0.0.1:9001/v1")
    assert found.problem == (
        "server.url is a port that ssh forwards, probably to another machine, whose energy cannot be measured here"
    )
    assert found.fix.startswith(
        "set server.energy: none; if the server is on this machine, set server.url to its own port"
    )


def test_a_tunnel_is_used_without_the_energy_or_with_gpus_that_are_named(proc):
    assert problems(proc=proc, url="http://127.0.0.1:9001/v1", energy="none") == []
    assert problems(proc=proc, url="http://127.0.0.1:9001/v1", gpus=[0]) == []


def test_a_port_of_a_container_on_this_machine_is_no_tunnel(proc):
    assert problems(proc=proc, url="http://127.0.0.1:9002/v1") == []


def test_a_meter_of_this_machine_is_not_that_of_another():
    (problem,) = problems(url=THERE, energy="none", meter="rapl")
    assert problem == "energy.backend is rapl, but server.energy is none: the server is on another machine"


def test_a_tokenizer_is_looked_for_on_this_machine_before_the_run(tmp_path):
    assert problems(url=HERE, tokenizer=str(tmp_path)) == [
        f"server.tokenizer: {tmp_path} is not a directory with tokenizer.json, and not in the hub's cache"
    ]
    (tmp_path / "tokenizer.json").write_text("{}")
    assert problems(url=HERE, tokenizer=str(tmp_path)) == []
    assert problems(url=HERE, tokenizer="builtin/tiny-llama") == []


def test_a_tokenizer_needs_its_library():
    config = ExperimentConfig(model="m", backend="server", server={"url": HERE, "tokenizer": "builtin/tiny-llama"})
    (finding,) = setting_findings(config, {}, lambda module: module != "tokenizers", lambda: None, {})
    assert (finding.problem, finding.fix) == (
        "server.tokenizer needs tokenizers (not installed)",
        "pip install tokenizers",
    )
