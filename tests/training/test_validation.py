import numpy as np
import pytest
import torch
from trainings import STAGE, crystals, trainer

from lammps_heal.training.validation import score, table, validate


def test_a_network_that_moves_nothing_leaves_the_noise_that_was_put_on() -> None:
    made = trainer(crystals())
    with torch.no_grad():
        for weight in (made.network.gates[4].weight, made.network.gates[4].bias):
            weight.zero_()
    figures = validate(made.network, made.split.validation, STAGE, made.lengths, made.lattice)
    for sigma, row in figures.items():
        assert row == pytest.approx([float(sigma)] * 5, rel=0.15)
        assert np.ptp(row) < 1e-12
    assert score(figures) == pytest.approx(1.0)


def test_the_score_is_the_geometric_mean_of_what_is_left() -> None:
    figures = {"0.1": [0.1, 0.01, 0.001], "0.2": [0.2, 0.002, 0.002]}
    assert score(figures) == pytest.approx(10.0 ** -((1 + 2 + 2 + 2) / 4))


def test_the_table_has_a_line_for_each_noise() -> None:
    said = table({"0.1": [0.1, 0.05, 0.04, 0.03, 0.02]}).splitlines()
    assert said[1].split() == "0.1 0.1000 0.0500 0.0400 0.0300 0.0200".split()
