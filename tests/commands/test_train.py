"""Commands that train: what they ask for, and where they write."""

import sys
from pathlib import Path

import pytest
from conftest import ROOT

from lammps_heal.commands.main import main, parser

RECIPE = ROOT / "inputs/training/pt.toml"


@pytest.mark.parametrize(
    ("words", "missing", "extra"),
    [
        (("train", str(RECIPE)), "lammps_heal.training.stages", "train"),
        (("curve", str(RECIPE)), "lammps_heal.training.curve", "train"),
        (("export",), "lammps_heal.training.weights", "torch"),
    ],
)
def test_an_extra_that_is_missing_is_named(
    words: tuple[str, ...], missing: str, extra: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(SystemExit) as error:
        main(words)
    assert error.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith("lammps-heal: this needs more than is installed (") and said.endswith(
        f"pip install 'lammps-heal[{extra}]'\n"
    )


@pytest.mark.parametrize(
    ("words", "output"),
    [((), "data/pt_heal.pt"), (("runs/trial.pth",), "runs/trial.pt"), (("runs/trial.pth", "-o", "fe.pt"), "fe.pt")],
)
def test_an_export_of_a_trial_leaves_the_shipped_model_alone(
    words: tuple[str, ...], output: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written: list[Path] = []
    monkeypatch.setattr("lammps_heal.training.weights.read_network", lambda path: path)
    monkeypatch.setattr("lammps_heal.model.export.export", lambda network, path: written.append(path))
    main(("export", *words))
    assert written == [Path(output)]
    assert capsys.readouterr().out == f"wrote {output}\n"


def test_changes_of_a_recipe_are_gathered() -> None:
    options = parser().parse_args(["train", "a.toml", "--set", "training.seed=2", "--set", "stage.1.steps=3"])
    assert options.set == ["training.seed=2", "stage.1.steps=3"]
    assert not options.resume and options.output is None and options.folder == Path("runs")
