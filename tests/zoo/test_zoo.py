"""Every architecture of the zoo: our numbers are those of a loop written by hand, or None with a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = [pytest.mark.torch, pytest.mark.slow]
torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from llenergymeasure.core.flops.families import FAMILIES  # noqa: E402
from zoo.models import MODELS, make  # noqa: E402
from zoo.row import row_of  # noqa: E402
from zoo.table import line_of  # noqa: E402

PAGE = Path(__file__).resolve().parents[2] / "docs" / "zoo.md"


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("name", sorted(MODELS))
@pytest.mark.filterwarnings("ignore")
def test_a_small_model_is_measured_right(name, tmp_path):
    row = row_of(name, make(name, tmp_path))
    assert row.ids_equal
    assert row.tokens_equal
    if name in FAMILIES:
        assert row.flops_exact == row.flops_counted
    else:
        assert row.flops_exact is None
        assert row.why_unknown
    assert row.weights_ratio == pytest.approx(1.0, abs=0.01)
    assert row.cache_ratio is None or row.cache_ratio == pytest.approx(1.0, abs=0.1)
    assert line_of(row) in PAGE.read_text(encoding="utf-8").splitlines()


def test_the_zoo_has_at_least_sixty_architectures_and_all_known_families():
    assert len(MODELS) >= 60
    assert set(FAMILIES) <= set(MODELS)
