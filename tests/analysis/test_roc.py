"""ROC areas, against the definition: how often a positive scores higher than a negative."""

from math import isnan

import numpy as np
import pytest

from lammps_heal.analysis.roc import roc_area


def test_of_pairs_of_which_some_are_equal(rng: np.random.Generator) -> None:
    scores, positive = rng.integers(0, 20, 200), rng.random(200) < 0.3
    pairs = scores[positive][:, None] - scores[~positive][None]
    assert roc_area(scores, positive) == pytest.approx((np.sign(pairs) + 1).mean() / 2)


def test_its_ends() -> None:
    assert roc_area([1.0, 2.0, 3.0, 4.0], [False, False, True, True]) == 1.0
    assert roc_area([1.0, 2.0, 3.0, 4.0], [True, True, False, False]) == 0.0
    assert isnan(roc_area([1.0, 2.0], [True, True]))
