# vLLM and llenergymeasure, for the runner docker:IMAGE. Build it in a clone, so that image and clone have one release:
#   docker build --file docker/vllm.Dockerfile --tag llem:vllm .
ARG PYTHON_IMAGE=docker.io/library/python:3.12.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ARG VLLM_VERSION=0.32.0
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/llem
RUN /opt/llem/bin/python -m pip install "vllm==${VLLM_VERSION}"
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY src src
# vLLM has pinned torch and others; what it has installed stays as it is.
RUN /opt/llem/bin/python -m pip freeze > /tmp/pinned.txt \
    && /opt/llem/bin/python -m pip install --constraint /tmp/pinned.txt ".[vllm]"

FROM ${PYTHON_IMAGE}
# Triton and vLLM compile kernels when a model is loaded.
RUN apt-get update && apt-get install --yes --no-install-recommends gcc g++ libc6-dev && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/llem /opt/llem
# `utility` is NVML, which measures.
ENV PATH=/opt/llem/bin:$PATH PYTHONUNBUFFERED=1 NVIDIA_DRIVER_CAPABILITIES=compute,utility VLLM_NO_USAGE_STATS=1
RUN useradd --create-home --uid 1000 llem
USER llem
WORKDIR /home/llem
CMD ["llem", "--help"]
