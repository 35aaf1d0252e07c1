"""Bad input: one clear message, the right exit code, and nothing written."""

from __future__ import annotations

import json
import struct

import pytest
from typer.testing import CliRunner

from llenergymeasure.cli.app import app

MODEL = "model: builtin/tiny-llama\nenergy: {backend: null}\n"
SERVED = "model: x\nbackend: server\n"
URL = SERVED + "server: {url: 'http://127.0.0.1:9/v1'}\n"
ALIAS_BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{b}: &{b} [{','.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcde", "bcdef")
)


@pytest.fixture
def llem(tmp_path, monkeypatch):
    """`llem` in an empty directory with an empty HOME."""
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    monkeypatch.chdir(work)

    def run(*arguments, files=()):
        for name, text in dict(files).items():
            (work / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        before = sorted(work.rglob("*"))
        result = CliRunner().invoke(app, ["run", *arguments])
        assert sorted(work.rglob("*")) == before, "something was written"
        assert list(home.rglob("*")) == []
        return result

    return run


YAML_CASES = {
    "broken YAML": ("model: x\nfoo: [1,\n", "x.yaml, line 3"),
    "duplicate key": ("model: x\nn: 1\nn: 2\n", "line 3, column 1: 'n' is given twice"),
    "python object": ("model: !!python/object:os.system x\n", "line 1"),
    "too large": ("a: " + "x" * 2 * 2**20, "larger than 1 MiB"),
    "alias bomb": (ALIAS_BOMB, "aliases expand to more than"),
    "nested too deeply": ("a: " + "[" * 3000, "nested too deeply"),
    "empty": ("", "is empty"),
    "a list": ("- a\n", "a mapping"),
    "unknown key": (
        "model: x\nprecison: bf16\n",
        "line 2: precison: there is no such field; did you mean 'precision'?",
    ),
    "key of a section": ("model: x\nbatch_size: 4\n", "did you mean 'pytorch.batch_size'?"),
    "old name": ("model_name: x\n", "'model_name' is now called 'model'"),
    "precision of another backend": ("model: x\nprecision: int8\n", "valid: fp32, fp16, bf16"),
    "section of another backend": ("model: x\nvllm: {max_num_seqs: 4}\n", "section 'vllm' belongs to another backend"),
    "a credential": ("model: x\npassthrough_kwargs: {hf_token: hf_abcdEFGH1234}\n", "HF_TOKEN"),
    "a nested credential": ("model: x\npassthrough_kwargs: {a: {b: hf_abcdEFGH1234}}\n", "HF_TOKEN"),
    "wrong type": ("model: x\nn: yes\n", "line 2: n: yes"),
    "out of bounds": ("model: x\nn: 0\n", "greater than or equal to 1"),
    "a short thermal floor": ("model: x\nwarmup: {thermal_floor_seconds: 10}\n", "10 s is too short"),
    "a typo in an axis": (
        "model: x\nsweep:\n  precison: [bf16]\n",
        "line 3, column 3: precison: there is no such field; did you mean 'precision'?",
    ),
    "a wrong value of an axis": ("model: x\nsweep: {n: [1, 0]}\n", "line 2, column 16: n: 0: must be greater than or"),
    "an axis without values": ("model: x\nsweep: {n: []}\n", "n has no values; list at least one, or remove the axis"),
    "an unknown backend in a sweep": ("model: x\nsweep: {backend: [pytorch, vlm]}\n", "did you mean 'vllm'?"),
    "a sweep of too many cells": (
        f"model: x\nsweep: {{n: {list(range(1, 401))}, random_seed: {list(range(250))}}}\n",
        "the sweep has 100,000 cells, more than 20,000; list fewer values",
    ),
    "a sweep of which no cell can run": ("model: x\nsweep: {precision: [int8, int4]}\n", "none of the 2 cells"),
    "a misspelt key of a study": (
        "model: x\nexperimets: []\n",
        "line 2: experimets: there is no such field; did you mean 'exp",
    ),
    "an axis that is a key of a study": (
        "model: x\nsweep: {name: [a, b]}\n",
        "name: there is no such field; 'name:' is a key",
    ),
    "a comma without a name": ("model: x\nsweep: {'n,': [[1, 2]]}\n", '"n," lacks a name; write the name of a field'),
    "a reference as text": (
        "model: x\nsweep: {n: [1, 2]}\nreference: {n: '1'}\n",
        "no cell has n \"1\"; did you mean '1'? levels: 1, 2",
    ),
    "an axis that is no list": ("model: x\nsweep:\n  n: 4\n", "line 3, column 3: n is 4, not a list of values"),
    "a server without an address": (
        SERVED,
        "backend 'server' needs a server; set server.url to its address, or server.launch",
    ),
    "an address and a command": (
        f"{SERVED}server:\n  url: http://h/v1\n  launch: [s, '{{port}}']\n",
        "line 4: server: url and launch exclude each other; keep one",
    ),
    "an address without http": (
        f"{SERVED}server: {{url: 'localhost:8000'}}\n",
        "line 3: server.url: 'localhost:8000' is not the http or https address of a server; for example http://",
    ),
    "an address with a credential": (
        f"{SERVED}server: {{url: 'http://me:hf_abcdEFGH1234@h/v1'}}\n",
        "line 3: server.url: the address may hold no user, password or query",
    ),
    "a key in the place of its variable": (
        f"{SERVED}server: {{url: 'http://h/v1', api_key_env: hf_abcdEFGH1234}}\n",
        "server.api_key_env: this is not the name of an environment variable",
    ),
    "a command without the port": (
        f"{SERVED}server: {{launch: [vllm, serve, '{{model}}']}}\n",
        "line 3: server: {port} is missing in launch; pass the port to the server",
    ),
    "a command with a credential": (
        f"{SERVED}server: {{launch: [s, '{{port}}', --api-key, hf_abcdEFGH1234]}}\n",
        "launch may not hold 'api-key': it looks like a credential",
    ),
    "a command as text": (f"{SERVED}server: {{launch: s --port 1}}\n", 'server.launch: "s --port 1": a list is needed'),
    "a switch in a command": (
        f"{SERVED}server: {{launch: [s, '{{port}}', yes]}}\n",
        "server.launch.2: yes: text or a whole number or a number is needed; quote it",
    ),
    "an unknown placeholder": (
        f"{SERVED}server: {{launch: [s, '{{port}}', '{{name}}']}}\n",
        "{name} in launch is no placeholder; valid: {model}, {port}, {seed}",
    ),
    "a list as an argument": (
        f"{SERVED}server: {{launch: [s, '{{port}}'], arguments: {{a: [1]}}}}\n",
        "server.arguments.a: [1]: ",
    ),
    "an argument with dashes": (
        f"{SERVED}server: {{launch: [s, '{{port}}'], arguments: {{--a: 1}}}}\n",
        "server.arguments",
    ),
    "traffic for another backend": (
        "model: x\ntraffic: {concurrency: 4}\n",
        "line 2: section 'traffic' belongs to another backend: backend is 'pytorch'; remove the section or set backend: server",
    ),
    "a rate without its mode": (
        f"{URL}traffic: {{rate: 4}}\n",
        "line 4: traffic: rate 4 has no effect with mode concurrency",
    ),
    "a mode without its rate": (
        f"{URL}traffic: {{mode: poisson}}\n",
        "traffic: mode poisson needs a rate; set traffic.rate",
    ),
    "limits of latency without one": (f"{URL}slo: {{}}\n", "slo: slo has no limit; set at least one of ttft_p99_ms"),
    "a typo in traffic": (f"{URL}traffic: {{concurency: 4}}\n", "did you mean 'traffic.concurrency'?"),
    "an experiment of a list": ("experiments:\n - model: x\n - model: y\n   n: -1\n", "line 4: experiments.1.n: -1"),
}


@pytest.mark.parametrize("case", YAML_CASES)
def test_a_broken_file_is_a_usage_error_that_names_place_and_fix(llem, case):
    text, words = YAML_CASES[case]
    result = llem("x.yaml", files={"x.yaml": text})
    assert result.exit_code == 2
    assert words in result.stderr
    assert "hf_abcdEFGH1234" not in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere.yaml"], "nowhere.yaml does not exist"),
        (["."], "is a directory"),
        ([], "no config file and no --model"),
        (["--model", "builtin/tiny-llama", "--set", "n"], "is not KEY=VALUE"),
        (["--model", "builtin/tiny-llama", "--set", "model.x=1"], "not a section"),
        (["--model", "x", "-n", "0"], "greater than or equal to 1"),
        (["--model", "x", "-n", "010"], "'010' is not a whole number in decimal digits"),
        (["--model", "x", "--batch-size", "1_0"], "'1_0' is not a whole number in decimal digits"),
        (["--model", "x", "--set", "n=010"], "010 is not a plain decimal number"),
        (["--model", "x", "--set", "pytorch.revision=680841e1"], "pytorch.revision: 680841e1: text is needed"),
        (["--nonsense"], "No such option"),
        (["--resume"], "--resume needs the file or the folder of the study; llem run --resume FOLDER"),
        (["--model", "x", "-o", ""], "'' is not a directory; write . for the working directory"),
        (["--model", "x", "--dry-run", "--resume"], "--resume continues one; remove one of them"),
        (["--model", "x", "--dry-run", "--allow-other-environment"], "add --resume, or remove it"),
        (["absent.yaml", "folder", "--dry-run"], "'folder' is a second argument"),
        (["--model", "x", "--allow-other-environment"], "add --resume, or remove it"),
        (
            ["--model", "x", "--detach", "--json"],
            "--detach returns before there is a result, and --json prints a result",
        ),
        (
            ["--model", "x", "--detach", "--report"],
            "--detach returns before there is a result, and --report writes a report",
        ),
        (["--model", "x", "--emit", "sbatch", "--report"], "--emit prints the script of a new study, and --report"),
        pytest.param(
            ["--model", "builtin/tiny-llama", "--cycles", "2", "--executor", "local", "--emit", "x", "--dry-run"],
            "--emit x is not possible with --executor local",
            marks=pytest.mark.torch,
        ),
        (
            ["absent.yaml", "--from-result", "a"],
            "--from-result repeats one result, and 'absent.yaml' names something else",
        ),
        (["--resume", "--from-result", "a"], "--from-result repeats one result, and --resume names something else"),
        (["--from-result", "nowhere"], "nowhere"),
        (["--model", "x", "--sweep", "n=1", "--sweep", "n=2"], "n: it is given twice; write all of its values in one"),
        (["--model", "x", "--set", "sweep=1"], "'sweep:' is a key of a study: write it at the top of its file"),
    ],
)
def test_a_wrong_command_line_is_a_usage_error(llem, arguments, words):
    result = llem(*arguments)
    assert result.exit_code == 2
    assert words in result.stderr


