"""A client against a server that misbehaves by a script. Exact times are in tests/integration/test_server_times.py."""

from __future__ import annotations

import asyncio
import gc
import logging
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import pytest

from llenergymeasure.core.backends.server.client.asked import Answer, Asked, AsksServer
from llenergymeasure.core.backends.server.client.client import LONGEST_IDLE_S, Client
from llenergymeasure.core.backends.server.client.exchange import Exchange
from llenergymeasure.core.backends.server.client.target import Target
from scripted_server import (
    HEAD,
    LAST_CHUNK,
    Script,
    ScriptedServer,
    Step,
    answer,
    chunk,
    error,
    event,
    scripted_server,
    text_event,
)

T = TypeVar("T")
KEY = "topsecretkey12345"
LONG_S = 30.0


def with_client(
    target: Target, use: Callable[[Client], Awaitable[T]], now: Callable[[], float] = time.perf_counter
) -> T:
    async def run() -> T:
        client = Client(target, now)
        try:
            return await use(client)
        finally:
            await client.close()

    return asyncio.run(run())


def asked(script: Script, timeout_s: float = LONG_S, number: int = 1, **target: object) -> list[Answer]:
    """The answers to a number of requests, one after the other."""

    async def ask(client: Client) -> list[Answer]:
        return [await client.ask(Asked(index, b'{"prompt":"a"}'), due_s=1.5) for index in range(number)]

    with scripted_server([script]) as server:
        return with_client(Target(server.url, timeout_s=timeout_s, **target), ask)  # type: ignore[arg-type]


def no_time_passes() -> float:
    """A clock by which no connection is idle for long, however busy the machine is."""
    return 0.0


def kind(answers: Sequence[Answer]) -> str | None:
    failure = answers[0].failure
    return None if failure is None else failure.kind


def test_a_client_asks_servers() -> None:
    client: AsksServer = Client(Target("http://127.0.0.1:1/v1"))
    assert callable(client.ask)


def test_an_answer_has_the_servers_counts_and_increasing_times() -> None:
    (result,) = asked(answer(tokens=4))
    assert result.failure is None
    assert (result.input_tokens, result.output_tokens, result.counted_by, result.end) == (4, 4, "server", "length")
    assert result.due_s == 1.5
    assert result.sent_s <= result.event_times_s[0] <= result.event_times_s[-1] <= result.finished_s
    assert list(result.event_times_s) == sorted(result.event_times_s)
    assert result.texts == (" t1", " t2", " t3", " t4")


def test_tokens_are_counted_by_the_server_although_events_hold_several() -> None:
    (result,) = asked(answer(tokens=12, tokens_per_event=3))
    assert result.event_tokens == (3, 6, 9, 12)


def test_counts_of_each_event_are_used() -> None:
    (result,) = asked(answer(tokens=4, tokens_per_event=2, usage_each=True))
    assert result.counts_are_reported
    assert result.event_tokens == (2, 4)


def test_chat_is_understood() -> None:
    (result,) = asked(answer(tokens=2, chat=True), api="chat")
    assert result.failure is None
    assert result.texts == (" t1", " t2")


def test_the_request_arrives_as_it_was_asked() -> None:
    async def ask(client: Client) -> Answer:
        return await client.ask(Asked(0, b'{"prompt":[1,2]}'), 0.0)

    with scripted_server([answer()]) as server:
        with_client(Target(server.url, headers={"Authorization": f"Bearer {KEY}"}), ask)
        (received,) = server.received
    assert received.path == "/v1/completions"
    assert received.body == {"prompt": [1, 2]}
    assert received.headers["authorization"] == f"Bearer {KEY}"


