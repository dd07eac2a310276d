import numpy as np
import pytest

from lammps_heal.training.lengths import PLATINUM, Lengths


def test_lengths_of_platinum_are_those_written_down() -> None:
    """Also where its lattice constant is read from a box with its rounding."""
    assert Lengths.of(3.9199999999999986 / np.sqrt(2.0)) == Lengths.of(PLATINUM) == Lengths()


def test_all_lengths_go_with_the_nearest_neighbour_distance() -> None:
    for name, value in vars(Lengths.of(1.2 * PLATINUM)).items():
        assert value == pytest.approx(np.multiply(1.2, getattr(Lengths(), name)))
