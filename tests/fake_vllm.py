"""A stand-in for vLLM: one token per request and step, and every step takes 0.25 s on the engine's own clock."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from llenergymeasure.core.backends.vllm.passthrough import NOT_PASSED
from llenergymeasure.testing import FakeClock

STEP_S = 0.25
# The engine's clock is ahead of that of the measurement, as on systems where the two differ.
AHEAD_S = 50.0
END = 1


class FakeVLLM:
    """The calls of vLLM, with a record of their arguments.

    Args:
        clock: the clock of the measurement.
        device: cpu or cuda.
        tokens: number of tokens per step and request.
        fault: raised by the making of the engine.
        of_model: defaults of the model's generation_config.json.
        changed: settings that the engine has, whatever was asked.

    Attributes:
        fault_of_step: raised by the next step.
        resets_cache: whether the prefix cache can be emptied.
    """

    def __init__(
        self,
        clock: FakeClock,
        device: str = "cpu",
        tokens: int = 1,
        fault: Exception | None = None,
        of_model: dict[str, Any] | None = None,
        changed: dict[str, Any] | None = None,
    ) -> None:
        self.clock, self.device, self.tokens, self.fault = clock, device, tokens, fault
        self.of_model, self.changed = of_model or {}, changed or {}
        self.calls: list[tuple[str, Any]] = []
        self.fault_of_step: Exception | None = None
        self.resets_cache = True

    def now(self) -> float:
        return self.clock.now() + AHEAD_S

    def on_cpu(self) -> bool:
        return self.device == "cpu"

    def engine_names(self) -> frozenset[str]:
        return frozenset({"model", "max_num_seqs", "swap_space", "kv_cache_memory_bytes", *NOT_PASSED})

    def sampling_names(self) -> frozenset[str]:
        return frozenset({"n", "prompt_logprobs", "temperature", "min_p", "stop", "presence_penalty", "ignore_eos"})

    def engine(self, **arguments: Any) -> FakeLLMEngine:
        self.calls.append(("engine", arguments))
        if self.fault is not None:
            raise self.fault
        return FakeLLMEngine(self, {**arguments, **self.changed})

    def sampling_params(self, **arguments: Any) -> Any:
        self.calls.append(("sampling_params", arguments))
        greedy = {"min_p": 0.0} if arguments.get("temperature") == 0 and "min_p" in arguments else {}
        return SimpleNamespace(**{**arguments, **greedy})

    def prompt(self, token_ids: Any) -> dict[str, Any]:
        return {"prompt_token_ids": list(token_ids)}

    def lora(self, path: str) -> Any:
        self.calls.append(("lora", path))
        return SimpleNamespace(path=path)

    def seed(self, seed: int) -> None:
        self.calls.append(("seed", seed))

    def memory(self, devices: tuple[str, ...], processes: int) -> FakeMemory:
        return FakeMemory(devices)

    def synchronise(self, device: str) -> None:
        self.calls.append(("synchronise", device))

    def clean_up(self) -> None:
        self.calls.append(("clean_up", None))

    def named(self, name: str) -> list[Any]:
        """The arguments of every call of one function."""
        return [arguments for called, arguments in self.calls if called == name]


class FakeMemory:
    """2 MB per device."""

    def __init__(self, devices: tuple[str, ...]) -> None:
        self._devices = devices

    def reset(self) -> None:
        """Do nothing."""

    def peak_mb(self) -> tuple[float | None, str]:
        return 2.0 * len(self._devices), "fake"


class FakeLLMEngine:
    """`LLMEngine`, with requests that run together up to `max_num_seqs` of them."""

    def __init__(self, library: FakeVLLM, arguments: dict[str, Any]) -> None:
        self.library = library
        self.vllm_config = _config(library, arguments)
        self.renderer = SimpleNamespace(get_eos_token_id=lambda: END)
        self.engine_core = FakeCore(library, arguments.get("max_num_seqs", 256))
        self.logger_manager: Any = "counts for Prometheus"
        self.model_executor = None

    def get_tokenizer(self) -> Any:
        return SimpleNamespace(pad_token_id=2, eos_token_id=END, bos_token_id=0, all_special_ids=[0, 1, 2])

    def reset_prefix_cache(self) -> bool:
        self.library.calls.append(("reset_prefix_cache", None))
        return self.library.resets_cache

    def collective_rpc(self, method: str) -> None:
        self.library.calls.append(("collective_rpc", method))

    def abort_request(self, request_ids: list[str]) -> None:
        core = self.engine_core
        core.waiting = [request for request in core.waiting if request.request_id not in request_ids]
        core.running = [request for request in core.running if request.request_id not in request_ids]

    def add_request(self, request_id: str, prompt: Any, params: Any, lora_request: Any = None) -> str:
        self.library.calls.append(("add_request", (prompt, lora_request)))
        return self.engine_core.add(request_id, len(prompt["prompt_token_ids"]), params)

    def has_unfinished_requests(self) -> bool:
        return bool(self.engine_core.waiting or self.engine_core.running)

    def step(self) -> list[Any]:
        fault, self.library.fault_of_step = self.library.fault_of_step, None
        if fault is not None:
            raise fault
        ended = {output.request_id for output in self.engine_core.get_output().outputs if output.finish_reason}
        return [self.engine_core.done.pop(name) for name in sorted(ended)]


class FakeCore:
    """The engine core: the first token of a request comes with the step in which it was scheduled."""

    def __init__(self, library: FakeVLLM, at_once: int) -> None:
        self._library, self._at_once = library, at_once
        self.waiting: list[Any] = []
        self.running: list[Any] = []
        self.done: dict[str, Any] = {}
        self.shut_down = 0
        sizes = [SimpleNamespace(size=4096), SimpleNamespace(size=4096)]
        self.engine_core = SimpleNamespace(
            scheduler=SimpleNamespace(kv_cache_config=SimpleNamespace(kv_cache_tensors=sizes))
        )

    def add(self, request_id: str, length: int, params: Any) -> str:
        self.waiting.append(
            SimpleNamespace(
                request_id=request_id, name=f"{request_id}-abcd", length=length, params=params, ids=[],
                queued=self._library.now(), scheduled=0.0, first=0.0,
            )
        )  # fmt: skip
        return f"{request_id}-abcd"

    def get_output(self) -> Any:
        while self.waiting and len(self.running) < self._at_once:
            self.running.append(self.waiting.pop(0))
            self.running[-1].scheduled = self._library.now()
        self._library.clock.sleep(STEP_S)
        outputs = [self._advanced(request) for request in self.running]
        self.running = [request for request in self.running if request.name not in self.done]
        prefix = SimpleNamespace(queries=100, hits=25)
        stats = SimpleNamespace(prefix_cache_stats=prefix, kv_cache_usage=0.5)
        return SimpleNamespace(outputs=outputs, timestamp=self._library.now(), scheduler_stats=stats)

    def _advanced(self, request: Any) -> Any:
        new = [10] * self._library.tokens
        request.ids.extend(new)
        reason = "length" if len(request.ids) >= request.params.max_tokens else None
        if reason is not None:
            self.done[request.name] = _answer(request, reason)
        return SimpleNamespace(request_id=request.name, new_token_ids=new, finish_reason=reason)

    def shutdown(self) -> None:
        self.shut_down += 1
        self._library.calls.append(("shutdown", None))


def _answer(request: Any, reason: str) -> Any:
    ids = request.ids[: request.params.max_tokens]
    return SimpleNamespace(
        request_id=request.request_id,
        finished=True,
        outputs=[SimpleNamespace(token_ids=ids, finish_reason=reason)],
        metrics=SimpleNamespace(queued_ts=request.queued, scheduled_ts=request.scheduled, num_preemptions=1),
        num_cached_tokens=0,
    )


def _config(library: FakeVLLM, arguments: dict[str, Any]) -> Any:
    import torch
    from transformers import LlamaConfig

    sizes = {
        "hidden_size": 8,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "vocab_size": 32,
    }
    get = arguments.get
    proposed = get("speculative_config")
    speculative = None if proposed is None else SimpleNamespace(
        method=proposed.get("method", "draft_model"), model=proposed.get("model"),
        num_speculative_tokens=proposed["num_speculative_tokens"],
    )  # fmt: skip
    layer = SimpleNamespace(attn_backend=SimpleNamespace(get_name=lambda: get("attention_backend", "CPU_ATTN")))
    parallel = SimpleNamespace(
        tensor_parallel_size=get("tensor_parallel_size", 1), pipeline_parallel_size=get("pipeline_parallel_size", 1)
    )
    parallel.world_size = parallel.tensor_parallel_size * parallel.pipeline_parallel_size
    layers = {"layer": layer} if parallel.world_size == 1 else {}  # otherwise other processes have them
    return SimpleNamespace(
        scheduler_config=SimpleNamespace(
            max_num_seqs=get("max_num_seqs", 256), max_num_batched_tokens=get("max_num_batched_tokens", 4096),
            enable_chunked_prefill=get("enable_chunked_prefill", True), async_scheduling=False, policy="fcfs",
        ),
        cache_config=SimpleNamespace(
            gpu_memory_utilization=get("gpu_memory_utilization", 0.92), block_size=get("block_size", 16),
            enable_prefix_caching=get("enable_prefix_caching", True), cache_dtype=get("kv_cache_dtype", "auto"),
            num_gpu_blocks=64, kv_cache_size_tokens=1024, kv_cache_memory_bytes=get("kv_cache_memory_bytes"),
        ),
        parallel_config=parallel,
        model_config=SimpleNamespace(
            max_model_len=get("max_model_len", 2048), quantization=get("quantization"), revision=get("revision"),
            enforce_eager=get("enforce_eager", False), trust_remote_code=get("trust_remote_code", False),
            dtype=torch.bfloat16, hf_config=LlamaConfig(**sizes), architectures=["LlamaForCausalLM"],
            get_vocab_size=lambda: 32, get_diff_sampling_param=lambda: dict(library.of_model),
            try_get_generation_config=lambda: {"eos_token_id": library.of_model.get("eos_token_id", END)},
        ),
        load_config=SimpleNamespace(load_format=get("load_format", "auto")),
        device_config=SimpleNamespace(device_type=library.device),
        compilation_config=SimpleNamespace(mode="NONE", cudagraph_mode="NONE", static_forward_context=layers),
        attention_config=SimpleNamespace(backend=get("attention_backend")),
        speculative_config=speculative,
        lora_config=SimpleNamespace() if get("enable_lora") else None,
    )  # fmt: skip
