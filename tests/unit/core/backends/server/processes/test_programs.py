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
        (["env"], "env"),
    ],
)
def test_the_program_of_a_command_is_the_one_that_env_starts(command, program):
    assert program_of(command) == program


def test_what_starts_a_server_elsewhere_is_found_among_other_programs():
    assert starter_among(["bash", "docker"]) == "docker"
    assert starter_among(["bash", "apptainer", "vllm"]) is None
