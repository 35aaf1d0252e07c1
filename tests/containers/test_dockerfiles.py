"""The Dockerfiles are built by a real builder: their syntax, what they copy, their stages and their user. Nothing is installed.

The base image has a shell, and programs that do nothing in the place of Python, pip and apt-get.
"""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[2]
NOTHING = "#!/bin/sh\n"
PROGRAMS = {
    "opt/llem/bin/python": NOTHING,
    "usr/bin/python": NOTHING,
    "usr/bin/apt-get": NOTHING,
    "usr/bin/rm": NOTHING,
    "usr/bin/useradd": "#!/bin/sh\necho llem:x:1000:1000::/home/llem:/bin/sh >> /etc/passwd\n",
}
SITE = ["--runtime", "runc", "--network", "host", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000"]


def libraries_of(program):
    """The files that a program of this machine is linked to."""
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return [word for word in listed.split() if word.startswith("/")]


@pytest.fixture(scope="module")
def base(podman):
    """An image with a shell and programs that do nothing."""
    archive = podman.place / "base.tar"
    with tarfile.open(archive, "w") as file:
        for path in ["/bin/sh", *libraries_of("/bin/sh")]:
            entry = file.gettarinfo(os.path.realpath(path), arcname=path.lstrip("/"))
            with Path(path).open("rb") as content:
                file.addfile(entry, content)
        for folder in ("etc", "tmp", "home/llem", "var/lib/apt/lists", "proc", "sys", "dev", "src"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            file.addfile(entry)
        for name, text in {**PROGRAMS, "etc/passwd": "root:x:0:0::/:/bin/sh\n"}.items():
            entry = tarfile.TarInfo(name)
            entry.mode, entry.size = 0o755, len(text)
            file.addfile(entry, io.BytesIO(text.encode()))
    podman.ask("import", str(archive), "localhost/base:1")
    return "localhost/base:1"


@pytest.mark.parametrize("name", ["pytorch", "vllm"])
def test_it_is_built_and_its_programs_do_not_run_as_root(podman, base, name):
    podman.ask(
        "build", *SITE, "--isolation", "oci", "--build-arg", f"PYTHON_IMAGE={base}", "--file",
        str(ROOT / "docker" / f"{name}.Dockerfile"), "--tag", f"localhost/built:{name}", str(ROOT),
    )  # fmt: skip
    user, path = podman.ask(
        "image", "inspect", "--format", "{{.User}} {{index .Config.Env 0}}", f"localhost/built:{name}"
    ).split(" ", 1)
    assert user == "llem"
    assert "/opt/llem/bin" in path
