"""The sections `traffic` and `slo`: how requests are sent to a server, and the limits of their latency."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator
from typing_extensions import Self

from llenergymeasure.config.base import ConfigModel, ContradictionError, Integer, Number, effective

TrafficMode = Literal["concurrency", "constant", "poisson"]
TrafficWindow = Literal["steady_state", "total"]


class TrafficConfig(ConfigModel):
    """How requests are sent."""

    mode: TrafficMode | None = Field(
        None,
        description="concurrency: a request is sent when another has ended. constant: at equal intervals. poisson: at random "
        "intervals, exponentially distributed.",
        json_schema_extra=effective("concurrency"),
    )
    concurrency: Integer | None = Field(
        None,
        ge=1,
        description="Number of requests in flight; with mode concurrency.",
        json_schema_extra=effective("1"),
    )
    rate: Number | None = Field(
        None,
        gt=0,
        description="Requests per second; needed by the modes constant and poisson.",
        json_schema_extra=effective("none"),
    )
    seed: Integer | None = Field(
        None,
        ge=0,
        lt=2**32,
        description="Seed of the intervals of poisson.",
        json_schema_extra=effective("`random_seed`"),
    )
    window: TrafficWindow | None = Field(
        None,
        description="steady_state: the window lies between ramp-up and drain, under constant load. total: from the first request "
        "to the last answer.",
        json_schema_extra=effective("steady_state"),
    )
    ramp_up_requests: Integer | None = Field(
        None,
        ge=1,
        description="Number of answers before the window opens; with window steady_state.",
        json_schema_extra=effective("one per request in flight, or a tenth of `n` with a rate"),
    )

    @model_validator(mode="after")
    def _settings_agree(self) -> Self:
        mode = self.effective_mode
        if mode == "concurrency" and self.rate is not None:
            fix = "set traffic.mode: constant or poisson, or remove the rate"
            raise ContradictionError(f"rate {self.rate:g} has no effect with mode concurrency", fix, "rate", "mode")
        if mode != "concurrency" and self.rate is None:
            raise ContradictionError(f"mode {mode} needs a rate", "set traffic.rate, in requests per second", "mode")
        if mode != "concurrency" and self.concurrency is not None:
            problem = f"concurrency {self.concurrency} has no effect with mode {mode}"
            raise ContradictionError(problem, "remove it, or set traffic.mode: concurrency", "concurrency", "mode")
        if self.effective_window == "total" and self.ramp_up_requests is not None:
            problem = f"ramp_up_requests {self.ramp_up_requests} has no effect with window total"
            raise ContradictionError(problem, "remove it", "ramp_up_requests", "window")
        return self

    # What None means; the descriptions state the same.

    @property
    def effective_mode(self) -> TrafficMode:
        """When requests are sent."""
        return self.mode or "concurrency"

    @property
    def effective_concurrency(self) -> int | None:
        """Number of requests in flight; None with a rate."""
        return (self.concurrency or 1) if self.effective_mode == "concurrency" else None

    @property
    def effective_window(self) -> TrafficWindow:
        """What the window contains."""
        return self.window or "steady_state"

    def effective_seed(self, random_seed: int) -> int:
        """Seed of the intervals."""
        return random_seed if self.seed is None else self.seed

    def expected_seconds(self, n: int) -> float | None:
        """About how long it takes to send `n` requests in s; None with a concurrency, where it depends on the server."""
        return None if self.rate is None else n / self.rate

    def effective_ramp_up_requests(self, n: int) -> int:
        """Number of answers before the window opens; 0 with window total."""
        if self.effective_window == "total":
            return 0
        return self.ramp_up_requests or self.effective_concurrency or max(1, n // 10)


class SLOConfig(ConfigModel):
    """Limits of the latency of requests; at least one."""

    ttft_p99_ms: Number | None = Field(
        None, gt=0, description="Limit of the time to first token in ms.", json_schema_extra=effective("none")
    )
    itl_p99_ms: Number | None = Field(
        None, gt=0, description="Limit of the time between two tokens in ms.", json_schema_extra=effective("none")
    )
    e2e_p99_ms: Number | None = Field(
        None,
        gt=0,
        description="Limit of the time from the sending of a request to its last token in ms.",
        json_schema_extra=effective("none"),
    )

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        if self.ttft_p99_ms is None and self.itl_p99_ms is None and self.e2e_p99_ms is None:
            names = ", ".join(type(self).model_fields)
            raise ContradictionError("slo has no limit", f"set at least one of {names}", "ttft_p99_ms")
        return self