FAULTS = {
    "reset": answer().ends("reset", after=3),
    "closed_early": answer().ends("close", after=3),
    "status_429": error(429, "too many requests"),
    "status_4xx": error(404, "no such model"),
    "status_5xx": error(500, "out of memory"),
    "status_other": Script((Step(0.0, b"HTTP/1.1 302 Found\r\nLocation: /v2\r\nContent-Length: 0\r\n\r\n"),)),
    "server_error": answer().with_step(2, Step(0.0, event({"error": {"message": "out of memory"}}))),
    "malformed_event": answer().with_step(2, Step(0.0, event("{"))),
    "malformed_http": Script((Step(0.0, b"SSH-2.0-OpenSSH_9\r\n"),), ending="hang"),
    "no_tokens": Script((Step(0.0, HEAD + text_event("", "stop") + event("[DONE]") + LAST_CHUNK),)),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_named(name: str) -> None:
    results = asked(FAULTS[name])
    assert kind(results) == name
    assert results[0].sent_s <= results[0].finished_s


def test_what_came_before_a_fault_is_kept() -> None:
    (result,) = asked(FAULTS["reset"])
    assert result.texts == (" t1", " t2")
    assert result.event_tokens == (1, 2)


def test_a_connection_closed_before_the_answer_is_closed_early() -> None:
    assert kind(asked(Script((), ending="close"))) == "closed_early"


def test_a_malformed_event_is_counted_and_the_rest_is_read() -> None:
    (result,) = asked(FAULTS["malformed_event"])
    assert result.dropped_events == 1
    assert result.texts == (" t1", " t3", " t4")
    assert result.output_tokens == 4


@pytest.mark.parametrize(
    "script", [Script((), ending="hang"), answer().ends("hang", after=3), Script((Step(0.0, HEAD[:20]),), "hang")]
)
def test_a_server_that_hangs_times_out(script: Script) -> None:
    results = asked(script, timeout_s=0.05)
    assert kind(results) == "timeout"
    assert "0.05 s" in results[0].failure.message  # type: ignore[union-attr]
    assert results[0].finished_s - results[0].sent_s >= 0.049


def test_slow_headers_are_waited_for() -> None:
    (result,) = asked(answer().with_step(0, Step(0.02, HEAD)))
    assert result.failure is None
    assert result.event_times_s[0] - result.sent_s >= 0.019


def test_bytes_may_be_cut_anywhere() -> None:
    whole = b"".join(step.data for step in answer(tokens=3).steps if isinstance(step.data, bytes))
    (result,) = asked(Script(tuple(Step(0.0, whole[i : i + 7]) for i in range(0, len(whole), 7))))
    assert result.failure is None
    assert result.output_tokens == 3


def test_an_event_may_be_cut_into_chunks() -> None:
    data = b'data: {"choices": [{"text": "a", "finish_reason": "stop"}]}\r\n\r\ndata: [DONE]\r\n\r\n'
    pieces = tuple(Step(0.0, chunk(data[i : i + 5])) for i in range(0, len(data), 5))
    (result,) = asked(Script((Step(0.0, HEAD), *pieces, Step(0.0, LAST_CHUNK))))
    assert result.failure is None
    assert result.texts == ("a",)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def test_a_server_that_is_not_there_refuses() -> None:
    async def ask(client: Client) -> Answer:
        return await client.ask(Asked(0, b"{}"), 0.0)

    result = with_client(Target(f"http://localhost:{free_port()}/v1", timeout_s=LONG_S), ask)
    assert kind([result]) == "refused"


def test_a_server_that_accepts_no_connection_times_out() -> None:
    """The connections that the system keeps for it are used up."""

    async def ask(client: Client) -> Answer:
        return await client.ask(Asked(0, b"{}"), 0.0)

    with ExitStack() as stack:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        port = listening.getsockname()[1]
        result = with_client(Target(f"http://127.0.0.1:{port}/v1", timeout_s=0.1), ask)
    assert kind([result]) == "timeout"


def test_a_request_that_is_cancelled_at_any_moment_ends_at_once() -> None:
    """Also while it connects, and in the moment in which its connection is made."""

    async def ask(client: Client) -> list[Answer]:
        answers = []
        for steps in range(1, 41):
            client_of_one = Client(Target(server.url, timeout_s=LONG_S))
            task = asyncio.ensure_future(client_of_one.ask(Asked(0, b"{}"), 0.0))
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            answers.append(await asyncio.wait_for(task, LONG_S / 2))
            await client_of_one.close()
        return answers

    with scripted_server([Script((), ending="hang")]) as server:
        results = with_client(Target(server.url), ask)
    assert {kind([result]) for result in results} == {"cancelled"}


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost that signs itself, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the program openssl to make a certificate")
    made, key = folder / "certificate.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=DNS:localhost", "-out", str(made), "-keyout", str(key)]
    subprocess.run([*command, *names], check=True, capture_output=True)
    return made, key


@pytest.mark.parametrize("is_trusted", [True, False])
def test_https_is_spoken_with_servers_whose_certificate_is_trusted(
    is_trusted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask(client: Client) -> list[Answer]:
        return [await client.ask(Asked(0, b"{}"), 0.0) for _ in range(2)]

    made, key = certificate(tmp_path)
    if is_trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(made))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(made, key)
    with scripted_server([answer()], context) as server:
        results = with_client(Target(f"https://localhost:{server.port}/v1", timeout_s=LONG_S), ask, now=no_time_passes)
    if is_trusted:
        assert [result.failure for result in results] == [None, None]
        assert server.connections == 1
    else:
        assert kind(results) == "unreachable"
        assert "certificate" in (results[0].failure.message if results[0].failure else "")


def test_a_server_without_tls_is_unreachable_over_https() -> None:
    async def ask(client: Client) -> Answer:
        return await client.ask(Asked(0, b"{}"), 0.0)

    with scripted_server([answer()]) as server:
        result = with_client(Target(server.url.replace("http:", "https:"), timeout_s=LONG_S), ask)
    assert kind([result]) in ("unreachable", "reset")


