"""`lammps-heal train`: trains the network."""

import argparse
from dataclasses import fields
from pathlib import Path

from lammps_heal.commands.parser import Subcommands
from lammps_heal.training.options import TrainingOptions

TRAINING_DATA = [Path(f"data/training_{name}.xyz") for name in ("data", "defects", "thermal")]
WEIGHTS = Path("data/best_denoise_model.pth")


def add_parser(subparsers: Subcommands) -> None:
    parser = subparsers.add_parser("train", help="train the network")
    parser.set_defaults(run=run)
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="trained weights (default: %(default)s)")
    parser.add_argument("--checkpoint", type=Path, default=Path("runs/training.pth"), help="to resume from")
    parser.add_argument("--log", type=Path, default=Path("data/training.log"), help="a JSON line for each validation")
    parser.add_argument("--start", type=Path, help="weights to start from, of this size or with fewer hidden units")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="auto: cuda where there is one")
    parser.add_argument("--threads", type=int, default=1)
    add_training_options(parser)


def run(options: argparse.Namespace) -> None:
    import torch

    from lammps_heal.training.trainer import train

    torch.set_num_threads(options.threads)
    device = options.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    figures = train(
        options.data,
        training_options(options),
        options.weights,
        options.checkpoint,
        options.log,
        device,
        options.resume,
        options.start,
    )
    print(f"weights: {options.weights}")
    print("sigma (Å)    RMSD (Å) after 0, 1, 2, 4, 8 steps")
    for sigma, row in figures.items():
        print(f"{sigma:<12} " + " ".join(f"{v:.4f}" for v in row))


def add_training_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, nargs="+", default=TRAINING_DATA, help="default: data/training_*.xyz")
    for field in fields(TrainingOptions):
        parser.add_argument(
            f"--{field.name.replace('_', '-')}", type=type(field.default), default=field.default, help="default: %(default)s"
        )


def training_options(options: argparse.Namespace) -> TrainingOptions:
    return TrainingOptions(**{field.name: getattr(options, field.name) for field in fields(TrainingOptions)})
