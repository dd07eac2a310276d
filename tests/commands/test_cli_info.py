"""`lammps-heal info`: readable at a glance, complete as JSON, and a check of all that is in the file."""

import json
import sys

import pytest
from conftest import MODEL

from lammps_heal.commands.info import FIGURE_STEPS, compare, require_agreement, summary
from lammps_heal.commands.main import main
from lammps_heal.errors import HealError
from lammps_heal.model.model_file import Model
from lammps_heal.step.backends import AGREEMENT


def test_the_summary_says_what_the_model_is_for(model: Model) -> None:
    lines = dict(line.split("  ", 1) for line in summary(model).splitlines() if "  " in line.strip())
    values = {name: text.strip() for name, text in lines.items()}
    assert values["structure"] == "fcc"
    assert values["elements"] == "Pt (195.084 g/mol)"
    assert values["lattice constant"] == "3.92 Å; trained on 3.76 to 4.08 Å"
    assert values["noise"].startswith("0.01 to 0.65 Å")
    assert values["cutoff"] == "6 Å; with 2 message-passing layers a step sees 24 Å far"
    assert values["weights, SHA-256"] == model.weights_hash
    assert "lammps-heal train" in summary(model)
    assert max(map(len, summary(model).split("trained by")[0].splitlines())) < 130


def test_the_figures_of_the_training_are_a_table(model: Model) -> None:
    table = summary(model).splitlines()[-len(model.training["figures"]) - 1 :]
    assert table[0].split() == "σ, Å 0 steps 1 step 2 steps 4 steps 8 steps".split()
    for line, (name, row) in zip(table[1:], model.training["figures"].items(), strict=True):
        assert line.startswith(name)
        assert len(row) == len(FIGURE_STEPS)
        assert [float(word) for word in line.removeprefix(name).split()] == pytest.approx(row, abs=5e-5)


def test_json_has_all_of_it(model: Model, capsys: pytest.CaptureFixture[str]) -> None:
    main(["info", str(MODEL), "--json"])
    written = json.loads(capsys.readouterr().out)
    assert written == json.loads(json.dumps({**model.describe(), "path": str(MODEL)}))


def test_kernel_record_and_torchscript_agree(model: Model, capsys: pytest.CaptureFixture[str]) -> None:
    found = compare(model)
    assert "TorchScript" in found and any(way.startswith("kernel, ") for way in found)
    assert all(difference <= AGREEMENT for difference in found.values())
    main(["info", str(MODEL), "--verify", "--json"])
    assert json.loads(capsys.readouterr().out)["verification"] == pytest.approx(found, abs=1e-7)


@pytest.mark.parametrize("difference", [2 * AGREEMENT, float("nan")])
def test_a_difference_is_an_error_that_names_what_differs(difference: float) -> None:
    with pytest.raises(HealError, match=r"^kernel, avx2: further than 0.0001 Å from the record: build"):
        require_agreement({"kernel, avx2": difference, "TorchScript": 0.0})


def test_torch_is_asked_for_where_it_is_needed(
    monkeypatch: pytest.MonkeyPatch, model: Model, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "lammps_heal.model.scripted", None)
    main(["info", str(MODEL)])
    assert "fcc" in capsys.readouterr().out
    with pytest.raises(HealError, match="torch does not import"):
        compare(model)
