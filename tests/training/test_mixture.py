import pytest
from trainings import RECIPES

from lammps_heal.training.mixture import Fractions, Mixture, NoiseFractions
from lammps_heal.training.recipe_file import read_recipe


def test_fractions_draw_the_shares() -> None:
    """The probability of each kind is the product of the decisions that lead to it."""
    mixture = Mixture(0.05, 0.06, 0.07, 0.08, 0.09, 0.1, 0.11, 0.12, 0.13, 0.14, 0.05)
    f = Fractions.of(mixture)
    crystals = 1.0 - f.defect - f.thermal
    drawn = {"thermal": f.thermal, "hop": crystals * f.pair * f.hop, "frenkel_pair": crystals * f.pair * (1.0 - f.hop)}
    for name, group, fractions in (("crystal", crystals * (1.0 - f.pair), f.crystals), ("defect", f.defect, f.defects)):
        drawn[f"{name}_long_wavelength"] = group * fractions.long_wavelength
        left = group * (1.0 - fractions.long_wavelength)
        drawn[f"{name}_clean"] = left * fractions.clean
        drawn[f"{name}_inhomogeneous"] = left * (1.0 - fractions.clean) * fractions.inhomogeneous
        drawn[f"{name}_noise"] = left * (1.0 - fractions.clean) * (1.0 - fractions.inhomogeneous)
    assert drawn == pytest.approx(vars(mixture))


def test_nothing_is_divided_by_nothing() -> None:
    f = Fractions.of(Mixture(thermal=1.0))
    assert f == Fractions(0.0, 1.0, 0.0, 0.0, NoiseFractions(0.0, 0.0, 0.0), NoiseFractions(0.0, 0.0, 0.0))


def test_the_shipped_recipe_draws_what_the_shipped_weights_were_trained_on() -> None:
    """The fractions, to the last bit, that the recorded commands of the training gave."""
    first, second, third = (Fractions.of(stage.mixture) for stage in read_recipe(RECIPES / "pt.toml").stages)
    crystals, defects = NoiseFractions(0.15, 0.5 * 0.2, 0.25), NoiseFractions(0.15, 0.5, 0.25)
    assert first == second == Fractions(0.4, 0.1, 0.6, 0.2, crystals, defects)
    assert third == Fractions(0.6, 0.1, 0.6, 0.2, NoiseFractions(0.15, 0.65, 0.25), NoiseFractions(0.15, 0.65, 0.25))
