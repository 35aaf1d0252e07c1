"""NVML: GPUs by UUID, their readings, and which of them CUDA may use."""
