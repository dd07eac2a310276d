"""Some steps of training on the card: stopped, resumed, and compared with the same training left alone."""

import re
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from lammps_heal.hosts.runs import program, run
from parts.setting import LATTICE_CONSTANT, Setting

STEPS, CHECKPOINT_EVERY = 24, 6
STOPPED_AT = 8  # or a little later
N_STRUCTURES = 12
CELLS = 2  # of each structure, along each side
TIME_LIMIT = 60.0  # s
SAME = 1.0e-2  # of the largest weight: the card's sums of float32 have no fixed order, and steps multiply what differs
RECIPE = """[crystal]
structure = "fcc"
elements = ["Pt"]

[data]
files = ["{data}"]

[network]
cutoff = 5.0
n_channels = 4
n_hidden = 16
n_layers = 1

[mixture]
crystal_noise = 0.9
crystal_clean = 0.1

[[stage]]
steps = {steps}
learning_rate = 1e-3
sigma = [0.01, 0.3]
fresh = 0.3
wave_weight = {wave_weight}
tuning_steps = {tuning_steps}
validate_every = {every}
"""


@dataclass(frozen=True)
class Training:
    """One training's files in a folder of its own."""

    folder: Path
    data: Path
    device: str
    quick: bool

    @property
    def weights(self) -> Path:
        return self.folder / "weights.pth"

    def command(self) -> list[str]:
        self.folder.mkdir(exist_ok=True)
        recipe = self.folder / "check.toml"
        # Long waves take most of the time on a CPU.
        waves = {"wave_weight": 0.0, "tuning_steps": 0} if self.quick else {"wave_weight": 0.4, "tuning_steps": 2}
        recipe.write_text(RECIPE.format(data=self.data, steps=STEPS, every=CHECKPOINT_EVERY, **waves))
        words = f"train {recipe} -o {self.weights} --folder {self.folder} --device {self.device}"
        return [program("lammps-heal"), *words.split()]

    def parameters(self) -> np.ndarray:
        network = torch.load(self.weights, map_location="cpu", weights_only=True)["network"]
        return np.concatenate([network[name].double().numpy().ravel() for name in sorted(network)])


def check(setting: Setting) -> None:
    data = setting.folder / "structures.xyz"
    _write_structures(data)
    alone = Training(setting.folder / "alone", data, setting.device, setting.quick)
    done = run(alone.command(), setting.folder, time_limit=TIME_LIMIT)
    note = "" if done.exit_code == 0 else done.reason()[-200:]
    setting.rows.add(f"{STEPS} steps on {setting.device}", done.seconds, "s with the start", done.exit_code == 0, note)
    if done.exit_code != 0:
        return
    resumed = Training(setting.folder / "resumed", data, setting.device, setting.quick)
    stopped_at = _stopped(resumed)
    setting.rows.add("stopped by SIGTERM", stopped_at, "steps", 0 < stopped_at < STEPS)
    done = run([*resumed.command(), "--resume"], setting.folder, time_limit=TIME_LIMIT)
    note = "" if done.exit_code == 0 else done.reason()[-200:]
    setting.rows.add("resumed: exit code", done.exit_code, "", done.exit_code == 0, note)
    if done.exit_code == 0:
        wanted, found = alone.parameters(), resumed.parameters()
        differs = float(np.abs(found - wanted).max() / np.abs(wanted).max())
        limit = SAME if setting.device == "cuda" else 0.0
        setting.rows.add("resumed: largest difference of a weight, of the largest weight", differs, "", differs <= limit)


def _stopped(training: Training) -> int:
    """Start a training and stop it between its first checkpoint and its end; returns the step that it showed last."""
    shown = training.folder / "shown.txt"
    command = training.command()
    with shown.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=training.folder)
        step, started = 0, time.monotonic()
        while process.poll() is None and step < STOPPED_AT and time.monotonic() < started + TIME_LIMIT:
            time.sleep(0.02)
            step = max([step, *(int(number) for number in re.findall(rf"(\d+)/{STEPS} ", shown.read_text()))])
        process.send_signal(signal.SIGTERM)
        process.wait(TIME_LIMIT)
    return step


def _write_structures(path: Path) -> None:
    """Perfect crystals of several lattice constants, as in.crystal writes them."""
    basis = np.array([[0.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.5, 0.0, 0.5], [0.0, 0.5, 0.5]])
    cells = np.stack(np.meshgrid(*3 * [np.arange(CELLS)], indexing="ij"), -1).reshape(-1, 1, 3)
    sites = (cells + basis).reshape(-1, 3)
    lines: list[str] = []
    for strain in np.linspace(0.0, 0.02, N_STRUCTURES):
        constant = LATTICE_CONSTANT * (1.0 + strain)
        side = repr(float(constant * CELLS))
        lines += [str(len(sites)), f'pbc="T T T" Lattice="{side} 0 0 0 {side} 0 0 0 {side}" Properties=species:S:1:pos:R:3']
        lines += ["Pt " + " ".join(map(repr, site)) for site in (constant * sites).tolist()]
    path.write_text("\n".join(lines) + "\n")
