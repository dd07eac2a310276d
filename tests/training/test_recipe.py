from dataclasses import fields, replace
from pathlib import Path

import pytest
from conftest import ROOT
from trainings import RECIPES, recipe, shares

from lammps_heal.errors import HealError
from lammps_heal.training.mixture import NOISE, Mixture
from lammps_heal.training.recipe import Crystal, NetworkSizes, Recipe, Stage
from lammps_heal.training.recipe_file import read_recipe

ONE_STAGE = '[data]\nfiles = ["a.xyz"]\n[[stage]]\n'


def written(folder: Path, text: str, *changes: str) -> Recipe:
    (folder / "recipe.toml").write_text(text)
    return read_recipe(folder / "recipe.toml", changes)


@pytest.mark.parametrize("name", ["pt", "seed", "curve"])
def test_the_recipes_of_the_project_are_read(name: str) -> None:
    path = RECIPES / f"{name}.toml"
    assert read_recipe(path).text == path.read_text()


def test_the_seed_is_the_projects_first_training() -> None:
    seed = read_recipe(RECIPES / "seed.toml")
    assert seed.stages == (Stage(steps=2000, learning_rate=1e-3, sigma=(0.01, 0.10), mixture=NOISE, fresh=1.0),)
    assert seed.data == (Path("data/training_data.xyz"),)
    assert seed.network == NetworkSizes() and seed.crystal == Crystal("fcc", ("Pt",))


def test_a_stage_has_its_own_keys_and_those_of_all(tmp_path: Path) -> None:
    made = written(
        tmp_path,
        """
        [crystal]
        elements = ["Cu"]
        [network]
        cutoff = 5
        n_hidden = 32
        [data]
        files = ["a.xyz", "b.xyz"]
        [training]
        seed = 7
        steps = 10
        [mixture]
        crystal_noise = 0.6
        thermal = 0.4
        [[stage]]
        steps = 20
        [[stage]]
        n_hidden = 48
        sigma = [0, 0.5]
        [[stage]]
        [stage.mixture]
        defect_clean = 1
        """,
    )
    assert made.crystal.elements == ("Cu",) and made.data == (Path("a.xyz"), Path("b.xyz"))
    assert [stage.steps for stage in made.stages] == [20, 10, 10]
    assert {stage.seed for stage in made.stages} == {7}
    assert made.stages[1].sigma == (0.0, 0.5)
    assert made.stages[0].mixture == made.stages[1].mixture == Mixture(crystal_noise=0.6, thermal=0.4)
    assert made.stages[2].mixture == Mixture(defect_clean=1.0)
    assert [made.sizes(number).n_hidden for number in range(3)] == [32, 48, 48]
    assert made.sizes(0).cutoff == 5.0


def test_changes_are_made_and_kept(tmp_path: Path) -> None:
    changes = ("stage.1.steps=5", "training.sigma=[0.1, 0.2]", "network.n_layers = 2", 'crystal.elements=["Ni"]')
    made = written(tmp_path, ONE_STAGE + "steps = 3", *changes)
    assert made.stages[0].steps == 5 and made.stages[0].sigma == (0.1, 0.2)
    assert made.network.n_layers == 2 and made.crystal.elements == ("Ni",)
    assert made.changes == changes


@pytest.mark.parametrize(
    ("text", "change", "message"),
    [
        ("", "stage.1.stesp=5", 'no key of stage 1 "stesp": did you mean "steps"'),
        ("", "netwrok.n_layers=2", 'no table "netwrok": did you mean "network"'),
        ("", "training.steps", "sets nothing, needed: key=value"),
        ("", "stage.2.steps=5", "there is no stage 2, there are 1 to 1"),
        ("", "stage.steps=5", "for a stage its number"),
        ("", "training.steps=2.5", "steps of stage 1 must be of type int, got 2.5"),
        ("", "training.steps=true", "steps of stage 1 must be of type int, got True"),
        ("", "training.sigma=0.1", "sigma of stage 1 must be a list of 2 values, got 0.1"),
        ("", "training.sigma=[0.2, 0.1]", "the smaller first, got"),
        ("", "training.steps=0", "counts above 0, got steps = 0"),
        ("", "training.tuning_steps=-1", "counts above 0, got tuning_steps = -1"),
        ("", "training.learning_rate=0", "learning_rate must be above 0"),
        ("", "training.fresh=1.5", "fresh is a share from 0 to 1, got 1.5"),
        ("", "mixture.crystal_noise=0.7", "mixture of stage 1: shares must sum to 1, got 0.7: crystal_noise = 0.7"),
        ("", "mixture.hop=-1", "a share is from 0 to 1, got hop = -1"),
        ("wave_weight = 0.4", "crystal.structure=bcc", "know fcc of one element, the recipe is of bcc"),
        ("[[crystal]]\n[[crystal]]", "training.seed=1", "a file of structures for each of its 2 crystals, in their order, got 1"),
        ("", "start.file=bcc", 'there is no key of [start] "file"'),
        ("", "training.n_hidden=8", "a network can gain hidden units and not lose them, got stages of [8]"),
        ("", "network.switch_on=1", "0 <= switch_on < 1"),
        ("", "network.n_channels=0", "n_channels, n_hidden > 0"),
        ("", 'data.files=["a/x.xyz", "b/x.xyz"]', "each of another name"),
        ("", "data.files=a.xyz", "files of [data] must be a list of names, got 'a.xyz'"),
        ("", "stage=[]", "it has no [[stage]]"),
        ("", "network=8", "[network] must be a table, got 8"),
        ("[[stage", "training.seed=1", "is no TOML"),
    ],
)
def test_what_is_wrong_is_named_with_its_file(text: str, change: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(HealError) as error:
        written(tmp_path, ONE_STAGE + text, change)
    assert str(error.value).startswith(f'recipe "{tmp_path / "recipe.toml"}"')
    assert message in str(error.value)


def test_a_recipe_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(HealError, match=r'recipe ".*none.toml" does not exist: name one'):
        read_recipe(tmp_path / "none.toml")


def test_all_that_determines_the_weights_is_in_the_record() -> None:
    made = recipe(Path("a.xyz"))
    assert made.as_json()["stages"][0]["sigma"] == [0.01, 0.2]
    for other in (recipe(Path("b.xyz")), recipe(Path("a.xyz"), n_layers=1), recipe(Path("a.xyz"), mixture=shares(thermal=0.1))):
        assert made.as_json() != other.as_json()
    assert made.as_json() == replace(made, text="# a comment", changes=("training.seed=1",)).as_json()


def test_the_readme_names_every_key() -> None:
    text = (ROOT / "lammps_heal/training/README.md").read_text()
    shares = [field.name.removeprefix("defect") if field.name.startswith("defect_") else field.name for field in fields(Mixture)]
    for name in [field.name for kind in (Crystal, NetworkSizes, Stage) for field in fields(kind)] + shares:
        assert name in text, name


def test_a_crystal_with_a_potential_and_a_start_are_in_the_record(tmp_path: Path) -> None:
    changes = (
        "crystal.structure=bcc",
        'crystal.pair_style="eam/fs"',
        'crystal.pair_coeff=["* * Fe_mm.eam.fs Fe"]',
        "start.model=fcc",
    )
    made = written(tmp_path, ONE_STAGE, *changes)
    assert made.start == made.as_json()["start"] == "fcc"
    assert made.as_json()["crystal"]["pair_coeff"] == ["* * Fe_mm.eam.fs Fe"]
    assert set(written(tmp_path, ONE_STAGE).as_json()["crystal"]) == {"structure", "elements"}
