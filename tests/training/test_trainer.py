import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import ase.io
import numpy as np
import pytest
import torch
from ase import Atoms
from conftest import ROOT, TOLERANCE, fcc
from networks import displacements

from lammps_heal.analysis.sites import count_defects, site_distances, vectors_to_sites
from lammps_heal.commands.train import TRAINING_DATA
from lammps_heal.errors import HealError
from lammps_heal.model.export import export
from lammps_heal.model.model_file import load
from lammps_heal.model.scripted import weights_hash
from lammps_heal.training import trainer as training
from lammps_heal.training.options import TrainingOptions
from lammps_heal.training.structures import START, group_of, read_training_structures
from lammps_heal.training.trainer import Trainer, describe_crystals, train
from lammps_heal.training.weights import read_network

SMALL = TrainingOptions(
    steps=30,
    cutoff=5.0,
    n_basis=10,
    n_channels=4,
    n_hidden=16,
    sigma_max=0.2,
    learning_rate=3e-3,
    fresh_fraction=0.5,
    validate_every=10,
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "structures.xyz"
    crystals = [fcc(3, 3.92 * scale) for scale in np.linspace(0.98, 1.02, 11)]
    for crystal in crystals[1::2]:
        del crystal[0]
    ase.io.write(path, crystals, format="extxyz")
    return path


@pytest.fixture(scope="module")
def shipped() -> list[Atoms]:
    return read_training_structures([ROOT / path for path in TRAINING_DATA])


def run(data: Path, options: TrainingOptions, folder: Path, resume: bool = False) -> dict[str, list[float]]:
    return train([data], options, folder / "weights.pth", folder / "last.pth", folder / "log", resume=resume)


def test_training_heals_better_with_each_validation(data: Path, tmp_path: Path) -> None:
    run(data, replace(SMALL, steps=200, validate_every=100), tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [line["step"] for line in lines] == [100, 200]
    assert lines[1]["score"] < lines[0]["score"]
    start, after_one_step = lines[1]["rmsd"]["0.1"][:2]
    assert after_one_step < 0.6 * start


def test_an_interrupted_training_resumes_exactly(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    run(data, SMALL, whole)
    original = Trainer.train_step

    def interrupted(self: Trainer) -> float:
        if self.step == 15:
            raise KeyboardInterrupt
        return original(self)

    monkeypatch.setattr(Trainer, "train_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(data, SMALL, parts)
    monkeypatch.undo()
    run(data, SMALL, parts, resume=True)
    first, second = (torch.load(folder / "last.pth", weights_only=True)["network"] for folder in (whole, parts))
    for name, value in first.items():
        assert torch.equal(value, second[name]), name


def test_the_last_weights_are_kept_whatever_their_score(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worse_and_worse = iter(range(1, 10))
    monkeypatch.setattr(training, "score", lambda figures: next(worse_and_worse))
    figures = run(data, replace(SMALL, steps=20), tmp_path)
    kept, last = (torch.load(tmp_path / name, weights_only=True) for name in ("weights.pth", "last.pth"))
    assert kept["step"] == 20 and kept["figures"] == figures
    for name, value in last["network"].items():
        assert torch.equal(value, kept["network"][name]), name


def test_waves_and_relays_are_trained_and_resumed(data: Path, tmp_path: Path) -> None:
    waves = replace(SMALL, steps=12, validate_every=6, wave_weight=0.1, n_layers=2)
    run(data, waves, tmp_path)
    relays = torch.load(tmp_path / "weights.pth", weights_only=True)["network"]["message_weights"]
    assert relays.shape == (SMALL.n_basis, 4)
    assert (relays.abs().amax(0) > 0.0).all()  # they begin at zero
    untrained = Trainer(ase.io.read(data, ":"), waves)
    state = torch.load(tmp_path / "last.pth", weights_only=True)
    untrained.load_state_dict(state)
    assert untrained.step == 12
    assert torch.equal(untrained.network.message_weights, state["network"]["message_weights"])
    exported = read_network(tmp_path / "weights.pth")
    assert exported.n_layers == 2 and torch.equal(exported.network.message_weights, relays)


def test_the_loss_on_waves_is_part_of_the_training(data: Path) -> None:
    first = [Trainer(ase.io.read(data, ":"), replace(SMALL, wave_weight=weight)).train_step() for weight in (0.0, 0.1, 0.2)]
    assert abs(first[1] - first[0]) > 1e-3
    assert first[2] - first[0] == pytest.approx(2.0 * (first[1] - first[0]), rel=1e-3)


def test_displacements_of_a_batch_are_those_of_each_cell(data: Path) -> None:
    trainer = Trainer(ase.io.read(data, ":"), replace(SMALL, n_layers=2, cells_per_step=3))
    with torch.no_grad():
        trainer.network.message_weights.normal_(0.0, 0.02)
        states = trainer.draw_states()
        answers = trainer._answers(states)
    assert len({len(trainer.training_set[state.structure]) for state in states}) > 1
    for state, answer in zip(states, answers, strict=True):
        atoms = trainer.training_set[state.structure].copy()
        atoms.positions = state.positions
        expected = displacements(trainer.network, atoms)
        assert np.abs(expected).max() > 1e-3
        np.testing.assert_allclose(answer.numpy(), expected, atol=TOLERANCE[torch.float32])


def test_other_options_cannot_resume(data: Path, tmp_path: Path) -> None:
    run(data, replace(SMALL, steps=10), tmp_path)
    with pytest.raises(HealError, match=r"other options \(seed\)"):
        run(data, replace(SMALL, steps=10, seed=9), tmp_path, resume=True)


def test_resuming_without_a_checkpoint_says_so(data: Path, tmp_path: Path) -> None:
    with pytest.raises(HealError, match="start without --resume"):
        run(data, SMALL, tmp_path, resume=True)


def test_a_training_starts_from_the_weights_of_another(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And tells both commands; a network of another size is refused before anything is written."""
    run(data, SMALL, tmp_path)
    first = read_network(tmp_path / "weights.pth")
    second, begun = tmp_path / "second", []
    original = Trainer.train_step
    monkeypatch.setattr(Trainer, "train_step", lambda self: begun.append(weights_hash(self.network)) or original(self))
    files = second / "weights.pth", second / "last.pth", second / "log"
    train([data], replace(SMALL, learning_rate=1e-4), *files, start=tmp_path / "weights.pth")
    assert begun[0] == first.weights_hash != begun[-1]
    commands = read_network(second / "weights.pth").training["command"]
    assert commands == " && ".join([json.loads(first.training_record)["command"]] * 2)
    with pytest.raises(HealError, match="of another size"):
        train([data], replace(SMALL, n_channels=8), *(tmp_path / "third" / f.name for f in files), start=tmp_path / "weights.pth")
    assert not (tmp_path / "third").exists()


def test_a_wider_network_starts_with_the_answers_of_the_other(data: Path, tmp_path: Path) -> None:
    run(data, SMALL, tmp_path)
    narrow = read_network(tmp_path / "weights.pth").network
    trainer = Trainer(ase.io.read(data, ":"), replace(SMALL, n_hidden=SMALL.n_hidden + 5))
    training._start_from(narrow.state_dict(), trainer.network, tmp_path)
    states = [trainer.fresh_state() for _ in range(2)]
    wide, wide_answers = trainer.network, trainer._answers(states)
    trainer.network = narrow
    for wide_answer, answer in zip(wide_answers, trainer._answers(states), strict=True):
        assert answer.abs().max() > 1e-4
        torch.testing.assert_close(wide_answer, answer, rtol=1e-4, atol=1e-6)
    with pytest.raises(HealError, match="of another size"):
        training._start_from(wide.state_dict(), narrow, tmp_path)


def test_at_the_end_the_relays_alone_are_tuned(data: Path, tmp_path: Path) -> None:
    networks = []
    for layer_steps in (0, 2):
        run(data, replace(SMALL, steps=3, n_layers=1, layer_steps=layer_steps), tmp_path)
        networks.append(read_network(tmp_path / "weights.pth").network.state_dict())
    for name, value in networks[0].items():
        assert torch.equal(value, networks[1][name]) == (name != "message_weights")


def test_weights_become_a_model_file(data: Path, tmp_path: Path) -> None:
    run(data, replace(SMALL, steps=10), tmp_path)
    export(read_network(tmp_path / "weights.pth"), tmp_path / "model.pt")
    said = load(tmp_path / "model.pt").describe()
    assert said["elements"] == ["Pt"] and said["cutoff"] == 5.0
    assert said["sigmas"] == [SMALL.sigma_min, SMALL.sigma_max]
    assert said["training"]["options"]["seed"] == SMALL.seed


def test_noise_has_the_sigma_that_was_drawn(data: Path) -> None:
    trainer = Trainer(ase.io.read(data, ":"), replace(SMALL, clean_fraction=0.0))
    for _ in range(20):
        state = trainer.fresh_state()
        noise = state.positions - trainer.training_set[state.structure].positions
        assert SMALL.sigma_min <= state.sigma <= SMALL.sigma_max
        assert noise.std() == pytest.approx(state.sigma, rel=0.15)


def test_fresh_states_are_drawn_from_each_group_as_often_as_told(shipped: list[Atoms]) -> None:
    trainer = Trainer(shipped, replace(SMALL, defect_fraction=0.3, thermal_fraction=0.2))
    drawn = Counter(group_of(trainer.training_set[trainer.fresh_state().structure]) for _ in range(1000))
    # Four standard deviations of a binomial are 0.06.
    for group, fraction in {"crystal": 0.5, "defect": 0.3, "thermal": 0.2}.items():
        assert drawn[group] / 1000 == pytest.approx(fraction, abs=0.06), group


def test_only_crystals_are_drawn_unless_told_otherwise(shipped: list[Atoms]) -> None:
    trainer, crystals_alone = Trainer(shipped, SMALL), Trainer([a for a in shipped if group_of(a) == "crystal"], SMALL)
    for _ in range(20):
        np.testing.assert_array_equal(trainer.fresh_state().positions, crystals_alone.fresh_state().positions)


def test_what_never_had_noise_is_held_to_a_finer_measure(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = replace(SMALL, clean_fraction=1.0, fresh_fraction=0.3)
    for floor, is_nothing in ((1.0e6, True), (training.CLEAN_FLOOR, False)):
        monkeypatch.setattr(training, "CLEAN_FLOOR", floor)
        trainer = Trainer(ase.io.read(data, ":"), options)
        losses = [trainer.train_step() for _ in range(12)]
        assert max(state.age for state in trainer.pool) > 1
        assert all(loss < 1.0e-6 for loss in losses) == is_nothing and max(losses) > 0.0


def test_thermal_states_are_to_become_their_quenched_structure(shipped: list[Atoms]) -> None:
    trainer = Trainer(shipped, replace(SMALL, thermal_fraction=1.0))
    for _ in range(20):
        state = trainer.fresh_state()
        quenched = trainer.training_set[state.structure]
        np.testing.assert_array_equal(state.positions, quenched.arrays[START])
        way = quenched.positions - state.positions
        np.testing.assert_allclose(trainer._target(state), way - way.mean(0), atol=1e-9)
        assert state.sigma == pytest.approx(way.std(), rel=0.02)


@pytest.mark.parametrize("half_way", [0.0, 1.0])
def test_a_close_frenkel_pair_is_to_recombine(data: Path, half_way: float) -> None:
    options = replace(SMALL, frenkel_fraction=1.0, half_way_fraction=half_way)
    trainer, damage = Trainer(ase.io.read(data, ":"), options), []
    for _ in range(20):
        state = trainer.fresh_state()
        sites = trainer.training_set[state.structure]
        damage.append(count_defects(state.positions, sites).interstitials > 0)
        target = trainer._target(state)
        np.testing.assert_allclose(target.mean(0), 0.0, atol=1e-9)
        # Each site has an atom again, but for the shift of the whole cell that noise has.
        recombined = state.positions + vectors_to_sites(state.positions, sites)
        assert np.linalg.norm(vectors_to_sites(recombined, sites), axis=1).max() < 1e-9
        assert len(np.unique(site_distances(recombined, sites, 1)[1])) == len(sites)
        shift = recombined - state.positions - target
        np.testing.assert_allclose(shift, np.broadcast_to(shift[0], shift.shape), atol=1e-9)
    # The others have an atom half-way into a vacancy, which is to fall back.
    assert all(damage) == (half_way == 0.0)


def test_the_first_steps_are_of_frenkel_pairs_alone_and_their_weight_goes_with_the_learning_rate(
    shipped: list[Atoms], monkeypatch: pytest.MonkeyPatch
) -> None:
    options = replace(SMALL, sigma_max=0.05, frenkel_steps=2, half_way_fraction=0.0, defect_fraction=0.5)
    trainer = Trainer(shipped, options)
    for step, expected in ((0, {True}), (1, {True}), (2, {False})):
        trainer.step = step
        states = [trainer.fresh_state() for _ in range(20)]
        assert {state.is_pair for state in states} == expected
        sites = [trainer.training_set[state.structure] for state in states]
        pairs = [count_defects(state.positions, atoms).interstitials > 0 for state, atoms in zip(states, sites, strict=True)]
        assert all(pairs) == (step < 2)
    state = states[0]
    for factor, expected in ((1.0, 7.0), (0.5, 5.0), (0.0, 3.0)):
        losses = []
        for is_pair in (False, True):
            trainer = Trainer(shipped, replace(options, frenkel_steps=0, frenkel_weight=7.0, frenkel_last_weight=3.0))
            monkeypatch.setattr(trainer, "draw_states", lambda is_pair=is_pair: [replace(state, is_pair=is_pair)])
            monkeypatch.setattr(trainer, "_learning_rate_factor", lambda step, factor=factor: factor)
            losses.append(trainer.train_step())
        assert losses[1] == pytest.approx(expected * losses[0])


def test_frenkel_pairs_are_drawn_as_often_as_told(shipped: list[Atoms]) -> None:
    """Of the crystals; neither defects nor thermal snapshots get one."""
    options = replace(SMALL, sigma_max=0.05, frenkel_fraction=0.5, defect_fraction=0.3, thermal_fraction=0.2)
    trainer, found = Trainer(shipped, options), {"crystal": [], "defect": [], "thermal": []}
    for _ in range(300):
        state = trainer.fresh_state()
        atoms = trainer.training_set[state.structure]
        way = np.linalg.norm(state.positions - atoms.positions, axis=1)
        if group_of(atoms) == "thermal":
            np.testing.assert_array_equal(state.positions, atoms.arrays[START])
        found[group_of(atoms)].append(way.max() > 0.8)  # some of the hottest atoms of thermal snapshots are as far
    # Three standard deviations of a binomial of 150.
    assert np.mean(found["crystal"]) == pytest.approx(0.5, abs=0.13)
    assert not any(found["defect"])
    assert found["thermal"]


def test_smooth_displacements_are_drawn_as_often_as_told(data: Path) -> None:
    options = replace(SMALL, sigma_min=0.4, sigma_max=0.4, clean_fraction=0.0)
    for fraction, expected in ((0.0, 0.0), (0.5, 0.5), (1.0, 1.0)):
        trainer = Trainer(ase.io.read(data, ":"), replace(options, smooth_fraction=fraction))
        states = [trainer.fresh_state() for _ in range(200)]
        smooth = [state for state in states if state.sigma < 0.3]
        assert len(smooth) / len(states) == pytest.approx(expected, abs=0.15 * (0 < fraction < 1))


def test_uneven_noise_is_drawn_as_often_as_told(data: Path) -> None:
    options = replace(SMALL, sigma_min=0.2, sigma_max=0.2, clean_fraction=0.0)
    for fraction, expected in ((0.0, 0.0), (0.5, 0.5), (1.0, 1.0)):
        trainer = Trainer(ase.io.read(data, ":"), replace(options, uneven_fraction=fraction))
        states = [trainer.fresh_state() for _ in range(200)]
        assert np.mean([state.sigma < 0.199 for state in states]) == pytest.approx(expected, abs=0.15 * (0 < fraction < 1))
        for state in states[:20]:
            noise = vectors_to_sites(state.positions, trainer.training_set[state.structure])
            assert noise.std() == pytest.approx(state.sigma, rel=0.4)


def test_defects_and_thermal_snapshots_are_validated_where_they_are_trained_on(shipped: list[Atoms]) -> None:
    few = [a for group in ("crystal", "defect", "thermal") for a in [s for s in shipped if group_of(s) == group][:10]]
    figures = Trainer(few, replace(SMALL, defect_fraction=0.3, thermal_fraction=0.2)).validate()
    assert set(figures) == {"0.05", "0.1", "0.2", "defect 0.1", "thermal"}
    assert figures["defect 0.1"][0] == pytest.approx(0.1, rel=0.1)
    assert 0.05 < figures["thermal"][0] < 0.3
    assert all(len(row) == 5 for row in figures.values())
    assert set(Trainer(few, SMALL).validate()) == {"0.05", "0.1", "0.2"}


def test_a_fraction_of_structures_that_are_not_there_is_refused(data: Path) -> None:
    with pytest.raises(HealError, match=r"at least 10 structures \(defect\), got 0"):
        Trainer(ase.io.read(data, ":"), replace(SMALL, defect_fraction=0.1))


def test_each_group_holds_out_a_tenth(shipped: list[Atoms]) -> None:
    trainer = Trainer(shipped, SMALL)
    assert Counter(map(group_of, trainer.validation_set)) == {"crystal": 28, "defect": 31, "thermal": 3}
    assert len(trainer.training_set) + len(trainer.validation_set) == len(shipped)


def test_validation_structures_are_not_trained_on(data: Path) -> None:
    trainer = Trainer(ase.io.read(data, ":"), SMALL)
    trained = [s.positions.tobytes() for s in trainer.training_set]
    assert not any(s.positions.tobytes() in trained for s in trainer.validation_set)
    assert len(trained) + len(trainer.validation_set) == 11


def test_lattice_constants_are_read_from_the_structures(shipped: list[Atoms]) -> None:
    slab = fcc(3)
    slab.info["kind"] = "surface_100"
    slab.center(vacuum=10.0, axis=2)  # 4 n^3 atoms too, and no crystal
    said = describe_crystals([*shipped, slab])
    assert said["element"] == "Pt"
    assert said["lattice_constant"] == pytest.approx(3.92, abs=1e-6)
    np.testing.assert_allclose(said["lattice_constants"], [0.96 * 3.92, 1.04 * 3.92], rtol=1e-6)


def test_export_without_weights_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(HealError, match="lammps-heal train"):
        read_network(tmp_path / "none.pth")
