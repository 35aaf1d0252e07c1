"""Programs that lead to a server which is not one of their own processes, by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

# They pass connections on to a container on this machine.
TO_CONTAINERS = frozenset({"docker-proxy", "rootlessport", "slirp4netns", "pasta", "pasta.avx2", "conmon"})
# They pass connections on to a server that may be on another machine, mostly through a tunnel.
TO_OTHER_MACHINES = frozenset(
    {"ssh", "sshd", "sshd-session", "dbclient", "kubectl", "oc", "k9s", "tsh", "chisel", "socat", "ncat", "code"}
)
# They ask a service to start a container on this machine. apptainer and singularity start it themselves.
CONTAINER_CLIENTS = frozenset({"docker", "docker-compose", "podman", "podman-remote", "nerdctl"})
# They start a program that may be on another machine.
REMOTE_STARTERS = frozenset({"ssh", "tsh", "srun", "salloc", "sbatch", "kubectl", "oc"})
# The files of what they start are in a container or on another machine.
OTHER_FILES = CONTAINER_CLIENTS | REMOTE_STARTERS | {"apptainer", "singularity"}
# They load a model when the first request for it arrives, and unload it later.
LOADED_LATER = frozenset({"ollama", "llama-swap"})
# The options of env that are followed by a value, see env(1).
_OPTIONS_OF_ENV = frozenset({"-u", "--unset", "-C", "--chdir"})


def program_of(command: Sequence[str]) -> str:
    """The name of the program that a command starts, without `env`, its options and its variables."""
    name, rest = Path(command[0]).name, list(command[1:])
    if name != "env":
        return name
    while rest and (rest[0].startswith("-") or "=" in rest[0]):
        del rest[: 2 if rest[0] in _OPTIONS_OF_ENV else 1]
    return program_of(rest) if rest else name


def starter_among(names: Iterable[str]) -> str | None:
    """The first of some programs that starts a server outside of its own processes; None without one.

    podman starts conmon, and that the container. Where conmon is one of the programs, so is the server.
    """
    found = list(names)
    own = {"podman"} if "conmon" in found else set()
    return next((name for name in found if name in (CONTAINER_CLIENTS | REMOTE_STARTERS) - own), None)
