from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
import torch
from conftest import TOLERANCE
from networks import displacements
from trainings import STAGE, crystals, shares, shipped, trainer

from lammps_heal.training.mixture import Mixture
from lammps_heal.training.structures import group_of


def test_displacements_of_a_batch_are_those_of_each_cell() -> None:
    made = trainer(crystals(), n_layers=2, cells_per_step=3)
    with torch.no_grad():
        made.network.message_weights.normal_(0.0, 0.02)
        states = made.states.draw(0)
        batch = made.displacements(states)
    assert len({len(made.split.training[state.structure]) for state in states}) > 1
    for state, displacement in zip(states, batch, strict=True):
        atoms = made.split.training[state.structure].copy()
        atoms.positions = state.positions
        expected = displacements(made.network, atoms)
        assert np.abs(expected).max() > 1e-3
        np.testing.assert_allclose(displacement.numpy(), expected, atol=TOLERANCE[torch.float32])


def test_the_loss_on_waves_is_part_of_the_training() -> None:
    first = [trainer(crystals(), wave_weight=weight).train_step() for weight in (0.0, 0.1, 0.2)]
    assert abs(first[1] - first[0]) > 1e-3
    assert first[2] - first[0] == pytest.approx(2.0 * (first[1] - first[0]), rel=1e-3)


def test_what_never_had_noise_is_held_to_a_finer_measure() -> None:
    for floor, is_nothing in ((1.0e6, True), (None, False)):
        made = trainer(crystals(), mixture=Mixture(crystal_clean=1.0), fresh=0.3)
        if floor is not None:
            made.lengths = replace(made.lengths, clean_floor=floor)
        losses = [made.train_step() for _ in range(12)]
        assert max(state.age for state in made.states.pool) > 1
        assert all(loss < 1.0e-6 for loss in losses) == is_nothing and max(losses) > 0.0


def test_the_weight_of_pairs_goes_with_the_learning_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    state = trainer(crystals()).states.fresh()
    for factor, expected in ((1.0, 7.0), (0.5, 5.0), (0.0, 3.0)):
        losses = []
        for is_pair in (False, True):
            made = trainer(crystals(), pair_weight=(7.0, 3.0))
            monkeypatch.setattr(made.states, "draw", lambda step, is_pair=is_pair: [replace(state, is_pair=is_pair)])
            monkeypatch.setattr(made, "_learning_rate_factor", lambda step, factor=factor: factor)
            losses.append(made.train_step())
        assert losses[1] == pytest.approx(expected * losses[0])


def test_the_learning_rate_rises_and_falls_to_a_hundredth() -> None:
    made = trainer(crystals(), steps=1000)
    rates = [made._learning_rate_factor(step) for step in range(1001)]
    assert rates[0] == pytest.approx(0.01, rel=1e-3) and rates[-1] == pytest.approx(0.01)
    assert 90 < int(np.argmax(rates)) < 110 and max(rates) > 0.97
    assert (np.diff(rates[100:]) < 0.0).all()


def test_tuning_changes_the_layers_alone() -> None:
    made = trainer(crystals(), n_layers=1, tuning_steps=2)
    before = {name: value.clone() for name, value in made.network.state_dict().items()}
    made.tune_layers()
    for name, value in made.network.state_dict().items():
        assert torch.equal(value, before[name]) == (name != "message_weights")


def test_defects_and_thermal_snapshots_are_validated_where_they_are_trained_on() -> None:
    few = [a for group in ("crystal", "defect", "thermal") for a in [s for s in shipped() if group_of(s) == group][:10]]
    figures = trainer(few, mixture=shares(defect_noise=0.3, thermal=0.2)).validate()
    assert set(figures) == {"0.05", "0.1", "0.2", "defect 0.1", "thermal"}
    assert figures["defect 0.1"][0] == pytest.approx(0.1, rel=0.1)
    assert 0.05 < figures["thermal"][0] < 0.3
    assert all(len(row) == 5 for row in figures.values())
    assert set(trainer(few).validate()) == {"0.05", "0.1", "0.2"}


def test_a_trainer_goes_on_from_its_state() -> None:
    """Weights, optimiser, schedule, pool, random numbers: the next steps are the same, to the last bit."""
    one, other = trainer(crystals(), n_layers=1, wave_weight=0.1), trainer(crystals(), n_layers=1, wave_weight=0.1)
    for _ in range(8):
        one.train_step()
    assert one.states.pool
    written = BytesIO()
    torch.save(one.state_dict(), written)
    other.load_state_dict(torch.load(BytesIO(written.getvalue()), weights_only=True))
    assert [other.train_step() for _ in range(4)] == [one.train_step() for _ in range(4)]
    assert one.step == other.step == 12 < STAGE.steps
