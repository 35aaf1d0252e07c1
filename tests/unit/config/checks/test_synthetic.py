"""A synthetic dataset against the settings of its experiment."""

from __future__ import annotations

import pytest

from llenergymeasure.config.base import ContradictionError
from llenergymeasure.config.checks.synthetic import check_synthetic
from llenergymeasure.config.sections import SyntheticDatasetConfig

DATASET = SyntheticDatasetConfig(n=4, input_len=64)


@pytest.mark.parametrize(
    ("n", "limit", "templated", "words"),
    [
        (4, 64, True, "apply_chat_template needs prompts of text"),
        (5, 64, False, "n 5 exceeds the 4 prompts of the dataset"),
        (4, 63, False, "dataset.input_len 64 exceeds max_input_tokens 63"),
    ],
)
def test_what_it_cannot_follow_is_refused(n, limit, templated, words):
    with pytest.raises(ContradictionError, match=words):
        check_synthetic(DATASET, n, limit, templated)


@pytest.mark.parametrize("limit", [None, 64])
def test_what_fits_is_accepted(limit):
    check_synthetic(DATASET, 4, limit, templated=False)
