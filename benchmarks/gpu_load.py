"""Work for a GPU that can be switched on and off, and repeated exactly."""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Work(Protocol):
    """Work that can be repeated exactly."""

    def rounds_for(self, seconds: float) -> int:
        """The number of rounds that take about this time."""

    def rounds(self, count: int) -> None:
        """Run this number of rounds of the same work; returns when the GPU is idle."""


class Load(Work, Protocol):
    """A load for the sensor benchmark."""

    def switch(self, busy: bool) -> None:
        """Keep the GPU busy in the background, or idle."""

    def warm_up(self) -> None:
        """Run until clocks and caches are steady."""


class GpuLoad:
    """Matrix products of random numbers in half precision: constant data would draw less power."""

    def __init__(self, size: int = 4096) -> None:
        import torch

        self._torch = torch
        self._a, self._b = (torch.randn(size, size, device="cuda", dtype=torch.float16) for _ in range(2))
        self._busy = threading.Event()
        self._round_s: float | None = None
        threading.Thread(target=self._work_while_busy, daemon=True).start()

    def _work_while_busy(self) -> None:
        while True:
            self._busy.wait()
            self._torch.mm(self._a, self._b)
            self._torch.cuda.synchronize()

    def switch(self, busy: bool) -> None:
        if busy:
            self._busy.set()
        else:
            self._busy.clear()

    def warm_up(self) -> None:
        self.rounds(self.rounds_for(1.0))
        time.sleep(1.0)

    def rounds_for(self, seconds: float) -> int:
        if self._round_s is None:
            self.rounds(50)
            start_s = time.perf_counter()
            self.rounds(200)
            self._round_s = (time.perf_counter() - start_s) / 200
        return max(int(seconds / self._round_s), 1)

    def rounds(self, count: int) -> None:
        for _ in range(count):
            self._torch.mm(self._a, self._b)
        self._torch.cuda.synchronize()


class DecodeLoop:
    """The built-in model generating on the GPU."""

    def __init__(self, batch_size: int = 8, new_tokens: int = 64) -> None:
        from llenergymeasure import ExperimentConfig
        from llenergymeasure.core.backends.pytorch.loading import TransformersLoader
        from llenergymeasure.core.machine.clock import SystemClock
        from llenergymeasure.datasets.loader import open_dataset

        config = ExperimentConfig(
            model="builtin/tiny-llama", n=batch_size, max_output_tokens=new_tokens, min_output_tokens=new_tokens,
            pytorch={"batch_size": batch_size, "load_format": "dummy", "device": "cuda"},
        )  # fmt: skip
        self._engine = TransformersLoader(SystemClock()).load(config)
        prompts = open_dataset(config.dataset, config.n, config.random_seed).token_ids(self._engine.tokenizer)
        self._batches = self._engine.prepare([ids[:256] for ids in prompts])

    def rounds_for(self, seconds: float) -> int:
        self.rounds(1)
        start_s = time.perf_counter()
        self.rounds(2)
        return max(int(2 * seconds / (time.perf_counter() - start_s)), 1)

    def rounds(self, count: int) -> None:
        for _ in range(count):
            self._engine.run(self._batches)
