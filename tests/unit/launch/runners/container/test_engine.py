"""The engine is docker where it answers, else podman; its commands get only what they need."""

from __future__ import annotations

import pytest

from fake_engine import DOCKER, IMAGE, PODMAN, ROOTLESS_DOCKER, ROOTLESS_PODMAN, FakeEngine
from llenergymeasure.exceptions import Finding
from llenergymeasure.launch.runners.container.engine import Engine, Image, find_engine, image_of


def path_of(*engines):
    return {"PATH": ":".join(str(engine.place) for engine in engines)}


def test_docker_is_taken_where_both_answer(tmp_path):
    docker, podman = FakeEngine(tmp_path / "d"), FakeEngine(tmp_path / "p", "podman", info=PODMAN)
    found = find_engine("auto", path_of(podman, docker))
    assert (found.name, found.version, found.program.path) == ("docker", "28.2.2", str(docker.program))


def test_podman_is_taken_where_docker_does_not_answer(tmp_path):
    docker, podman = FakeEngine(tmp_path / "d", info=None), FakeEngine(tmp_path / "p", "podman", info=PODMAN)
    found = find_engine("auto", path_of(docker, podman))
    assert (found.name, found.version) == ("podman", "4.3.1")


def test_the_setting_chooses(tmp_path):
    docker, podman = FakeEngine(tmp_path / "d"), FakeEngine(tmp_path / "p", "podman", info=PODMAN)
    assert find_engine("podman", path_of(docker, podman)).name == "podman"


def test_a_docker_that_is_podman_is_podman(tmp_path):
    docker = FakeEngine(tmp_path / "d", info=PODMAN)
    assert find_engine("docker", path_of(docker)).name == "podman"


def test_without_an_engine_both_are_named(tmp_path):
    found = find_engine("auto", {"PATH": str(tmp_path)})
    assert found.problem == "a container engine is needed, and there is no program docker or podman"
    assert "apt-get install podman" in found.fix


def test_an_engine_that_does_not_answer_is_reported_with_its_reason(tmp_path):
    docker = FakeEngine(tmp_path / "d", info=None)
    found = find_engine("auto", path_of(docker))
    assert isinstance(found, Finding)
    assert f"{docker.program}: Cannot connect to the engine" in found.problem
    assert "systemctl start docker" in found.fix


def test_docker_says_by_its_info_that_its_server_is_down(tmp_path):
    down = {"ServerVersion": "", "ServerErrors": ["Cannot connect to the Docker daemon"]}
    found = find_engine("auto", path_of(FakeEngine(tmp_path / "d", info=down)))
    assert "Cannot connect to the Docker daemon" in found.problem


def test_an_engine_that_was_started_in_the_meantime_is_found(tmp_path):
    docker = FakeEngine(tmp_path / "d", info=None)
    assert isinstance(find_engine("auto", path_of(docker)), Finding)
    FakeEngine(tmp_path / "d")
    assert isinstance(find_engine("auto", path_of(docker)), Engine)


@pytest.mark.parametrize(
    ("info", "rootless"), [(DOCKER, False), (ROOTLESS_DOCKER, True), (PODMAN, False), (ROOTLESS_PODMAN, True)]
)
def test_it_is_known_whether_the_engine_has_root_rights(tmp_path, info, rootless):
    assert find_engine("auto", path_of(FakeEngine(tmp_path / "d", info=info))).rootless is rootless


def test_an_image_has_its_digest_and_one_that_was_built_here_has_none(tmp_path):
    built = {"Id": "sha256:bbbb", "RepoDigests": []}
    engine = find_engine("auto", path_of(FakeEngine(tmp_path / "d", images={"llem:test": IMAGE, "mine": built})))
    assert image_of(engine, "llem:test") == Image("sha256:aaaa", "registry.example.org/llem@sha256:dddd")
    assert image_of(engine, "mine") == Image("sha256:bbbb", None)
    assert image_of(engine, "other") is None


def test_the_program_of_the_engine_gets_no_token_and_no_proxy(tmp_path):
    docker = FakeEngine(tmp_path / "d")
    find_engine(
        "auto",
        {
            **path_of(docker),
            "HF_TOKEN": "hf_AbCd1234",
            "HTTPS_PROXY": "http://me:secret@proxy",
            "DOCKER_HOST": "unix:///x",
        },
    )
    (environ,) = docker.environs
    assert environ["DOCKER_HOST"] == "unix:///x"
    assert not {"HF_TOKEN", "HTTPS_PROXY"} & set(environ)
