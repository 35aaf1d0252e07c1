"""The files and messages of a run contain no secret, and a run changes no existing file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from a_result import a_result
from llenergymeasure import ExperimentConfig, ExperimentResult
from llenergymeasure.exceptions import ConfigError, LLEMError

TOKEN, PASSWORD, WHEEL_TOKEN = "hf_AbCdEfGhIjKlMnOp0123", "pr0xy-Passw0rd", "ghp_WheelToken0123456789"
RUN = [
    "-m", "llenergymeasure", "run", "--model", "builtin/tiny-llama", "-n", "2", "--export-csv",
    "--set", "max_output_tokens=4", "--set", "max_input_tokens=16", "--set", "pytorch.device=cpu",
    "--set", "energy.backend=null", "--set", "baseline.enabled=false", "--set", "warmup.enabled=false",
]  # fmt: skip


def run(python: str, place: Path, *arguments, environ=()):
    return subprocess.run(
        [python, *RUN, *arguments],
        cwd=place,
        env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", **dict(environ)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def a_package_with_a_secret_in_its_url(folder: Path) -> Path:
    """As pip leaves one that was installed from a private repository."""
    info = folder / "private_pkg-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: private-pkg\nVersion: 1.0\n")
    url = f"git+https://user:{WHEEL_TOKEN}@example.org/private.git"
    (info / "direct_url.json").write_text(json.dumps({"url": url, "vcs_info": {"vcs": "git", "commit_id": "abc"}}))
    return folder


@pytest.mark.torch
@pytest.mark.parametrize("arguments", [(), ("--set", 'passthrough_kwargs={"no_such_argument": 1}', "--verbose")])
def test_no_secret_is_in_anything_that_a_run_writes_or_says(quick, tmp_path, arguments):
    environ = {
        "HF_TOKEN": TOKEN,
        "HTTPS_PROXY": f"http://me:{PASSWORD}@proxy.example.org:3128",
        "PYTHONPATH": str(a_package_with_a_secret_in_its_url(tmp_path / "site")),
    }
    (tmp_path / "work").mkdir()
    done = run(quick.python, tmp_path / "work", *arguments, environ=environ)
    assert done.returncode == (1 if arguments else 0), done.stderr
    texts = [done.stdout, done.stderr]
    texts += [path.read_bytes().decode("utf-8", "replace") for path in (tmp_path / "work").rglob("*") if path.is_file()]
    assert len(texts) == (2 if arguments else 4)
    for secret in (TOKEN, PASSWORD, WHEEL_TOKEN):
        assert not any(secret in text for text in texts), secret
    assert arguments or any("private-pkg" in text for text in texts)


def test_a_run_into_a_place_that_cannot_be_written_is_refused_before_it_begins(tmp_path):
    (tmp_path / "results").write_text("a file, so that no folder can be made there, even by root")
    done = run(sys.executable, tmp_path)
    assert done.returncode == 1
    assert "results" in done.stderr
    assert "choose another --output" in done.stderr
    assert done.stdout == ""


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_directory_is_named_and_earlier_results_stay(tmp_path):
    earlier = a_result().save(tmp_path)
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(ConfigError, match="choose another --output"):
            a_result().save(tmp_path)
    finally:
        tmp_path.chmod(0o700)
    assert ExperimentResult.from_json(earlier) == a_result()


def test_two_processes_that_save_in_the_same_second_get_two_folders(tmp_path):
    program = (
        "import sys; sys.path.insert(0, sys.argv[2]); from a_result import a_result\n"
        "print('ready', flush=True); input(); print(a_result().save(sys.argv[1]))"
    )
    tests = str(Path(__file__).parents[1])
    both = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path), tests],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in both:
        assert process.stdout.readline() == "ready\n"
    places = {process.communicate("go\n", timeout=120)[0] for process in both}
    assert len(places) == 2
    assert all(ExperimentResult.from_json(place.strip()) == a_result() for place in places)


HOSTILE = st.one_of(
    st.text(min_size=1, max_size=60),
    st.lists(
        st.sampled_from(["..", "/", "\\", "\0", "\u2215", "\uff0f", "\u2024\u2024", "con", "NUL", ".", "~", "a", "\n", " "]),
        min_size=1, max_size=12,
    ).map("".join),
    st.integers(1000, 10_000).map(lambda length: "x" * length),
    st.sampled_from(["..", "../../etc/passwd", "/etc/passwd", "C:\\Windows", "aux", "lpt1.txt", "-rf", "\ud800", "."]),
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(HOSTILE)
def test_a_result_of_any_model_name_is_one_folder_under_its_directory(tmp_path_factory, name):
    base = tmp_path_factory.mktemp("base") / "results"
    result = a_result()
    result = result.model_copy(update={"config": result.config.model_copy(update={"model": name})})
    path = result.save(base)
    assert path.resolve().parent.parent == base.resolve()
    assert [entry.name for entry in base.iterdir()] == [path.parent.name]
    assert [entry.name for entry in base.parent.iterdir()] == ["results"]
    assert len(path.parent.name.encode()) <= 255


def test_names_that_differ_only_in_their_folders_share_no_place(tmp_path):
    configs = [ExperimentConfig(model=model) for model in ("a/b", "c/b")]
    places = {a_result().model_copy(update={"config": config}).save(tmp_path).parent for config in configs}
    assert len(places) == 2


def test_failures_of_writing_are_ours(tmp_path):
    with pytest.raises(LLEMError, match="File name too long"):
        a_result().save(tmp_path / ("x" * 300))
