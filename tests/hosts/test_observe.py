"""Observing: what a healed copy shows of atoms that stay as they are."""

import numpy as np
import pytest
from conftest import LATTICE_CONSTANT, fcc, noisy

import lammps_heal
from lammps_heal.analysis.energies import minimise
from lammps_heal.analysis.local_structure import FCC, OTHER
from lammps_heal.errors import HealError
from lammps_heal.evaluation.cells import with_dumbbell
from lammps_heal.model.model_file import Model

NEIGHBOURS = 12


def test_noise_hides_neither_vacancies_nor_labels(model: Model, rng: np.random.Generator) -> None:
    sites = fcc(6)
    apart = [0, 300, 611]  # whose neighbours are no neighbours of each other
    distances = sites.get_all_distances(mic=True)[np.ix_(apart, apart)]
    assert distances[np.triu_indices(3, 1)].min() > 2 * LATTICE_CONSTANT
    neighbours = (sites.get_all_distances(mic=True)[apart] < 0.8 * LATTICE_CONSTANT).sum(0) > 0
    hot = noisy(sites, 0.3, rng)
    del hot[apart]
    before = hot.positions.copy()
    seen = lammps_heal.observe(hot, model)
    np.testing.assert_array_equal(hot.positions, before)
    expected = np.where(neighbours, OTHER, FCC)[np.setdiff1d(np.arange(len(sites)), apart)]
    np.testing.assert_array_equal(seen.labels, expected)
    assert round(seen.vacancies, 6) == 3.0 and seen.interstitials == 0.0
    assert (~seen.is_regular).sum() == 3 * NEIGHBOURS and not seen.is_doubtful.any()
    assert seen.table()["other"] == 3 * NEIGHBOURS and seen.count_of_label[FCC] == len(hot) - 3 * NEIGHBOURS
    assert seen.rms_displacement == pytest.approx(0.3 * np.sqrt(3), rel=0.1)


@pytest.mark.lammps
def test_dumbbells_and_vacancies_are_told_apart_by_coordination(model: Model, rng: np.random.Generator) -> None:
    relaxed, _ = minimise(with_dumbbell(fcc(6)))
    for noise in (0.0, 0.2):
        hot = noisy(relaxed, noise, rng)
        seen = lammps_heal.observe(hot, model)
        assert (round(seen.interstitials, 6), round(seen.vacancies, 6)) == (1.0, 0.0)
        del hot[0]  # at a corner, the dumbbell is in the middle
        seen = lammps_heal.observe(hot, model)
        assert (round(seen.interstitials, 6), round(seen.vacancies, 6)) == (1.0, 1.0)


def test_the_copy_is_what_heal_returns(model: Model, rng: np.random.Generator) -> None:
    hot = noisy(fcc(4), 0.2, rng)
    seen = lammps_heal.observe(hot, model, steps=4)
    healed = [lammps_heal.heal(hot, model, steps) for steps in (3, 4)]
    np.testing.assert_array_equal(seen.positions, healed[1].positions)
    np.testing.assert_allclose(seen.displacement, healed[1].positions - hot.positions, atol=1e-12)
    last = np.linalg.norm(healed[1].positions - healed[0].positions, axis=1)
    assert last.min() < seen.residual.min() and seen.residual.max() < last.max()
    assert seen.residual.mean() == pytest.approx(last.mean(), rel=0.05)


def test_disorder_is_not_trusted(model: Model, rng: np.random.Generator) -> None:
    """Random atoms of a liquid's density, no two nearer than three quarters of a bond."""
    box, placed = 4 * LATTICE_CONSTANT, np.zeros((0, 3))
    while len(placed) < 200:
        new = rng.uniform(0.0, box, 3)
        apart = placed - new - box * np.round((placed - new) / box)
        if not len(placed) or np.linalg.norm(apart, axis=1).min() > 2.0:
            placed = np.vstack([placed, new])
    liquid = fcc(4)[:200]
    liquid.positions = placed
    seen = lammps_heal.observe(liquid, model)
    assert seen.is_doubtful.mean() > 0.9
    assert (seen.labels == FCC).mean() < 0.05


def test_what_cannot_be_observed_is_refused(model: Model) -> None:
    with pytest.raises(HealError, match="observing needs 1 step or more, got 0"):
        lammps_heal.observe(fcc(2), model, steps=0)
    with pytest.raises(HealError, match="has no atoms"):
        lammps_heal.observe(fcc(1)[:0], model)
