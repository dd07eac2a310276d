from collections import Counter

import numpy as np
import pytest
from ase import Atoms
from trainings import STAGE, crystals, shares, shipped, trainer

from lammps_heal.analysis.sites import count_defects, site_distances, vectors_to_sites
from lammps_heal.training.mixture import Mixture
from lammps_heal.training.states import WORST_RESIDUAL, State
from lammps_heal.training.structures import START, group_of
from lammps_heal.training.trainer import Trainer

ALL_NOISE = Mixture(crystal_noise=1.0)


def sites_of(made: Trainer, state: State) -> Atoms:
    return made.split.training[state.structure]


def test_noise_has_the_sigma_that_was_drawn() -> None:
    made = trainer(crystals(), mixture=ALL_NOISE)
    for _ in range(20):
        state = made.states.fresh()
        assert STAGE.sigma[0] <= state.sigma <= STAGE.sigma[1]
        assert (state.positions - sites_of(made, state).positions).std() == pytest.approx(state.sigma, rel=0.15)


def test_the_density_of_sigma_grows_as_its_power_says() -> None:
    """The median of a density that grows as σ is at the square root of a half of the range."""
    for power, median in ((0.0, 0.5), (1.0, np.sqrt(0.5)), (3.0, 0.5**0.25)):
        made = trainer(crystals(), mixture=ALL_NOISE, sigma=(0.0, 1.0), sigma_power=power)
        assert np.median([made.states.fresh().sigma for _ in range(400)]) == pytest.approx(median, abs=0.08)


def test_fresh_states_are_drawn_from_each_group_as_often_as_told() -> None:
    made = trainer(shipped(), mixture=shares(defect_noise=0.3, thermal=0.2))
    drawn = Counter(group_of(sites_of(made, made.states.fresh())) for _ in range(1000))
    # Four standard deviations of a binomial are 0.06.
    for group, share in {"crystal": 0.5, "defect": 0.3, "thermal": 0.2}.items():
        assert drawn[group] / 1000 == pytest.approx(share, abs=0.06), group


def test_only_crystals_are_drawn_unless_told_otherwise() -> None:
    both = trainer(shipped()), trainer([a for a in shipped() if group_of(a) == "crystal"])
    for _ in range(20):
        first, second = (made.states.fresh().positions for made in both)
        np.testing.assert_array_equal(first, second)


def test_thermal_states_are_to_become_their_quenched_structure() -> None:
    made = trainer(shipped(), mixture=Mixture(thermal=1.0))
    for _ in range(20):
        state = made.states.fresh()
        quenched = sites_of(made, state)
        np.testing.assert_array_equal(state.positions, quenched.arrays[START])
        way = quenched.positions - state.positions
        np.testing.assert_allclose(made.states.target(state), way - way.mean(0), atol=1e-9)
        assert state.sigma == pytest.approx(way.std(), rel=0.02)


@pytest.mark.parametrize("mixture", [Mixture(frenkel_pair=1.0), Mixture(hop=1.0)])
def test_a_close_frenkel_pair_is_to_recombine_and_a_hop_to_fall_back(mixture: Mixture) -> None:
    made = trainer([c for c in crystals() if len(c) % 2] * 3 + crystals()[:1], mixture=mixture)  # with vacancies
    made.split.groups["crystal"].remove(next(i for i, a in enumerate(made.split.training) if len(a) == 108))
    damage = []
    for _ in range(20):
        state = made.states.fresh()
        sites = sites_of(made, state)
        damage.append(count_defects(state.positions, sites).interstitials > 0)
        target = made.states.target(state)
        np.testing.assert_allclose(target.mean(0), 0.0, atol=1e-9)
        # Each site has an atom again, but for the shift of the whole cell that noise has.
        recombined = state.positions + vectors_to_sites(state.positions, sites)
        assert np.linalg.norm(vectors_to_sites(recombined, sites), axis=1).max() < 1e-9
        assert len(np.unique(site_distances(recombined, sites, 1)[1])) == len(sites)
        shift = recombined - state.positions - target
        np.testing.assert_allclose(shift, np.broadcast_to(shift[0], shift.shape), atol=1e-9)
    assert all(damage) == (mixture.frenkel_pair == 1.0)


