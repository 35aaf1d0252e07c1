"""The process that ends those of vLLM finds them while others end."""

from __future__ import annotations

from pathlib import Path

from llenergymeasure.core.backends.vllm.processes.guard import descendants


class EndsWhileListed(type(Path())):
    """A /proc in which process 11 ends between the look at its folder and the list of its threads."""

    def glob(self, pattern):
        if pattern.startswith("11/"):
            raise FileNotFoundError(pattern)
        return Path(self).glob(pattern)


def test_a_process_that_ends_while_its_children_are_listed_has_none(tmp_path):
    for pid, children in (("10", "11 12 "), ("12", "13 ")):
        (tmp_path / pid / "task" / pid).mkdir(parents=True)
        (tmp_path / pid / "task" / pid / "children").write_text(children)
    assert list(descendants(10, EndsWhileListed(tmp_path))) == [11, 12, 13]
