"""Finding or starting a server, and describing it."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack

import pytest

from canned_server import canned_server
from fake_proc import add_process, fake_proc
from llenergymeasure import ExperimentConfig
from llenergymeasure.core.backends.server.loading import ServerLoader, with_version
from llenergymeasure.core.backends.server.processes.launched import LaunchedServer
from llenergymeasure.core.backends.server.tokens.whole_texts import WholeTexts
from llenergymeasure.core.machine.clock import SystemClock
from llenergymeasure.exceptions import BackendError
from llenergymeasure.progress import Silent
from llenergymeasure.testing import FakeClock
from waiting import until

VLLM = {
    "/v1/models": (200, {"data": [{"id": "builtin/tiny-llama", "owned_by": "vllm", "max_model_len": 512}]}),
    "/health": (200, b""),
    "/version": (200, {"version": "0.32.0"}),
}


def served(model="builtin/tiny-llama", **section):
    return ExperimentConfig(model=model, backend="server", server=section)


def load(config, environ=None, **options):
    return ServerLoader(FakeClock(), environ or {}, **options).load(config)


def test_a_running_server_is_described():
    with canned_server(VLLM) as running:
        engine = load(served(url=running.url))
        server = engine.server
        engine.release()
    assert (server.engine, server.version, server.served_model) == ("vllm", "0.32.0", "builtin/tiny-llama")
    assert server.version_reason is None
    assert (server.was_launched, server.start_seconds, server.info.max_positions) == (False, None, 512)
    assert server.tokenizer.counts
    assert server.info.n_matmul_parameters is not None


def test_its_processes_and_their_gpus_are_found():
    with canned_server(VLLM) as running:
        on_gpu = load(served(url=running.url), gpu_processes=lambda: {"GPU-a": (os.getpid(),), "GPU-b": None})
        on_cpu = load(served(url=running.url), gpu_processes=lambda: {"GPU-a": (1,)})
        not_known = load(served(url=running.url), gpu_processes=lambda: {"GPU-a": (1,), "GPU-b": None})
    assert [one.info.device for one in (on_gpu, on_cpu, not_known)] == ["cuda", "cpu", "unknown"]
    assert os.getpid() in on_gpu.server.processes.pids()


def test_a_server_elsewhere_has_no_processes_here():
    with canned_server(VLLM) as running:
        engine = load(served(url=running.url, energy="none"))
    assert (engine.server.processes, engine.info.device) == (None, "unknown")
    assert engine.server.processes_reason == "server.energy is none: the server is on another machine"


def test_the_key_is_sent_and_not_shown():
    with canned_server(VLLM) as running:
        engine = load(served(url=running.url, api_key_env="MY_SERVER"), {"MY_SERVER": "abc-123"})
    assert {headers["Authorization"] for _, _, headers, _ in running.asked} == {"Bearer abc-123"}
    assert "abc-123" not in repr(engine.server)


def test_a_key_that_is_not_set_is_an_error():
    with pytest.raises(BackendError, match=r"MY_SERVER, which server\.api_key_env names, is not set"):
        load(served(url="http://127.0.0.1:9/v1", api_key_env="MY_SERVER"))


def test_without_a_tokenizer_texts_are_sent_whole():
    answers = {**VLLM, "/v1/models": (200, {"data": [{"id": "other"}]})}
    with canned_server(answers) as running:
        engine = load(served("org/unknown", url=running.url))
    assert isinstance(engine.tokenizer, WholeTexts)
    assert (engine.server.engine, engine.server.served_model) == ("unknown", "other")


def test_a_limit_of_the_prompts_has_no_effect_without_a_tokenizer():
    asked_for = {"max_input_tokens": 100}
    with canned_server({**VLLM, "/v1/models": (200, {"data": [{"id": "other"}]})}) as running:
        whole = load(served("org/unknown", url=running.url))
        asked = load(served("org/unknown", url=running.url).model_copy(update=asked_for))
        cut = load(served(url=running.url).model_copy(update=asked_for))
    reported = [one.info.effective_settings for one in (whole, asked, cut)]
    assert ["max_input_tokens" in settings for settings in reported] == [False, True, False]


def test_a_named_tokenizer_that_is_not_here_is_an_error():
    with canned_server(VLLM) as running, pytest.raises(BackendError, match=r"hf download org/unknown tokenizer\.json"):
        load(served(url=running.url, tokenizer="org/unknown"))


def test_a_server_that_does_not_run_is_an_error_with_its_address_in_time():
    with pytest.raises(
        BackendError,
        match=r"http://127.0.0.1:9/v1: no answer \(Connection refused\) after 5 s; start it, wait until its model is loaded",
    ):
        load(served(url="http://127.0.0.1:9/v1"))


class Started:
    """A server that was started, and that answers at a port of its own."""

    def __init__(self, command, environ, secrets):
        self.command, self.environ, self.secrets, self.ended = tuple(command), environ, secrets, 0
        self.pid = 1

    def why_ended(self):
        return "the server ended with exit code 3"

    def written(self):
        return "it wrote nothing"

    def end(self):
        self.ended += 1


def test_a_server_that_ends_at_its_start_is_ended_and_named():
    started = []

    def launch(*arguments):
        started.append(Started(*arguments))
        return started[-1]

    arguments, key = {"max-num-seqs": 4}, {"MY_SERVER": "correcthorse"}
    config = served(launch=["serve", "{model}", "--port", "{port}"], arguments=arguments, api_key_env="MY_SERVER")
    with pytest.raises(BackendError, match="the server ended with exit code 3"):
        ServerLoader(SystemClock(), key, launch=launch).load(config)
    (server,) = started
    assert server.ended == 1
    assert server.environ == key
    assert "correcthorse" in server.secrets
    assert server.command[0] == "serve"
    assert server.command[1].endswith("tiny_llama")
    assert server.command[4:] == ("--max-num-seqs", "4")


@pytest.fixture
def load_started(tmp_path):
    """Loads a started server whose guard has a program as its child, which listens on its port if this is wanted."""
    with ExitStack() as servers:
        fake_proc(tmp_path)

        def load_as(program, listens=False, gpu_processes=dict, environ=None, **section):
            def launch(command, environ, secrets):
                servers.enter_context(canned_server(VLLM, port=int(command[-1])))
                add_process(tmp_path, 7, program, int(command[-1]) if listens else None)
                add_process(tmp_path, 1, "python", children=[7])
                return Running(command, environ, secrets)

            config = served(launch=["serve", "{port}"], **section)
            return load(config, environ, launch=launch, proc=tmp_path, gpu_processes=gpu_processes).server

        yield load_as


class Running(Started):
    """A started server that runs."""

    def why_ended(self):
        return None


def test_the_processes_of_a_started_server_are_those_of_its_command(load_started):
    server = load_started("vllm", listens=True)
    assert server.processes.pids() == (7,)
    assert (server.processes_reason, server.info.device) == (None, "cpu")


@pytest.mark.parametrize("program", ["docker", "podman", "srun"])
def test_the_client_that_starts_a_server_elsewhere_is_not_the_server(load_started, program):
    server = load_started(program, gpu_processes=lambda: {"GPU-a": ()})
    assert (server.processes, server.info.device) == (None, "unknown")
    assert server.processes_reason == f"{program} has started the server, whose processes are not seen from here"


@pytest.mark.parametrize(("environ", "device"), [({}, "cpu"), ({"CUDA_VISIBLE_DEVICES": ""}, "unknown")])
def test_without_a_gpu_a_server_whose_processes_are_not_seen_is_on_the_cpu(load_started, environ, device):
    """Hidden GPUs are not listed; what is in a container may use them."""
    assert load_started("docker", environ=environ).info.device == device


def test_the_processes_of_a_container_of_podman_are_children_of_the_guard(tmp_path):
    """podman starts conmon, which leaves it and starts the server; then the guard is the parent of conmon."""
    fake_proc(tmp_path)
    add_process(tmp_path, 1, "python", children=[7, 8])
    add_process(tmp_path, 7, "podman")
    add_process(tmp_path, 8, "conmon", children=[9])
    add_process(tmp_path, 9, "vllm")
    with ExitStack() as servers:

        def launch(command, environ, secrets):
            servers.enter_context(canned_server(VLLM, port=int(command[-1])))
            return Running(command, environ, secrets)

        config = served(launch=["podman", "run", "{port}"])
        server = load(config, launch=launch, proc=tmp_path, gpu_processes=lambda: {"GPU-a": (9,)}).server
    assert server.processes.pids() == (7, 8, 9)
    assert (server.processes_reason, server.info.device) == (None, "cuda")


def test_a_started_server_behind_a_tunnel_is_an_error_if_its_gpus_are_not_named(load_started):
    with pytest.raises(
        BackendError, match=r"server\.launch has started ssh, which forwards the port .*server\.energy: none"
    ):
        load_started("ssh", listens=True)


def test_gpus_that_are_named_are_those_of_a_started_server_behind_a_tunnel(load_started):
    assert load_started("ssh", listens=True, gpus=[0]).processes is None


# A server that listens on a port that the system has chosen, as the helpers of vLLM, and on ports of its own.
LISTENS = """
import socket, time
helper = socket.create_server(("127.0.0.1", 0))
def listening():
    for port in range({first}, {first} + {count}):
        try:
            yield socket.create_server(("127.0.0.1", port)), port
            return
        except OSError:
            pass