def test_the_first_steps_are_of_frenkel_pairs_alone() -> None:
    made = trainer(shipped(), mixture=shares(defect_noise=0.5), sigma=(0.01, 0.05), pair_steps=2, cells_per_step=20)
    for step, expected in ((0, True), (1, True), (2, False)):
        states = made.states.draw(step)
        assert {state.is_pair for state in states} == {expected}
        pairs = [count_defects(state.positions, sites_of(made, state)).interstitials > 0 for state in states]
        assert all(pairs) == expected


def test_frenkel_pairs_are_drawn_as_often_as_told() -> None:
    """Of all fresh cells, and in crystals; neither defects nor thermal snapshots get one."""
    mixture = shares(frenkel_pair=0.25, defect_noise=0.3, thermal=0.2)
    made = trainer(shipped(), mixture=mixture, sigma=(0.01, 0.05))
    found: dict[str, list[bool]] = {"crystal": [], "defect": [], "thermal": []}
    for _ in range(300):
        state = made.states.fresh()
        atoms = sites_of(made, state)
        found[group_of(atoms)].append(np.linalg.norm(state.positions - atoms.positions, axis=1).max() > 0.8)
    # Three standard deviations of a binomial of 300.
    assert sum(found["crystal"]) / 300 == pytest.approx(0.25, abs=0.075)
    assert not any(found["defect"])
    assert found["thermal"]


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_long_wavelength_displacements_are_drawn_as_often_as_told(share: float) -> None:
    made = trainer(crystals(), sigma=(0.4, 0.4), mixture=shares(crystal_long_wavelength=share))
    states = [made.states.fresh() for _ in range(200)]
    long = [state for state in states if state.sigma < 0.3]
    assert len(long) / len(states) == pytest.approx(share, abs=0.15 * (0 < share < 1))


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_inhomogeneous_noise_is_drawn_as_often_as_told(share: float) -> None:
    made = trainer(crystals(), sigma=(0.2, 0.2), mixture=shares(crystal_inhomogeneous=share))
    states = [made.states.fresh() for _ in range(200)]
    assert np.mean([state.sigma < 0.199 for state in states]) == pytest.approx(share, abs=0.15 * (0 < share < 1))
    for state in states[:20]:
        noise = vectors_to_sites(state.positions, sites_of(made, state))
        assert noise.std() == pytest.approx(state.sigma, rel=0.4)


@pytest.mark.parametrize("group", ["crystal", "defect"])
def test_clean_cells_are_drawn_as_often_as_told_in_each_group(group: str) -> None:
    made = trainer(shipped(), mixture=Mixture(**{f"{group}_clean": 0.3, f"{group}_noise": 0.7}))
    states = [made.states.fresh() for _ in range(400)]
    assert {group_of(sites_of(made, state)) for state in states} == {group}
    assert np.mean([state.sigma == 0.0 for state in states]) == pytest.approx(0.3, abs=0.09)
    clean = next(state for state in states if state.sigma == 0.0)
    np.testing.assert_array_equal(clean.positions, sites_of(made, clean).positions)


def test_the_pool_keeps_what_drifts_and_drops_ruins_and_what_is_old() -> None:
    made = trainer(crystals(), mixture=ALL_NOISE, sigma=(0.2, 0.2), oldest=2, pool_size=2, fresh=0.5)
    state = made.states.fresh()
    target = made.states.target(state)
    drifted, ruined = ((1.0 - part * WORST_RESIDUAL) * target for part in (0.8, 1.3))
    made.states.put_back(state, target, drifted)
    assert [kept.age for kept in made.states.pool] == [1]
    np.testing.assert_allclose(made.states.pool[0].positions, state.positions + drifted)
    made.states.put_back(state, target, ruined)
    made.states.put_back(made.states.pool[0], target, target)  # too old
    assert len(made.states.pool) == 1
    for _ in range(3):
        made.states.put_back(state, target, drifted)
    assert len(made.states.pool) == 2  # no more room


def test_without_a_pool_all_cells_are_fresh() -> None:
    made = trainer(crystals(), fresh=1.0)
    for _ in range(3):
        made.train_step()
    assert made.states.pool == []
