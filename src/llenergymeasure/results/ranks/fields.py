"""The rule for combining each field of a result, when several ranks measured one experiment.

A new field of `ExperimentResult` or of one of its blocks needs a line here, in `work` or in `energy`. Without one,
combining fails, and a test names the field.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llenergymeasure.domain.environment import GpuInfo
from llenergymeasure.results.ranks.energy import BASELINE, ENERGY
from llenergymeasure.results.ranks.rules import (
    Block,
    Rules,
    Same,
    distinct,
    given,
    least,
    left_out,
    metrics_in,
    most,
    of_rank_0,
)
from llenergymeasure.results.ranks.work import COMPILATION, FLOPS, HOST, MEMORY, SCHEDULER, TOKENS, WARMUP

_CONFIGURED = "it follows from the configuration, which is the same"
_LOADED = "every rank loads the same revision in the same way"
MODEL: Rules = {
    **metrics_in("model_info"),
    "name": of_rank_0(_CONFIGURED),
    "backend": of_rank_0(_CONFIGURED),
    "revision": Same("model revision"),
    "architecture": of_rank_0(_LOADED),
    "n_parameters": of_rank_0(_LOADED),
    "n_matmul_parameters": of_rank_0(_LOADED),
    "n_matmul_parameters_counted": of_rank_0(_LOADED),
    "parameters_reason": of_rank_0(_LOADED),
    "adapter_parameters": of_rank_0(_LOADED),
    "random_weights": of_rank_0(_CONFIGURED),
    "n_unexpected_weights": of_rank_0(_LOADED),
    "max_positions": of_rank_0(_LOADED),
    "unexpected_weights": of_rank_0(_LOADED),
    "device": of_rank_0("the kind of device; the devices of all are in `devices`"),
    "devices": given("what was metered, or the kind of device and the rank"),
    "dtype": Same("precision"),
    "attn_implementation": Same("attention"),
    "batch_size": of_rank_0(_CONFIGURED),
    "max_num_seqs": of_rank_0(_CONFIGURED),
    "quantization": of_rank_0(_CONFIGURED),
    "effective_settings": of_rank_0(_LOADED),
    "model_generation_defaults": of_rank_0(_LOADED),
    "load_seconds": of_rank_0("the ranks load in parallel"),
    "notes": distinct,
}


def _gpus(blocks: Sequence[Any], name: str) -> tuple[GpuInfo, ...]:
    """Every GPU of all ranks once."""
    found = {gpu.uuid: gpu for block in blocks for gpu in getattr(block, name)}
    return tuple(found.values())


_MACHINE = "the machine of rank 0 represents all; each rank's own is in process_results"
ENVIRONMENT: Rules = {
    "python": Same("Python"),
    "os": of_rank_0(_MACHINE),
    "cpu_model": of_rank_0(_MACHINE),
    "cpu_count_logical": of_rank_0(_MACHINE),
    "cpu_count_physical": of_rank_0(_MACHINE),
    "ram_total_mb": of_rank_0(_MACHINE),
    "cuda_version": of_rank_0(_MACHINE),
    "cuda_version_source": of_rank_0(_MACHINE),
    "cudnn_version": of_rank_0(_MACHINE),
    "driver_version": Same("driver"),
    "gpus": _gpus,
    "container": of_rank_0(_MACHINE),
    "runner": of_rank_0("one runner starts all ranks"),
    "image": of_rank_0("as above"),
    "cpu_governor": of_rank_0(_MACHINE),
    "cpu_frequency_min_mhz": of_rank_0(_MACHINE),
    "cpu_frequency_max_mhz": of_rank_0(_MACHINE),
    "packages": of_rank_0("those of the backend are checked by name"),
    "tool_version": of_rank_0("the result's own is checked"),
    "git_commit": of_rank_0(_MACHINE),
    "git_dirty": of_rank_0(_MACHINE),
    "timestamp_utc": of_rank_0(_MACHINE),
}

_OWN_WINDOW = "it belongs to one rank's own window and has no meaning for the whole"
_JUDGED = "computed again from the combined values"
RESULT: Rules = {
    "measurement_config_hash": Same("configuration"),
    "tool_version": Same("release"),
    "schema_version": Same("schema"),
    "config": of_rank_0("its hash is the same"),
    "run_id": left_out("a study adds it to the combined result"),
    "started_at": least,
    "finished_at": most,
    "measurement_methodology": of_rank_0(_CONFIGURED),
    "steady_state_window": given("the wall span, from the first opening"),
    "duration_sec": given("the wall span"),
    "window_utc": given("the wall span"),
    "model_info": Block(MODEL),
    "meter": of_rank_0("the meter that was used is the same on all"),
    "energy": Block(ENERGY),
    "baseline": Block(BASELINE),
    "tokens": Block(TOKENS),
    "latency": given("the latencies of all, in dataset order"),
    "phases": left_out(_OWN_WINDOW),
    "phase_energy": left_out(_OWN_WINDOW),
    "timeline": left_out(_OWN_WINDOW),
    "memory": Block(MEMORY),
    "host": Block(HOST),
    "flops": Block(FLOPS),
    "flops_architecture": Block(FLOPS),
    "compilation": Block(COMPILATION),
    "scheduler": Block(SCHEDULER),
    "traffic": left_out("one process sends all the traffic of a server"),
    "server": left_out("one process measures a server"),
    "warmup": Block(WARMUP),
    "thermal_throttle": left_out(_OWN_WINDOW),
    "gpu_conditions": left_out(_OWN_WINDOW),
    "foreign_processes": left_out(_OWN_WINDOW),
    "sampler": left_out(_OWN_WINDOW),
    "dataset": Same("dataset", part="sha256"),
    "environment_snapshot": Block(ENVIRONMENT),
    "co2": given("from the energy of all"),
    "warnings": given(_JUDGED),
    "reproducibility_notes": given(_JUDGED),
    "publication_check": given(_JUDGED),
    "multi_gpu": given("the devices of all"),
    "process_results": given("every rank's own result"),
    "timeseries_file": left_out(_OWN_WINDOW),
    "timeseries": left_out(_OWN_WINDOW),
}