kept = list(listening())
print("ready", *(port for _, port in kept), flush=True)
time.sleep(60)
"""


class Steps(Silent):
    """The steps of a run."""

    def __init__(self):
        self.texts = []

    def step(self, text, seconds=None):
        self.texts.append(text)


def listens_elsewhere(said, count):
    """Launches a server that listens on one of its own ports, if `count` is not 0; it adds what it said."""

    def launch(command, environ, secrets):
        code = LISTENS.format(first=20000 + os.getpid() % 5000, count=count)
        server = LaunchedServer([sys.executable, "-I", "-S", "-c", code], environ, secrets)
        assert until(lambda: bool(server.last_lines()))
        said.extend(server.last_lines())
        return server

    return launch


def test_a_started_server_that_listens_on_another_port_is_named_while_it_is_waited_for_and_in_the_error():
    said, steps = [], Steps()
    launch = listens_elsewhere(said, count=200)
    loader = ServerLoader(FakeClock(), dict(os.environ), launch=launch, progress=steps)
    with pytest.raises(
        BackendError, match=r"no answer \(Connection refused\) after 20 s; it listens on port "
    ) as caught:
        loader.load(served(launch=["serve", "--port", "{port}"], start_timeout_seconds=20))
    port = said[0].split()[1]
    assert f"it listens on port {port}, but not on " in str(caught.value)
    (step,) = steps.texts
    assert step.startswith(f"waiting for the server: it listens on port {port}, but not on ")


def test_ports_between_the_processes_of_a_server_that_starts_are_not_named():
    steps = Steps()
    loader = ServerLoader(FakeClock(), dict(os.environ), launch=listens_elsewhere([], count=0), progress=steps)
    with pytest.raises(BackendError) as caught:
        loader.load(served(launch=["serve", "--port", "{port}"], start_timeout_seconds=20))
    assert "it listens on" not in str(caught.value)
    assert steps.texts == []


@pytest.mark.parametrize("url", ["http://h:1", "http://h:1/v1"])
def test_the_version_of_the_interface_may_be_left_out(url):
    assert with_version(url) == "http://h:1/v1"
