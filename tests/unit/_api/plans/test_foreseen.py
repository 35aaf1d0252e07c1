"""What a dry run shows about energy and servers."""

from __future__ import annotations

import pytest

from llenergymeasure import ExperimentConfig
from llenergymeasure._api.plans.foreseen import energies_of, energy_line, server_lines, servers_of
from llenergymeasure.config.user_config import UserConfig
from llenergymeasure.orchestration.foreseen import ForeseenEnergy

LAUNCH = {"launch": ["vllm", "serve", "{model}", "--port", "{port}"]}


def served(traffic=None, n=100, slo=None, **server):
    return ExperimentConfig(model="org/m", backend="server", n=n, server=server or LAUNCH, traffic=traffic, slo=slo)


def lines(*configs):
    return list(server_lines(servers_of(configs)))


def test_the_command_that_would_start_a_server_is_shown_with_the_load():
    config = served({"concurrency": 16}, **LAUNCH, arguments={"max-num-seqs": 64, "chat-template": "a b"})
    assert lines(config) == [
        "server: would be started on a free port: vllm serve org/m --port '{port}' --max-num-seqs 64 --chat-template 'a b'",
        "traffic: 100 requests, 16 in flight, measured after the first 16 answers",
    ]


@pytest.mark.parametrize(
    ("traffic", "load"),
    [
        ({"mode": "poisson", "rate": 4}, "4 per second, poisson arrivals, measured after the first 10 answers, about 25 s"),
        ({"mode": "constant", "rate": 0.5, "window": "total"},
         "0.5 per second, constant arrivals, from the first request to the last answer, about 3 min"),
        (None, "1 in flight, measured after the first answer"),
    ],
)  # fmt: skip
def test_a_running_server_is_named_and_not_connected_to(traffic, load):
    assert lines(served(traffic, url="http://h/v1")) == [
        "server: requests go to http://h/v1; a dry run does not connect to it",
        f"traffic: 100 requests, {load}",
    ]


def test_the_limits_are_shown_once():
    limits = {"ttft_p99_ms": 500, "itl_p99_ms": 50}
    cells = [served({"mode": "constant", "rate": rate}, slo=limits, url="http://h/v1") for rate in (1, 2)]
    assert [line for line in lines(*cells) if line.startswith("limits")] == ["limits: TTFT p99 500 ms, ITL p99 50 ms"]


def test_each_line_is_shown_once_and_the_first_of_many():
    cells = [served({"mode": "constant", "rate": rate}, url="http://h/v1") for rate in (1, 2, 2)]
    assert len(lines(*cells)) == 3
    many = lines(*(served({"mode": "constant", "rate": rate}, url="http://h/v1") for rate in range(1, 21)))
    assert many[-1] == "... and 11 more lines about servers and traffic, see --json"


def test_without_a_server_there_is_nothing_to_show():
    assert lines(ExperimentConfig(model="m")) == []


def test_each_case_of_energy_is_foreseen_once():
    cells = [ExperimentConfig(model="m", n=n, energy={"backend": "null"}) for n in (1, 2)]
    elsewhere = served(url="http://h/v1", energy="none")
    assert [each.meter for each in energies_of([*cells, elsewhere, elsewhere], UserConfig(), {})] == ["null", "none"]


def test_the_meter_of_another_environment_is_not_foreseen():
    environ = {"LLEM_RUNNER_PYTORCH": "python:/opt/other/bin/python"}
    assert energies_of([ExperimentConfig(model="m")], UserConfig(), environ) == ()


@pytest.mark.parametrize(
    ("energy", "line"),
    [
        (ForeseenEnergy("nvml", "measured", "the first available"), "energy: measured by nvml (the first available)"),
        (ForeseenEnergy("none", None, "no meter is available"), "energy: not measured: no meter is available"),
        (
            ForeseenEnergy("codecarbon", "estimated", "the first available"),
            "energy: estimated by codecarbon from the load of the CPU, because there is no GPU, and the CPU has no energy counters "
            "that can be read (the first available)",
        ),
    ],
)
def test_energy_is_said_to_be_measured_or_estimated(energy, line):
    assert energy_line(energy) == line
