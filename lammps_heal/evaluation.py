"""How well a model heals, on structures with seeds of their own that training never sees.

Each case is a function that prints its table and returns its figures; `evaluate` runs them and writes one
JSON file. Energies are LAMMPS's with the EAM potential. RMSD is per component, to each atom's site, of
positions less their mean; beyond sigma = 0.5 Å atoms rightly end on a neighbour's site (structures.py).
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ase.build
import ase.io
import numpy as np
import torch
from ase import Atoms
from ase.data import atomic_numbers

from lammps_heal import model_file
from lammps_heal.eam import count_fcc, energy_per_atom, minimise
from lammps_heal.errors import HealError
from lammps_heal.healing import heal
from lammps_heal.structures import count_defects, remove_mean, root_mean_square, vectors_to_sites

LATTICE_CONSTANT = 3.92  # Å, of Pt_u3.eam at 0 K
CNA_CUTOFF = 0.8536  # of the lattice constant: between first and second neighbours (LAMMPS manual, compute cna/atom)
SEED = 77_001
NOISE_STEPS = (0, 1, 2, 4, 8, 12)
NOISE_CRYSTALS = 3  # of each sigma: at 0.5 Å a single pair of atoms that is late sets the RMSD of a crystal
NOISE_SIGMAS = (0.1, 0.3, 0.4, 0.5, 0.55, 0.6)  # Å


def perfect_crystal(n: int, scale: float = 1.0) -> Atoms:
    """n^3 cubic cells of fcc platinum: 4 n^3 atoms."""
    crystal: Atoms = ase.build.bulk("Pt", "fcc", a=LATTICE_CONSTANT * scale, cubic=True).repeat((n, n, n))
    return crystal


def with_vacancies(atoms: Atoms, n_vacancies: int, rng: np.random.Generator) -> Atoms:
    """A copy without `n_vacancies` random atoms."""
    damaged: Atoms = atoms.copy()
    del damaged[rng.choice(len(atoms), n_vacancies, replace=False)]
    return damaged


def with_noise(atoms: Atoms, sigma: float, rng: np.random.Generator) -> Atoms:
    """A copy with Gaussian noise of standard deviation sigma (Å) on each component."""
    noisy: Atoms = atoms.copy()
    noisy.positions += rng.normal(0.0, sigma, atoms.positions.shape)
    return noisy


def rmsd_to_sites(atoms: Atoms, sites: Atoms) -> float:
    """RMSD per component, Å, of atoms to the sites of a crystal with as many sites as atoms."""
    return root_mean_square(remove_mean(vectors_to_sites(atoms.positions, sites)))


def noise(model: torch.jit.ScriptModule) -> list[dict[str, Any]]:
    """RMSD and energy by sigma and step: medians over NOISE_CRYSTALS perfect crystals of 2,048 atoms."""
    sites = perfect_crystal(8)
    ground = energy_per_atom(sites)
    rows = []
    print(
        f"noise: {NOISE_CRYSTALS} crystals of {len(sites)} atoms; median RMSD per component (Å) after n steps, "
        f"median energy above ground after {NOISE_STEPS[-1]} (meV/atom), Frenkel pairs in all of them"
    )
    print("sigma/Å " + "".join(f"{f'n={n}':>9}" for n in NOISE_STEPS) + "   meV/atom   pairs")
    for number, sigma in enumerate(NOISE_SIGMAS):
        rmsd, excess, pairs = [], [], 0
        for crystal in range(NOISE_CRYSTALS):
            atoms = with_noise(sites, sigma, np.random.default_rng([SEED, 1, number, crystal]))
            trajectory, done = [], 0
            for n in NOISE_STEPS:
                atoms, done = heal(atoms, model, n - done), n
                trajectory.append(rmsd_to_sites(atoms, sites))
            rmsd.append(trajectory)
            excess.append(energy_per_atom(atoms) - ground)
            pairs += count_defects(atoms.positions, sites).interstitials
        row = {
            "sigma": sigma,
            "steps": NOISE_STEPS,
            "rmsd": np.median(rmsd, axis=0).tolist(),
            "excess_meV": float(np.median(excess)),
            "frenkel_pairs": pairs,
        }
        rows.append(row)
        print(f"{sigma:7g} " + "".join(f"{v:9.4f}" for v in row["rmsd"]) + f"{row['excess_meV']:11.4f}{pairs:8d}")
    return rows


def vacancies(model: torch.jit.ScriptModule, n_crystals: int = 50) -> dict[str, Any]:
    """Random crystals of 2,048 sites with 1 to 20 vacancies, sigma 0.05 to 0.3 Å: is every vacancy kept?"""
    sites, kept, on_their_site, worst = perfect_crystal(8), 0, 0, 0.0
    for number in range(n_crystals):
        rng = np.random.default_rng([SEED, 2, number])
        n_vacancies, sigma = int(rng.integers(1, 21)), float(rng.uniform(0.05, 0.3))
        clean = with_vacancies(sites, n_vacancies, rng)
        healed = heal(with_noise(clean, sigma, rng), model, 10)
        found = count_defects(healed.positions, sites)
        kept += found.vacancies == n_vacancies and found.interstitials == 0
        on_their_site += count_defects(healed.positions, clean).vacancies == 0
        worst = max(worst, rmsd_to_sites(healed, clean))
    print(
        f"vacancies: {kept} of {n_crystals} crystals keep every vacancy, with none added and no interstitial; "
        f"in {on_their_site} each is on its own site; largest RMSD to the unrelaxed sites {worst:.4f} Å"
    )
    return {"crystals": n_crystals, "kept": kept, "on_their_site": on_their_site, "largest_rmsd": worst}


def hot(model: torch.jit.ScriptModule) -> dict[str, Any]:
    """The crystal of inputs/in.damage, with a seed of its own, healed; beside EAM minimisation of the same."""
    with tempfile.TemporaryDirectory() as folder:
        run_lammps("inputs/in.crystal", mode="cell", cell=f"{folder}/crystal")
        run_lammps("inputs/in.damage", crystal=f"{folder}/crystal", prefix=f"{folder}/", seed="4711")
        damaged, reference = (read_data(Path(folder, f"{name}.data")) for name in ("damaged", "reference"))
    minimised, minimised_energy = minimise(damaged)
    ground = minimise(reference)[1]
    healed = heal(damaged, model, 20)
    figures = {
        "healed_excess_meV": energy_per_atom(healed) - ground,
        "minimised_excess_meV": minimised_energy - ground,
        "healed_fcc": fcc_fraction(healed) / fcc_fraction(reference),
        "minimised_fcc": fcc_fraction(minimised) / fcc_fraction(reference),
    }
    print("hot: crystal of in.damage, 20 healing steps, against the relaxed crystal with the same vacancy")
    for name in ("healed", "minimised"):
        print(f"     {name:9} {figures[f'{name}_excess_meV']:8.4f} meV/atom, {figures[f'{name}_fcc']:8.4%} of its fcc atoms")
    return figures


def stay(model: torch.jit.ScriptModule, steps: int = 64) -> list[dict[str, Any]]:
    """EAM-relaxed crystals, perfect and with 1 % vacancies: how far do atoms move in 64 steps?"""
    rng = np.random.default_rng([SEED, 3])
    rows = []
    print(f"stay: displacement in {steps} steps of relaxed crystals, Å")
    for name, scale, n_vacancies in (("perfect", 1.0, 0), ("1 % vacancies", 1.0, 20), ("1 % vacancies, a + 2 %", 1.02, 20)):
        relaxed = minimise(with_vacancies(perfect_crystal(8, scale), n_vacancies, rng))[0]
        moved = heal(relaxed, model, steps).positions - relaxed.positions
        lengths = np.linalg.norm(moved, axis=1)
        rows.append({"crystal": name, "rms": float(np.sqrt((lengths**2).mean())), "largest": float(lengths.max())})
        print(f"     {name:24} RMS {rows[-1]['rms']:.5f}, largest {rows[-1]['largest']:.5f}")
    return rows


def fcc_fraction(atoms: Atoms) -> float:
    """Part of the atoms that LAMMPS's common-neighbour analysis calls fcc."""
    lattice_constant = (4.0 * atoms.get_volume() / len(atoms)) ** (1 / 3)
    return count_fcc(atoms, CNA_CUTOFF * lattice_constant) / len(atoms)


