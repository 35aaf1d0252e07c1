"""Finding the processes of a running server by its port."""

from __future__ import annotations

import os
import socket

import pytest

from fake_proc import IS_CONNECTED, add_process, fake_proc
from llenergymeasure.core.backends.server.processes.listening import (
    NotFoundError,
    given_by_the_system,
    is_here,
    listeners,
    ports_of,
    processes_at,
    tunnel_at,
)


@pytest.fixture
def proc(tmp_path):
    """Process 7 listens on port 8000, 8 is connected to it, and 9 listens on another port, over IPv6."""
    fake_proc(tmp_path)
    add_process(tmp_path, 7, "vllm", 8000)
    add_process(tmp_path, 8, "client", 8000, state=IS_CONNECTED)
    add_process(tmp_path, 9, "docker-proxy", 9000, table="tcp6")
    return tmp_path


def test_the_process_that_listens_is_found(proc):
    assert listeners(8000, proc) == [7]
    assert listeners(9000, proc) == [9]
    assert listeners(8001, proc) == []


def test_the_ports_of_processes_are_those_that_they_listen_on(proc):
    assert ports_of([9, 7], proc) == (8000, 9000)
    assert ports_of([8], proc) == ()


def test_the_ports_that_the_system_gives_are_known(proc):
    assert 40000 in given_by_the_system(proc)
    assert 8000 not in given_by_the_system(proc)
    folder = proc / "sys" / "net" / "ipv4"
    folder.mkdir(parents=True)
    (folder / "ip_local_port_range").write_text("10000\t20000\n")
    assert given_by_the_system(proc) == range(10000, 20001)


def test_without_a_list_of_sockets_none_is_found(tmp_path):
    assert listeners(8000, tmp_path) == []


def test_a_server_of_this_process_is_found():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        found = processes_at(f"http://127.0.0.1:{listening.getsockname()[1]}/v1")
        assert os.getpid() in found.pids()


def test_a_port_that_is_forwarded_is_not_the_servers(proc):
    with pytest.raises(NotFoundError, match="port 9000 is forwarded by docker-proxy"):
        processes_at("http://localhost:9000/v1", proc)


def test_a_port_whose_process_is_not_seen_is_named(proc):
    with pytest.raises(NotFoundError, match="port 8001: it runs in a container, or belongs to another user"):
        processes_at("http://127.0.0.1:8001/v1", proc)


def test_a_server_on_another_machine_has_no_processes_here(proc):
    with pytest.raises(NotFoundError, match=r"on another machine, 192\.0\.2\.1"):
        processes_at("http://192.0.2.1:8000/v1", proc)


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("0.0.0.0", True),
        ("192.0.2.1", False),
        ("no.invalid", None),
    ],
)
def test_a_host_is_here_when_its_address_can_be_bound_and_nowhere_when_its_name_is_not_known(host, here):
    assert is_here(host) is here


def test_a_name_that_is_not_known_is_not_another_machine(proc):
    with pytest.raises(NotFoundError, match=r"the name no\.invalid is not known"):
        processes_at("http://no.invalid:8000/v1", proc)


@pytest.mark.parametrize("program", ["ssh", "sshd", "kubectl", "socat"])
def test_a_tunnel_may_lead_to_another_machine_and_a_port_of_a_container_does_not(proc, program):
    assert tunnel_at("http://localhost:9000/v1", proc) is None
    (proc / "9" / "comm").write_text(f"{program}\n")
    assert tunnel_at("http://localhost:9000/v1", proc) == program
    assert tunnel_at("http://localhost:8000/v1", proc) is None
    assert tunnel_at("http://192.0.2.1:9000/v1", proc) is None
    with pytest.raises(NotFoundError, match=f"port 9000 is forwarded by {program} to processes that are not seen"):
        processes_at("http://localhost:9000/v1", proc)
