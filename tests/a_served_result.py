"""A result of a server under traffic whose numbers can be checked by hand: 200 J in 2 s, 8 requests of which 6 were good."""

from __future__ import annotations

from a_result import a_result
from llenergymeasure.core.collect.distribution import distribution
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.domain.traffic.result import FailureCount, ServerResult, SLOResult, TrafficResult


def a_served_result(energy_j: float | None = 200.0, **traffic) -> ExperimentResult:
    """The same result every time; `traffic` replaces fields of its block."""
    return a_result(energy_j).model_copy(
        update={
            "traffic": some_traffic(**traffic), "server": a_server(), "phases": None, "phase_energy": None,
            "measurement_methodology": "windowed", "steady_state_window": (10.0, 12.0),
        }
    )  # fmt: skip


def some_traffic(**fields) -> TrafficResult:
    """8 requests in 2 s, of which one failed."""
    known = {
        "mode": "constant", "rate": 4.0, "window": "steady_state", "sent": 8, "answered": 7, "failed": 1,
        "failures": (FailureCount(kind="status_429", count=1, example="429 Too Many Requests"),),
        "achieved_rate": 4.0, "in_flight_start": 4, "in_flight_end": 5,
        "lag": distribution([[0.0, 0.5, 1.0]]), "second_token": distribution([[20.0, 30.0]]),
        "itl_inner": distribution([[10.0, 10.0]]), "counted_by": "server", "cached_tokens": 0, "client_cpu_share": 0.05,
        "ramp_up_seconds": 3.0, "drain_seconds": 1.0,
        "slo": SLOResult(ttft_p99_ms=500.0, good=6, good_share=0.75, kept=False),
    }  # fmt: skip
    return TrafficResult(**{**known, **fields})


def a_server(**fields) -> ServerResult:
    """A server of vLLM that was started for the measurement."""
    known = {
        "url": "http://127.0.0.1:8000/v1", "engine": "vllm", "version": "0.32.0", "launched": True, "child": True,
        "command": ("vllm", "serve"), "start_seconds": 20.0, "cpu_seconds": 1.5, "memory_mb": 900.0,
    }  # fmt: skip
    return ServerResult(**{**known, **fields})
