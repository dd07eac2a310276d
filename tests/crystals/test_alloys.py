"""Random alloys: elements at random on the sites of a structure, relaxed by LAMMPS."""

import numpy as np
import pytest

from lammps_heal.crystals.crystal import guess
from lammps_heal.crystals.drafts import Draft, lattice
from lammps_heal.crystals.lammps_work import LammpsWork
from lammps_heal.crystals.relaxed_crystal import relaxed_crystal
from lammps_heal.crystals.structures import relaxed_draft
from lammps_heal.errors import HealError
from lammps_heal.hosts.potential import Potential

COPPER_NICKEL = ("Cu", "Ni")
POTENTIAL = Potential("eam/alloy", ("* * CuNi.eam.alloy Cu Ni",))


def test_shares_are_those_of_the_composition(rng: np.random.Generator) -> None:
    crystal = guess("fcc", COPPER_NICKEL, 3.58, (0.25, 0.75))
    block = crystal.block(6.0)
    assert (block.symbols == "Cu").sum() == round(0.25 * len(block))
    mixed = crystal.mixed(block, rng)  # without a spread: others, as many
    assert (mixed.symbols == "Cu").sum() == (block.symbols == "Cu").sum()
    assert (mixed.numbers != block.numbers).any()
    np.testing.assert_array_equal(mixed.positions, block.positions)
    assert crystal.scaled(1.01).composition == crystal.composition


def test_shares_are_drawn_within_the_spread(rng: np.random.Generator) -> None:
    crystal = guess("fcc", COPPER_NICKEL, 3.58, (0.5, 0.5), 0.2)
    drawn = np.array([crystal.drawn_shares(rng) for _ in range(200)])
    np.testing.assert_allclose(drawn.sum(1), 1.0)
    assert drawn[:, 0].min() >= 0.3 and drawn[:, 0].max() <= 0.7 and np.ptp(drawn[:, 0]) > 0.2


def test_a_guess_lies_between_the_elements() -> None:
    of_one = [guess("fcc", (element,)).lattice_constant for element in COPPER_NICKEL]
    assert guess("fcc", COPPER_NICKEL, None, (0.5, 0.5)).lattice_constant == pytest.approx(np.mean(of_one))


@pytest.mark.parametrize(
    ("structure", "composition", "spread", "message"),
    [
        ("B2", (0.5, 0.5), 0.0, "at random on the sites of fcc, bcc, hcp, diamond, got B2"),
        ("fcc", (0.5,), 0.0, "a share above 0 for each of Cu Ni, together 1"),
        ("fcc", (0.5, 0.6), 0.0, "together 1"),
        ("fcc", (0.0, 1.0), 0.0, "above 0"),
        ("fcc", (0.5, 0.5), 1.5, "spread below 1"),
        ("fcc", (), 0.0, "fcc has 1 species, got the elements Cu Ni"),
    ],
)
def test_what_is_no_alloy_is_refused(structure: str, composition: tuple[float, ...], spread: float, message: str) -> None:
    with pytest.raises(HealError, match=message):
        guess(structure, COPPER_NICKEL, None, composition, spread)


@pytest.mark.lammps
def test_lattice_constant_and_relaxation(rng: np.random.Generator) -> None:
    """Between those of the elements (3.52 and 3.615 Å in this potential); atoms rest a little off the sites."""
    crystal = relaxed_crystal("fcc", COPPER_NICKEL, POTENTIAL, composition=(0.5, 0.5), spread=0.2)
    assert 3.55 < crystal.lattice_constant < 3.60
    np.testing.assert_allclose(crystal.cell.cell.lengths(), crystal.lattice_constant)
    work = LammpsWork(POTENTIAL, COPPER_NICKEL)
    sites = crystal.block(4.0)
    one, other = (relaxed_draft(lattice(sites), crystal, work, rng) for _ in range(2))
    assert one is not None and other is not None
    assert (one.numbers != other.numbers).any()
    way = np.linalg.norm(one.positions - sites.positions, axis=1).max()
    assert 0.02 < way < 0.15
    vacant = sites.copy()
    del vacant[5]
    relaxed = relaxed_draft(Draft("", vacant, sites), crystal, work, rng)
    assert relaxed is not None and np.shape(relaxed.info["vacancies"]) == (1, 3)
