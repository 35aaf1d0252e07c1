"""What would make every cycle fail in Slurm."""

from __future__ import annotations

from pathlib import Path

import pytest

from fake_slurm import NO_CONTROLLER, FakeSlurm
from llenergymeasure.study.executors.slurm.disks import local_file_system
from llenergymeasure.study.executors.slurm.findings import slurm_findings, slurm_notes
from llenergymeasure.study.executors.slurm.programs import Answer


def test_a_cluster_that_takes_the_cycles_has_no_finding():
    slurm = FakeSlurm()
    assert slurm_findings({"partition": "gpu", "gres": "gpu:1"}, slurm) == ()
    tested = slurm.called("sbatch")[-1]
    assert tested[0] == "--test-only"
    assert {"--partition=gpu", "--gres=gpu:1"} <= set(tested)


def test_missing_programs_are_one_finding():
    (found,) = slurm_findings({}, lambda arguments: Answer(127))
    assert found.problem == "Slurm's programs are not on this machine: sbatch, squeue, scancel, sinfo"
    assert "login node" in found.fix


def test_a_controller_that_does_not_answer_is_a_finding():
    slurm = FakeSlurm()
    slurm.answers["sinfo"] = NO_CONTROLLER
    # `sinfo --version` answers without the controller
    (found,) = slurm_findings({"partition": "none"}, slurm)
    assert found.problem.startswith("the controller of Slurm does not answer: slurm_load_jobs error")


def test_an_unknown_partition_is_named_with_those_there_are():
    (found,) = slurm_findings({"partition": "gpu,gqu"}, FakeSlurm())
    assert found.problem == "Slurm has no partition 'gqu'"
    assert found.fix == "set --executor-option partition=... to one of: gpu, long"


def test_what_slurm_refuses_is_said_in_its_own_words():
    slurm = FakeSlurm()
    slurm.answers["sbatch"] = Answer(1, errors="allocation failure: Invalid account\n")
    (found,) = slurm_findings({}, slurm)
    assert found.problem == "Slurm refuses the cycles: allocation failure: Invalid account"


def test_while_nodes_are_down_the_submission_decides():
    slurm = FakeSlurm()
    slurm.answers["sbatch"] = Answer(1, errors="allocation failure: Requested node configuration is not available\n")
    slurm.node_states = ["idle", "down*"]
    assert slurm_findings({}, slurm) == ()


def test_a_folder_and_a_python_on_a_disk_of_this_machine_are_notes():
    shared, local = Path("/proc/self"), Path("/")
    kind = local_file_system(local)
    if kind is None:
        pytest.skip("the root of this machine is on a disk of a network")
    (note,) = slurm_notes(local, shared, "login", FakeSlurm())
    assert note == f"/ is on a disk of this machine ({kind}); the nodes of the cluster must see it at the same path"
    assert len(list(slurm_notes(local, local, "login", FakeSlurm()))) == 2


def test_a_cluster_of_this_machine_alone_has_no_note():
    slurm = FakeSlurm()
    slurm.nodes = ["login"]
    assert list(slurm_notes(Path("/"), Path("/"), "login.example.org", slurm)) == []
