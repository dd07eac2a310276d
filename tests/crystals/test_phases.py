"""Joint models: the crystals that they are scaled to, and layers of two phases."""

from dataclasses import replace

import numpy as np
import pytest

from lammps_heal.analysis.local_structure import FCC, HCP
from lammps_heal.crystals.crystal import guess
from lammps_heal.crystals.fit import Subject, model_for
from lammps_heal.crystals.lammps_work import LammpsWork
from lammps_heal.crystals.phases import LAYERS, fcc_on_hcp
from lammps_heal.crystals.thorough import labels
from lammps_heal.hosts.potential import Potential
from lammps_heal.model.model_file import load


def test_half_of_the_layers_are_fcc_and_half_hcp() -> None:
    crystal = guess("fcc", ("Pt",))
    layers = fcc_on_hcp(crystal, 4.0)
    found = labels(layers, crystal)
    per_layer = len(layers) // len(LAYERS)
    # Of the two layers where one phase meets the other, each has neighbours of one of them.
    assert (found == FCC).sum() == (found == HCP).sum() == len(layers) // 2
    assert len(layers) == per_layer * len(LAYERS)
    assert layers.get_all_distances(mic=True)[0, 1:].min() == pytest.approx(crystal.nn)


@pytest.mark.parametrize(("structure", "element"), [("bcc", "W"), ("hcp", "Mg"), ("fcc", "Al")])
def test_a_joint_model_is_scaled_to_the_nearest_neighbours_of_each_crystal(structure: str, element: str) -> None:
    subject = Subject(guess(structure, (element,)), LammpsWork(Potential("none", ()), (element,)), 1000.0)
    one = load("fcc")
    joint = replace(one, structures=("fcc", "bcc", "hcp"))
    fitting = model_for(joint, subject)
    assert fitting.lattice_constant == pytest.approx(np.sqrt(2.0) * subject.crystal.nn)
    assert fitting.cutoff / subject.crystal.nn == pytest.approx(one.cutoff / (one.lattice_constant * np.sqrt(0.5)))
    assert model_for(one, subject) is one
