# transformers and llenergymeasure, for the runner docker:IMAGE. Build it in a clone, so that image and clone have one release:
#   docker build --file docker/pytorch.Dockerfile --tag llem:pytorch .
# For machines without a GPU, add: --build-arg PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu
ARG PYTHON_IMAGE=docker.io/library/python:3.12.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ARG PIP_EXTRA_INDEX_URL=
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/llem
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src src
RUN /opt/llem/bin/python -m pip install --constraint constraints.txt ".[pytorch]"

FROM ${PYTHON_IMAGE}
# torch.compile needs a C compiler.
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/llem /opt/llem
# `utility` is NVML, which measures.
ENV PATH=/opt/llem/bin:$PATH PYTHONUNBUFFERED=1 NVIDIA_DRIVER_CAPABILITIES=compute,utility
RUN useradd --create-home --uid 1000 llem
USER llem
WORKDIR /home/llem
CMD ["llem", "--help"]
