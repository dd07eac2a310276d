"""`python -m lammps_heal`: the command `lammps-heal`."""

from lammps_heal.commands.main import main

if __name__ == "__main__":
    main()
