"""What a dry run shows about energy and servers: as data, and as text."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from llenergymeasure._api.duration import duration
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.traffic import SLOConfig, TrafficConfig
from llenergymeasure.config.user_config import UserConfig
from llenergymeasure.domain.traffic.text import limits_text
from llenergymeasure.launch.runners.choose import runner_for
from llenergymeasure.orchestration.foreseen import ForeseenEnergy, foreseen_energy

SERVERS_SHOWN = 5


@dataclass(frozen=True)
class PlannedServer:
    """The server that would be used, and the load on it.

    Attributes:
        url: address of a running server; None for one that would be started.
        command: the command that would start it, with {port} for a free port; empty for a running one.
        n: number of requests that would be measured.
        traffic: how requests would be sent.
        slo: limits of their latency; None without limits.
        expected_seconds: about how long a pass over the prompts takes in s; None with a concurrency.
    """

    url: str | None
    command: tuple[str, ...]
    n: int
    traffic: TrafficConfig
    slo: SLOConfig | None
    expected_seconds: float | None


def energies_of(
    configs: Iterable[ExperimentConfig], user: UserConfig, environ: Mapping[str, str]
) -> tuple[ForeseenEnergy, ...]:
    """The meters that these experiments would use, each case once; without experiments that run in another environment."""
    cases = {
        (each.backend, each.gpus_wanted, each.energy.backend, each.server_settings.effective_energy): each
        for each in configs
    }
    here = [each for each in cases.values() if runner_for(each.backend, user, environ).is_local]
    narrowed = user.measurement.energy_backend
    return tuple(dict.fromkeys(foreseen_energy(each, narrowed, environ) for each in here))


def servers_of(configs: Iterable[ExperimentConfig]) -> tuple[PlannedServer, ...]:
    """The servers of these experiments, in order."""
    return tuple(_server(each) for each in configs if each.backend == "server")


def _server(config: ExperimentConfig) -> PlannedServer:
    server = config.server_settings
    command = server.command(config.model, "{port}", config.random_seed)
    traffic = config.traffic_settings
    return PlannedServer(server.url, command, config.n, traffic, config.slo, traffic.expected_seconds(config.n))


def energy_line(energy: ForeseenEnergy) -> str:
    """One line about the energy."""
    if energy.source is None:
        return f"energy: not measured: {energy.reason}"
    if energy.source == "measured":
        return f"energy: measured by {energy.meter} ({energy.reason})"
    why = "there is no GPU, and the CPU has no energy counters that can be read"
    return f"energy: estimated by {energy.meter} from the load of the CPU, because {why} ({energy.reason})"


def server_lines(servers: Sequence[PlannedServer]) -> Iterator[str]:
    """What would be started or requested, and under which load; the first of several."""
    lines = list(dict.fromkeys(line for each in servers for line in (_where(each), *_limits(each), _load(each))))
    yield from lines[: 2 * SERVERS_SHOWN]
    if len(lines) > 2 * SERVERS_SHOWN:
        yield f"... and {len(lines) - 2 * SERVERS_SHOWN} more lines about servers and traffic, see --json"


def _where(server: PlannedServer) -> str:
    if server.url is not None:
        return f"server: requests go to {server.url}; a dry run does not connect to it"
    return f"server: would be started on a free port: {shlex.join(server.command)}"


def _limits(server: PlannedServer) -> Iterator[str]:
    if server.slo is not None:
        yield f"limits: {limits_text(server.slo)}"


def _load(server: PlannedServer) -> str:
    traffic = server.traffic
    if traffic.effective_mode == "concurrency":
        load = f"{traffic.effective_concurrency} in flight"
    else:
        load = f"{traffic.rate:g} per second, {traffic.effective_mode} arrivals"
    length = "" if server.expected_seconds is None else f", about {duration(server.expected_seconds)}"
    return f"traffic: {server.n} requests, {load}, {_window(traffic.effective_ramp_up_requests(server.n))}{length}"


def _window(ramp_up_requests: int) -> str:
    if ramp_up_requests == 0:
        return "from the first request to the last answer"
    answers = "answer" if ramp_up_requests == 1 else f"{ramp_up_requests} answers"
    return f"measured after the first {answers}"
