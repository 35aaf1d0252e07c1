"""The runner `docker:IMAGE`: one container per run, with docker or podman."""