RESULT = '{"schema_version": "2.0", "measurement_config_hash": "ab", "started_at": "2026-01-02T03:04:05"}'


def test_a_result_is_no_configuration_and_the_command_that_repeats_it_is_given(llem):
    result = llem("result.json", files={"result.json": RESULT})
    assert result.exit_code == 2
    assert result.stderr == (
        "error: result.json is a stored result, measured 2026-01-02T03:04:05, and no configuration; repeat it with: "
        "llem run --from-result result.json\n"
    )


def test_a_folder_with_a_result_is_no_configuration_either(llem, tmp_path):
    (tmp_path / "work" / "my run").mkdir()
    (tmp_path / "work" / "my run" / "result.json").write_text(RESULT)
    result = llem("my run")
    assert result.exit_code == 2
    assert result.stderr.endswith("with a stored result; repeat its result with: llem run --from-result 'my run'\n")


def test_a_study_is_no_configuration_and_the_command_that_continues_it_is_given(llem):
    result = llem("study.json", files={"study.json": '{"schema_version": "2.0", "study_id": "s"}'})
    assert result.exit_code == 2
    assert "is a stored study, and no configuration; continue it with: llem run --resume ." in result.stderr


def corrupted_model() -> dict[str, bytes]:
    header = json.dumps({"w": {"dtype": "F32", "shape": [10], "data_offsets": [0, 40]}}).encode()
    return {
        "config.json": b'{"model_type": "llama"}',
        "model.safetensors": struct.pack("<Q", len(header)) + header + b"\0" * 12,
    }


