"""The hosts in Python: heal() and observe() on the card, and the command, each against the kernel."""

import time

import numpy as np
from ase import Atoms

import lammps_heal
from lammps_heal.hosts.runs import program, run
from parts.setting import LATTICE_CONSTANT, TOLERANCE, Setting, crystal, write_data

STEPS = 8
TIME_LIMIT = 90.0  # s
MICRO = 1.0e6


def check(setting: Setting) -> None:
    positions, side = crystal(4 if setting.quick else 20, 0.3)
    atoms = Atoms(f"Pt{len(positions)}", positions, cell=[side] * 3, pbc=True)
    _python(setting, atoms)
    data = setting.folder / "damaged.data"
    write_data(data, positions, (side, side, side))
    for host in ("fix", "python"):
        _command(setting, atoms, host)


def _python(setting: Setting, atoms: Atoms) -> None:
    wanted = lammps_heal.heal(atoms, steps=STEPS, threads=setting.cores)
    device = {"device": setting.device, "kernel": setting.device == "cuda"}
    started = time.perf_counter()
    found = lammps_heal.heal(atoms, steps=STEPS, **device)
    seconds = time.perf_counter() - started
    differs = float(np.abs(found.positions - wanted.positions).max())
    words = f"heal(device={setting.device!r}): difference from the kernel, {len(atoms):,} atoms"
    note = f"{STEPS} steps in {seconds:.2f} s with the start, {seconds * MICRO / STEPS / len(atoms):.3g} µs/atom and step"
    setting.rows.add(words, differs, "Å", differs <= TOLERANCE, note)
    hot = atoms.copy()
    hot.positions += np.random.default_rng(2).normal(0.0, 0.005 * LATTICE_CONSTANT, hot.positions.shape)
    labels = lammps_heal.observe(hot, threads=setting.cores).labels
    started = time.perf_counter()
    seen = lammps_heal.observe(hot, **device).labels
    seconds = time.perf_counter() - started
    note = f"{seconds:.2f} s with the start"
    setting.rows.add("observe(): labels that differ", int((seen != labels).sum()), "", (seen == labels).all(), note)


def _command(setting: Setting, atoms: Atoms, host: str) -> None:
    frames = {}
    for device in ("kernel", setting.device):
        dump = setting.folder / f"{host}_{device}.lammpstrj"
        words = ["heal", "damaged.data", "-o", str(dump), "--steps", str(STEPS), "--host", host]
        words += [] if device == "kernel" else ["--device", device, "--kernel", "no"]
        done = run([program("lammps-heal"), *words], setting.folder, time_limit=TIME_LIMIT)
        if done.exit_code != 0:
            setting.rows.add(f"lammps-heal {' '.join(words)}", None, "", False, done.reason().splitlines()[-1])
            return
        frames[device] = np.loadtxt(dump.read_text().splitlines()[-len(atoms) :], usecols=(0, 2, 3, 4))
    differs = float(np.abs(frames["kernel"] - frames[setting.device]).max())
    words = f"lammps-heal heal --device {setting.device} --host {host}: difference from the kernel"
    setting.rows.add(words, differs, "Å", differs <= TOLERANCE, f"{STEPS} steps, {len(atoms):,} atoms")
