"""`lammps-heal bench`: times healing beside an EAM force call and CG minimisation."""

import argparse
from pathlib import Path

from lammps_heal.commands.parser import MODEL, Subcommands, count


def add_parser(subparsers: Subcommands) -> None:
    parser = subparsers.add_parser("bench", help="time healing beside an EAM force call and CG minimisation")
    parser.set_defaults(run=run)
    parser.add_argument("model", type=Path, nargs="?", default=MODEL)
    parser.add_argument("--part", nargs="+", help="a to i (default: all)")
    parser.add_argument("--sizes", nargs="+", type=count, help="atoms of the crystals of part a")
    parser.add_argument("--repeats", type=count, help="rounds in which the things compared take turns (default: 5)")
    parser.add_argument("--quick", action="store_true", help="small crystals, for a test of the benchmark itself")
    parser.add_argument("--largest", type=count, metavar="N", help="only, or beside --part: heal one crystal of N atoms")
    parser.add_argument("--json", type=Path, default=Path("runs/bench.json"), help="figures (default: %(default)s)")


def run(options: argparse.Namespace) -> None:
    from dataclasses import replace

    from lammps_heal.benchmark.benchmark import Benchmark
    from lammps_heal.benchmark.work import QUICK, Sizes
    from lammps_heal.model.names import model_path

    sizes = QUICK if options.quick else Sizes()
    chosen = {"step": options.sizes and tuple(options.sizes), "rounds": options.repeats}
    sizes = replace(sizes, **{name: value for name, value in chosen.items() if value is not None})
    benchmark = Benchmark(model_path(options.model), options.part, sizes, options.largest)
    print("\n".join(f"{name}: {value}" for name, value in benchmark.machine.items()), flush=True)
    for table in benchmark.run(options.json):
        print(f"\n{table}", flush=True)
    print("\n".join(["", *benchmark.work.warnings, f"measured in {benchmark.seconds:.0f} s; figures: {options.json}"]))