PREFLIGHT_CASES = {
    "n above the dataset": (["--model", "builtin/tiny-llama", "-n", "1001"], {}, "has 1000 prompts, but n is 1001"),
    "a JSONL line without a prompt": (
        ["--model", "builtin/tiny-llama", "-n", "2", "-d", "p.jsonl"],
        {"p.jsonl": '{"prompt": "a"}\n{"titel": "b"}\n'},
        "line 2",
    ),
    "an unknown dataset": (
        ["--model", "builtin/tiny-llama", "-d", "aienergyscor"],
        {},
        "did you mean 'aienergyscore'?",
    ),
    "a model path that does not exist": (["--model", "./nowhere"], {}, "nowhere"),
    "an unknown built-in model": (["--model", "builtin/huge"], {}, "builtin/tiny-llama"),
    "weights of a built-in model": (
        ["--model", "builtin/tiny-llama", "--set", "pytorch.load_format=auto"],
        {},
        "comes without weights",
    ),
    "corrupted weights": (["--model", "."], corrupted_model(), "model.safetensors"),
    "a later backend": (
        ["--model", "x", "--backend", "tensorrt", "-p", "fp16"],
        {},
        "this release cannot measure backend 'tensorrt'",
    ),
    "TensorRT-LLM has another way": (
        ["--model", "x", "--backend", "tensorrt", "-p", "fp16"],
        {},
        'fix: TensorRT-LLM is measured through its server: set backend: server, and server.launch: [trtllm-serve, "{model}"',
    ),
    "a server that does not run": (
        ["s.yaml"],
        {"s.yaml": URL},
        "the server at http://127.0.0.1:9/v1 does not answer: ",
    ),
    "a server whose program is missing": (
        ["s.yaml"],
        {"s.yaml": f"{SERVED}server: {{launch: [no-such-server, '{{port}}']}}\n"},
        "server.launch: the program no-such-server is not found on this machine",
    ),
    "a server on another machine": (
        ["s.yaml", "--dry-run"],
        {"s.yaml": f"{SERVED}server: {{url: 'http://192.0.2.1/v1'}}\n"},
        "server.url is on another machine, 192.0.2.1, whose energy cannot be measured here",
    ),
    "a key that is not in the environment": (
        ["s.yaml", "--dry-run"],
        {"s.yaml": f"{SERVED}server: {{url: 'http://127.0.0.1:9/v1', api_key_env: LLEM_TEST_NO_KEY}}\n"},
        "the environment variable LLEM_TEST_NO_KEY, which server.api_key_env names, is not set",
    ),
    "more requests than prompts for a server": (
        ["s.yaml", "--set", "n=1001", "--dry-run"],
        {"s.yaml": URL},
        "has 1000 prompts, but n is 1001",
    ),
    "a meter that is not there": (
        ["--model", "builtin/tiny-llama", "--set", "energy.backend=nvml"],
        {},
        "'nvml' is not available",
    ),
    "an output that is a file": (["--model", "builtin/tiny-llama", "-o", "file"], {"file": ""}, "is not a directory"),
    "more processes than prompts": (
        ["--model", "builtin/tiny-llama", "-n", "2", "--set", "pytorch.num_processes=3"],
        {},
        "2 prompts are fewer than 3 processes",
    ),
}


