"""Finds the processes of a running server by the port that it listens on. Linux only."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from llenergymeasure.core.backends.server.processes.programs import TO_CONTAINERS, TO_OTHER_MACHINES
from llenergymeasure.core.backends.server.processes.tree import ServerProcesses, group_leader, names_of
from llenergymeasure.core.machine.process_tree import PROC

# State of a socket that listens, see include/net/tcp_states.h.
_LISTEN = "0A"
# The range of Linux, see ip(7).
_USUAL_RANGE = (32768, 60999)
DEFAULT_PORTS = {"http": 80, "https": 443}


class NotFoundError(Exception):
    """The processes of a server are not found; the message says why."""


def processes_at(url: str, proc: Path = PROC) -> ServerProcesses:
    """The processes that listen at an address, with their groups.

    Raises:
        NotFoundError: the server is not on this machine, or its processes cannot be seen.
    """
    host, port = _address(url)
    here = is_here(host)
    if not here:
        raise NotFoundError(
            f"the name {host} is not known" if here is None else f"the server is on another machine, {host}"
        )
    found = listeners(port, proc)
    if not found:
        raise NotFoundError(
            f"no process on this machine is seen to listen on port {port}: it runs in a container, or belongs to another user"
        )
    forwarder = _forwarder(found, proc)
    if forwarder is not None:
        raise NotFoundError(f"port {port} is forwarded by {forwarder} to processes that are not seen from here")
    roots = tuple(sorted({group_leader(pid, proc=proc) for pid in found}))
    return ServerProcesses(lambda: roots, proc=proc)


def tunnel_at(url: str, proc: Path = PROC) -> str | None:
    """The program that passes a port of this machine on to a server that may be on another one; None without one."""
    host, port = _address(url)
    forwarder = _forwarder(listeners(port, proc), proc) if is_here(host) else None
    return forwarder if forwarder in TO_OTHER_MACHINES else None


def _forwarder(pids: Iterable[int], proc: Path) -> str | None:
    return next((name for name in names_of(pids, proc) if name in TO_CONTAINERS | TO_OTHER_MACHINES), None)


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or DEFAULT_PORTS.get(parts.scheme, 80)


def is_here(host: str) -> bool | None:
    """Whether a host is this machine: one of its addresses can be bound here; None when its name is not known."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return None
    return any(_can_be_bound(family, address) for family, _, _, _, address in found)


def _can_be_bound(family: int, address: tuple[object, ...]) -> bool:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as tried:
            tried.bind((address[0], 0, *address[2:]))
    except OSError:
        return False
    return True


def listeners(port: int, proc: Path = PROC) -> list[int]:
    """The processes that listen on a port; only those whose files this process may see."""
    wanted = {file for file, at in _listening(proc) if at == port}
    return [pid for pid in _all_pids(proc) if wanted and wanted & set(_files(proc / f"{pid}" / "fd"))]


def ports_of(pids: Iterable[int], proc: Path = PROC) -> tuple[int, ...]:
    """The ports on which some processes listen, in order; only of those whose files this process may see."""
    own = {file for pid in pids for file in _files(proc / f"{pid}" / "fd")}
    return tuple(sorted({port for file, port in _listening(proc) if file in own}))


def given_by_the_system(proc: Path = PROC) -> range:
    """The ports that the system gives to programs that ask for any free one."""
    found = [
        int(part) for line in _lines(proc / "sys" / "net" / "ipv4" / "ip_local_port_range") for part in line.split()
    ]
    first, last = found if len(found) == 2 else _USUAL_RANGE
    return range(first, last + 1)


def _listening(proc: Path) -> Iterator[tuple[str, int]]:
    """The sockets that listen, as processes have them among their files, with their ports; from tables as in proc(5)."""
    for table in ("tcp", "tcp6"):
        for line in _lines(proc / "net" / table)[1:]:
            columns = line.split()
            if columns[3] == _LISTEN:
                yield f"socket:[{columns[9]}]", int(columns[1].rpartition(":")[2], 16)


def _all_pids(proc: Path) -> list[int]:
    return sorted(int(entry.name) for entry in proc.iterdir() if entry.name.isdigit()) if proc.is_dir() else []


def _files(folder: Path) -> Iterator[str]:
    try:
        links = list(folder.iterdir())
    except OSError:  # of another user, or it has ended
        return
    for link in links:
        try:
            yield str(link.readlink())
        except OSError:
            continue


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []
