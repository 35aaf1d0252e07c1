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


def program_of(command: Sequence[str]) -> str:
    """The name of the program that a command starts, without `env` and the variables before it."""
    parts = [part for part in command if Path(part).name != "env" and "=" not in part and not part.startswith("-")]
    return Path((parts or command)[0]).name


def starter_among(names: Iterable[str]) -> str | None:
    """The first of some programs that starts a server outside of its own processes; None without one."""
    return next((name for name in names if name in CONTAINER_CLIENTS | REMOTE_STARTERS), None)