@pytest.mark.torch
@pytest.mark.parametrize("case", PREFLIGHT_CASES)
def test_what_cannot_run_here_is_found_before_the_run(llem, case):
    arguments, files, words = PREFLIGHT_CASES[case]
    result = llem(*arguments, files=files)
    assert result.exit_code == 1
    assert words in result.stderr
    assert "fix:" in result.stderr
    assert result.stdout == ""


LIST = """
experiments:
  - {model: builtin/tiny-llama, n: 1}
  - {model: builtin/tiny-llama, n: 2, dataset: nowhere.jsonl}
  - {model: builtin/tiny-llama, n: 3, dataset: nowhere.jsonl, pytorch: {num_processes: 5}}
"""


@pytest.mark.torch
@pytest.mark.parametrize("how", [(), ("--dry-run",)], ids=["run", "dry run"])
def test_a_list_whose_last_experiments_cannot_run_is_refused_whole_before_the_first(llem, how):
    result = llem("list.yaml", *how, files={"list.yaml": LIST})
    assert (result.exit_code, result.stdout) == (1, "")
    assert "2 problems found before the run; nothing was started" in result.stderr
    assert "1. experiments 2, 3: " in result.stderr
    assert "nowhere.jsonl" in result.stderr
    assert "2. experiment 3: 3 prompts are fewer than 5 processes" in result.stderr


