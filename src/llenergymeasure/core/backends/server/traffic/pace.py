"""When the requests of a load are sent, and when a stretch of it ends.

A closed loop keeps a number of requests in flight: it sends one when another has ended. An open loop sends them by a schedule,
however long the answers take.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from llenergymeasure.config.traffic import TrafficConfig
from llenergymeasure.core.backends.server.traffic.schedule import ConstantSchedule, PoissonSchedule, Schedule
from llenergymeasure.core.backends.server.traffic.sender import Sender


class Pace(Protocol):
    """Sends the requests of one load."""

    def start(self, sender: Sender) -> None:
        """Begin, with the first request at once."""

    def end_s(self, first: int, last: int, start_s: float) -> float:
        """When the stretch of the requests from `first` to `last`, which has begun at `start_s`, ends; all of them were begun."""


class ClosedLoop:
    """Keeps requests in flight.

    Args:
        concurrency: their number.
    """

    def __init__(self, concurrency: int) -> None:
        self._concurrency = concurrency

    def start(self, sender: Sender) -> None:
        for _ in range(self._concurrency):
            sender.start(_stream(sender))

    def end_s(self, first: int, last: int, start_s: float) -> float:
        """At once: a request is begun when another has ended, so as many have ended since the start as were begun."""
        return start_s


async def _stream(sender: Sender) -> None:
    """One request after the other."""
    while sender.has_more:
        await sender.send(sender.begin(), sender.clock.now())


class OpenLoop:
    """Sends requests by a schedule.

    Args:
        schedule: when they are due, after the first one.
    """

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._start_s = 0.0

    def start(self, sender: Sender) -> None:
        self._start_s = sender.clock.now()
        sender.start(self._arrivals(sender))

    def end_s(self, first: int, last: int, start_s: float) -> float:
        """After the time that so many requests take at the rate, but before the next one is due."""
        expected_s = start_s + (last - first + 1) / self._schedule.rate
        return min(max(expected_s, self._due_s(last)), self._due_s(last + 1))

    async def _arrivals(self, sender: Sender) -> None:
        while sender.has_more:
            due_s = self._due_s(sender.log.begun)
            await asyncio.sleep(due_s - sender.clock.now())
            if sender.has_more:
                sender.start(sender.send(sender.begin(), due_s))

    def _due_s(self, number: int) -> float:
        return self._start_s + self._schedule.offset_s(number)


def pace_of(traffic: TrafficConfig, random_seed: int) -> Pace:
    """The pace of a configuration.

    Args:
        traffic: the section of the configuration.
        random_seed: the seed of the whole configuration.
    """
    if traffic.effective_concurrency is not None:
        return ClosedLoop(traffic.effective_concurrency)
    assert traffic.rate is not None, "the configuration has checked it"
    if traffic.effective_mode == "constant":
        return OpenLoop(ConstantSchedule(traffic.rate))
    return OpenLoop(PoissonSchedule(traffic.rate, traffic.effective_seed(random_seed)))