def run_lammps(script: str, **variables: str) -> None:
    """Run the `lmp` beside this Python on an input script. Raises HealError with its last words if it fails."""
    command = [str(Path(sys.executable).with_name("lmp")), "-in", script, "-log", "none"]
    for name, value in variables.items():
        command += ["-var", name, value]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise HealError(
            f"lmp -in {script} failed: {done.stdout.strip().splitlines()[-1] if done.stdout.strip() else done.stderr}"
        )


def read_data(path: Path) -> Atoms:
    """A LAMMPS data file of platinum, atoms in order of their ids."""
    [atoms] = ase.io.iread(path, format="lammps-data", units="metal", atom_style="atomic", Z_of_type={1: atomic_numbers["Pt"]})
    return atoms


CASES: dict[str, Callable[[torch.jit.ScriptModule], Any]] = {"noise": noise, "vacancies": vacancies, "hot": hot, "stay": stay}


def evaluate(model_path: Path, cases: list[str] | None, output: Path) -> dict[str, Any]:
    """Run the cases (all by default), print a table of each and write all figures to `output` as JSON."""
    chosen = cases or list(CASES)
    unknown = [c for c in chosen if c not in CASES]
    if unknown:
        raise HealError(f"case {unknown[0]} does not exist: choose from {', '.join(CASES)}")
    model = model_file.load(model_path)
    figures: dict[str, Any] = {"model": str(model_path), "weights_hash": model.weights_hash}
    for case in chosen:
        figures[case] = CASES[case](model)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(figures, indent=2))
    print(f"figures: {output}")
    return figures
