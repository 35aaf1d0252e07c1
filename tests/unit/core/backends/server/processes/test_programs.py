"""Programs that lead to a server which is not one of their own processes."""

from __future__ import annotations

import pytest

from llenergymeasure.core.backends.server.processes.programs import program_of, starter_among


@pytest.mark.parametrize(
    ("command", "program"),
    [
        (["/opt/vllm/bin/vllm", "serve"], "vllm"),
        (["env", "A=1", "B=2", "/usr/bin/ssh", "host"], "ssh"),
        (["/usr/bin/env", "-i", "docker", "run"], "docker"),
        (["/usr/bin/env", "-u", "HTTP_PROXY", "--chdir", "/tmp", "--unset=A", "B=1", "ssh", "host"], "ssh"),
        (["env", "A=1", "env", "-C", "/tmp", "podman"], "podman"),
        (["/opt/a=b/bin/vllm", "serve"], "vllm"),
        (["env"], "env"),
        (["env", "-u"], "env"),
    ],
)
def test_the_program_of_a_command_is_the_one_that_env_starts(command, program):
    assert program_of(command) == program


def test_what_starts_a_server_elsewhere_is_found_among_other_programs():
    assert starter_among(["bash", "docker"]) == "docker"
    assert starter_among(["bash", "apptainer", "vllm"]) is None


def test_podman_starts_a_server_elsewhere_only_where_the_monitor_of_its_container_is_not_seen():
    assert starter_among(["podman"]) == "podman"
    assert starter_among(["podman", "conmon", "vllm"]) is None
    assert starter_among(["podman", "conmon", "docker"]) == "docker"
    assert starter_among(["podman-remote", "conmon"]) == "podman-remote"