def test_connections_are_used_again() -> None:
    async def ask(client: Client) -> None:
        for _ in range(3):
            await client.ask(Asked(0, b"{}"), 0.0)

    with scripted_server([answer()]) as server:
        with_client(Target(server.url), ask, now=no_time_passes)
        assert server.connections == 1
        assert len(server.received) == 3


def test_a_server_that_closes_each_connection_after_its_answer_loses_no_request() -> None:
    """As llama.cpp does, although it announces the contrary."""

    async def ask(client: Client) -> list[Answer]:
        return [await client.ask(Asked(index, b"{}"), 0.0) for index in range(20)]

    with scripted_server([answer().ends("close")]) as server:
        results = with_client(Target(server.url), ask)
        assert len(server.received) == server.connections == 20
    assert [result.failure for result in results] == [None] * 20


def test_a_connection_that_was_idle_for_long_is_not_used_again() -> None:
    times = [0.0]

    async def run(server: ScriptedServer) -> None:
        client = Client(Target(server.url), now=lambda: times[0])
        await client.ask(Asked(0, b"{}"), 0.0)
        times[0] += LONGEST_IDLE_S
        await client.ask(Asked(0, b"{}"), 0.0)
        await client.close()

    with scripted_server([answer()]) as server:
        asyncio.run(run(server))
        assert server.connections == 2


def test_after_a_fault_the_next_request_has_a_new_connection() -> None:
    async def ask(client: Client) -> list[Answer]:
        return [await client.ask(Asked(0, b"{}"), 0.0) for _ in range(2)]

    with scripted_server([FAULTS["reset"], answer()]) as server:
        first, second = with_client(Target(server.url), ask)
    assert kind([first]) == "reset"
    assert second.failure is None


def test_none_of_many_requests_at_once_is_lost() -> None:
    scripts = [*FAULTS.values(), answer()]
    number = 5 * len(scripts)

    async def ask(client: Client) -> list[Answer]:
        return list(await asyncio.gather(*(client.ask(Asked(index, b"{}"), 0.0) for index in range(number))))

    with scripted_server(scripts) as server:
        results = with_client(Target(server.url, timeout_s=LONG_S), ask)
    assert sorted(result.prompt_index for result in results) == list(range(number))
    kinds = [kind([result]) for result in results]
    assert {name: kinds.count(name) for name in [*FAULTS, None]} == dict.fromkeys([*FAULTS, None], 5)


def test_the_server_of_these_tests_also_closes_a_connection_that_it_is_just_accepting() -> None:
    for _ in range(30):
        with scripted_server([answer().ends("close", after=1)]) as server:
            sockets = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(3)]
        for each in sockets:
            each.close()
    gc.collect()  # a warning of a socket that was not closed is an error of this test


@pytest.mark.parametrize("script", [Script((), ending="hang"), answer().ends("hang", after=3)])
def test_a_cancelled_request_has_an_answer(script: Script) -> None:
    async def ask(client: Client) -> Answer:
        task = asyncio.ensure_future(client.ask(Asked(0, b"{}"), 0.0))
        while not server.received or len(server.received[0].written_s) < len(script.steps):
            await asyncio.sleep(0.001)
        task.cancel()
        return await task

    with scripted_server([script]) as server:
        result = with_client(Target(server.url, timeout_s=LONG_S), ask)
    assert kind([result]) == "cancelled"


def test_closing_ends_the_requests_that_run() -> None:
    async def run(server: ScriptedServer) -> Answer:
        client = Client(Target(server.url, timeout_s=LONG_S))
        task = asyncio.ensure_future(client.ask(Asked(0, b"{}"), 0.0))
        while not server.received:
            await asyncio.sleep(0.001)
        await client.close()
        await client.close()
        return await task

    with scripted_server([Script((), ending="hang")]) as server:
        assert kind([asyncio.run(run(server))]) == "cancelled"


@pytest.mark.parametrize("status", [200, 401, 500])
def test_a_key_that_a_server_repeats_reaches_neither_answer_nor_log(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    script = error(status, f"invalid key Bearer {KEY} ({KEY})")
    results = asked(script, headers={"Authorization": f"Bearer {KEY}"})
    assert results[0].failure is not None
    assert KEY not in repr(asdict(results[0]))
    assert KEY not in caplog.text


def test_a_key_in_an_event_is_hidden_too() -> None:
    script = answer().with_step(2, Step(0.0, event({"error": {"message": f"invalid key {KEY}"}})))
    (result,) = asked(script, headers={"x-api-key": KEY})
    assert result.failure is not None
    assert result.failure.message == "invalid key ***"


def test_nothing_of_a_request_needs_the_garbage_collector() -> None:
    async def ask(client: Client) -> int:
        gc.collect()
        gc.disable()
        try:
            await client.ask(Asked(0, b"{}"), 0.0)
            return sum(isinstance(each, Exchange) for each in gc.get_objects())
        finally:
            gc.enable()

    with scripted_server([answer()]) as server:
        assert with_client(Target(server.url), ask) == 0
