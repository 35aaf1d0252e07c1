"""The vLLM backend: vLLM in this process, with continuous batching. Only `library` imports vllm."""