@pytest.mark.torch
def test_several_faults_come_in_one_report(llem):
    result = llem(
        "--model",
        "builtin/huge",
        "-d",
        "nowhere.jsonl",
        "--set",
        "energy.backend=nvml",
        "-o",
        "file",
        files={"file": ""},
    )
    assert result.exit_code == 1
    assert "4 problems found before the run" in result.stderr
    for words in ("builtin/huge", "nowhere.jsonl", "nvml", "is not a directory"):
        assert words in result.stderr


def test_a_dry_run_finds_the_same_without_torch(llem):
    result = llem("--dry-run", "--model", "builtin/tiny-llama", "-n", "1001")
    assert result.exit_code == 1
    assert "has 1000 prompts" in result.stderr


@pytest.mark.torch
def test_a_dry_run_shows_what_would_run(llem):
    result = llem("x.yaml", "--dry-run", "-n", "7", files={"x.yaml": MODEL})
    assert result.exit_code == 0
    assert "n: 7" in result.stdout
    assert "prompts: 7 of 1000" in result.stdout
    assert "nothing was run and nothing was written" in result.stdout
    assert "window:" not in result.stdout


@pytest.mark.torch
def test_a_dry_run_with_json_prints_json_and_nothing_else(llem):
    result = llem("x.yaml", "--dry-run", "--json", "-n", "7", files={"x.yaml": MODEL})
    assert json.loads(result.stdout)["experiments"][0]["config"]["n"] == 7
    assert result.stderr == ""


@pytest.mark.torch
def test_a_dry_run_shows_how_long_the_window_will_last(llem):
    result = llem("x.yaml", "--dry-run", files={"x.yaml": MODEL + "min_duration_seconds: 90\n"})
    assert "window: whole passes over the prompts, for at least 90 s" in result.stdout


def test_a_broken_user_config_is_named_with_its_line(llem, tmp_path):
    place = tmp_path / "home" / ".config" / "llenergymeasure" / "config.yaml"

    def write():
        place.parent.mkdir(parents=True)
        place.write_text("output:\n  results_dirr: x\n")

    write()
    result = CliRunner().invoke(app, ["run", "--dry-run", "--model", "builtin/tiny-llama"])
    assert result.exit_code == 2
    assert "config.yaml, line 2: output.results_dirr" in result.stderr


@pytest.mark.parametrize(
    ("variable", "value"),
    [("LLEM_CARBON_INTENSITY", "much"), ("LLEM_DATACENTER_PUE", "0.5"), ("LLEM_RUNNER_PYTORCH", "singularity:image")],
)
@pytest.mark.torch
def test_an_environment_variable_that_cannot_be_understood_is_never_ignored(llem, monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    result = llem("--model", "builtin/tiny-llama", "-n", "1", "--set", "energy.backend=null")
    assert result.exit_code == 2
    assert variable in result.stderr
    assert value in result.stderr


EVIL = "models/\x1b[31mred\x1b]0;title\x07"


@pytest.mark.torch
@pytest.mark.parametrize(
    "arguments",
    [
        ("--dry-run", "--model", f"./{EVIL}"),
        ("--model", f"./{EVIL}"),
        ("--model", "m", "--precision", EVIL),
        ("--model", "m", "--set", f"{EVIL}=1"),
        (f"{EVIL}.yaml",),
        ("--model", "m", "--num-prompts", EVIL),
        ("one.yaml", "--dry-run"),
        ("one.yaml", "--dry-run", "--json"),
        ("study.yaml", "--dry-run"),
        ("study.yaml", "--dry-run", "--json"),
    ],
)
def test_a_name_with_control_characters_is_shown_escaped(llem, arguments):
    one = {"model": "builtin/tiny-llama", "passthrough_kwargs": {"x": EVIL}}
    study = {"model": "builtin/tiny-llama", "sweep": {"passthrough_kwargs.x": [EVIL, "b"]}}
    result = llem(*arguments, files={"one.yaml": json.dumps(one), "study.yaml": json.dumps(study)})
    shown = result.stdout + result.stderr
    assert "\\u001b[31mred" in shown
    assert "\x1b" not in shown
    assert "\x07" not in shown
