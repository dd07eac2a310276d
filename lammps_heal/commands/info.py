"""`lammps-heal info`: what a model file says of itself, and whether all that is in it agrees."""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lammps_heal.commands.parser import MODEL, Subcommands
from lammps_heal.errors import HealError
from lammps_heal.tables import aligned

if TYPE_CHECKING:
    from lammps_heal.model.model_file import Model

FIGURE_STEPS = (0, 1, 2, 4, 8)  # healing steps after which a training validates


def add_parser(subparsers: Subcommands) -> None:
    parser = subparsers.add_parser("info", help="print what a model file says of itself")
    parser.set_defaults(run=run)
    parser.add_argument("model", type=Path, nargs="?", default=MODEL, help="name or file (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print all that it says, as JSON")
    parser.add_argument("--verify", action="store_true", help="compare kernel, record and TorchScript (needs torch)")


def run(options: argparse.Namespace) -> None:
    from lammps_heal.model.model_file import load

    model = load(options.model)
    differences = compare(model) if options.verify else {}
    if options.json:
        verification = {"verification": differences} if options.verify else {}
        print(json.dumps({**model.describe(), **verification}, indent=2, ensure_ascii=False))
    else:
        print("\n".join([summary(model), *_compared(differences)]))
    if options.verify:
        require_agreement(differences)


def summary(model: "Model") -> str:
    """What a user asks first, a line each, and the figures of its training."""
    described, training = model.describe(), model.training
    low, high = model.lattice_constants
    elements = zip(model.elements, model.masses, strict=True)
    lines = {
        "model": model.path,
        "structure": ", ".join(model.structures),
        "elements": ", ".join(f"{element} ({mass:g} g/mol)" for element, mass in elements),
        "species": "it sees them: " + ", ".join(model.elements) if model.n_species > 1 else "",
        "lattice constant": f"{model.lattice_constant:.6g} Å; trained on {low:.3g} to {high:.3g} Å",
        "noise": f"{model.sigmas[0]:g} to {model.sigmas[1]:g} Å, standard deviation per component",
        "cutoff": f"{model.cutoff:g} Å; with {model.n_layers} message-passing layers a step sees {_reach(model):g} Å far",
        "longest displacement": f"{model.max_displacement:g} Å a step",
        "network": f"{described['n_channels']} channels, {described['n_hidden']} hidden units, {model.n_parameters:,} parameters",
        "weights, SHA-256": model.weights_hash,
        "file": f"format {described['format_version']}, SHA-256 {described['file_sha256']}",
        "data, SHA-256": ", ".join(f"{name} {digest[:12]}" for name, digest in training.get("data_sha256", {}).items()),
        "trained by": _commands(training.get("command", "")),
    }
    width = max(map(len, lines)) + 2
    return "\n".join([f"{name:<{width}}{text}" for name, text in lines.items() if text] + _figures(training.get("figures", {})))


def _commands(joined: str) -> str:
    """Each on a line of its own."""
    commands = joined.split(" && ")
    return joined if len(commands) == 1 else "\n  ".join([f"{len(commands)} trainings, one after the other", *commands])


def _reach(model: "Model") -> float:
    """Å: two cutoffs for the pair forces, one more for each message-passing layer."""
    return (2 + model.n_layers) * model.cutoff


def _figures(figures: Mapping[str, Sequence[float]]) -> list[str]:
    if not figures:
        return []
    titles = ["σ, Å", *(f"{n} steps" if n != 1 else "1 step" for n in FIGURE_STEPS)]
    lines = [[name, *(f"{value:.4f}" for value in row)] for name, row in figures.items()]
    return [
        "",
        "RMSD to the sites per component, Å, of structures that it was not trained on:",
        aligned(titles, lines, titles[1:]),
    ]


def compare(model: "Model") -> dict[str, float]:
    """Å: how far each way to compute the file's recorded displacements is from them. Raises HealError without torch."""
    from lammps_heal.step.backends import verify

    try:
        return dict(verify(model))
    except ImportError as reason:
        raise HealError(f"--verify compares with TorchScript, and torch does not import ({reason}): pip install torch") from None


def _compared(differences: Mapping[str, float]) -> list[str]:
    if not differences:
        return []
    lines = [[way, f"{difference:.2g}"] for way, difference in differences.items()]
    return ["", aligned(["displacements of", "furthest from the record, Å"], lines)]


def require_agreement(differences: Mapping[str, float]) -> None:
    """Raise HealError where one is further from the record than a host allows."""
    from lammps_heal.step.backends import AGREEMENT

    wrong = [way for way, difference in differences.items() if not difference <= AGREEMENT]
    if wrong:
        remedy = 'build the kernel anew with "lammps-heal build-plugin", or export the model anew'
        raise HealError(f"{', '.join(wrong)}: further than {AGREEMENT:g} Å from the record: {remedy}")
