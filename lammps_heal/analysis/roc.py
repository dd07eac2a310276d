"""How well a number tells two kinds apart: the area under its receiver operating characteristic."""

from math import nan

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata


def roc_area(scores: ArrayLike, are_positive: ArrayLike) -> float:
    """Probability that a positive scores higher than a negative, one half where both score the same; NaN without either.

    By the rank sum of Mann and Whitney (J. A. Hanley and B. J. McNeil, Radiology 143, 29 (1982)).
    """
    positive = np.asarray(are_positive, bool)
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    if not n_positive or not n_negative:
        return nan
    ranks = rankdata(np.asarray(scores, float))
    return float((ranks[positive].sum() - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))
