"""What is said when the card is full: one message, an exit code that is not 0, and an earlier trajectory left as it was.

Another process takes the card's memory but for a little: so much that the step has no room, or hardly the model. Without a
card the same is looked at with a model that is not there.
"""

import contextlib
import subprocess
import sys
from collections.abc import Iterator

from lammps_heal.hosts.runs import program, run
from parts.setting import CUDA_KERNEL, Setting, crystal, write_data

LEFT = (1000, 300)  # MiB
HOLD = """import sys, torch
free, _ = torch.cuda.mem_get_info()
held = torch.empty(max(0, free - int(sys.argv[1]) * 2**20), dtype=torch.uint8, device="cuda")
print("held", flush=True)
sys.stdin.read()
"""
CELLS, QUICK_CELLS = 40, 3  # 256,000 and 108 sites: a chunk of the first needs some 2 GB
TIME_LIMIT = 60.0  # s
EARLIER = "an earlier trajectory\n"


def check(setting: Setting) -> None:
    positions, side = crystal(QUICK_CELLS if setting.quick else CELLS, 0.1)
    write_data(setting.folder / "damaged.data", positions, (side, side, side))
    if setting.device == "cpu":
        _refused(setting, "without a card: a model that is not there", ["--model", "none"], "does not exist")
        return
    for left in LEFT:
        with _held(left):
            for host in ("fix", "python"):
                words = ["--device", "cuda", "--host", host]
                for name, environment in (("TorchScript", {}), ("CUDA kernel", CUDA_KERNEL)):
                    what = f"{name}, {left} MiB left, --host {host}"
                    _refused(setting, what, words, "free memory of the device", environment)
    _refused_not(setting)


@contextlib.contextmanager
def _held(left: int) -> Iterator[None]:
    """All of the card's memory but for `left` MiB is in use in the block."""
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(left)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdin is not None and holder.stdout is not None
    try:
        holder.stdout.readline()
        yield
    finally:
        holder.stdin.close()
        holder.wait(TIME_LIMIT)


def _refused(setting: Setting, name: str, words: list[str], expected: str, environment: dict[str, str] | None = None) -> None:
    """The command fails with one message that has the expected words, and spoils nothing."""
    trajectory = setting.folder / "healed.lammpstrj"
    trajectory.write_text(EARLIER)
    command = [program("lammps-heal"), "heal", "damaged.data", "-o", trajectory.name, "--steps", "2", *words]
    done = run(command, setting.folder, environment, TIME_LIMIT)
    # LAMMPS prints its message, and the command says once more why it ends; a traceback is no message.
    own = [line for line in done.output.splitlines() if line.startswith("lammps-heal:")]
    of_lammps = {line for line in done.output.splitlines() if line.startswith("ERROR")}
    said = own[0] if own else done.output.strip()[-200:]
    is_one = len(own) == 1 and len(of_lammps) <= 1 and "Traceback" not in done.output
    setting.rows.add(f"{name}: one message", said, "", is_one and expected in said)
    kept = trajectory.read_text() == EARLIER
    setting.rows.add(f"{name}: exit code; the earlier trajectory is kept", done.exit_code, "", done.exit_code > 0 and kept)
    unfinished = trajectory.with_name(trajectory.name + ".unfinished")
    unfinished.unlink(missing_ok=True)


def _refused_not(setting: Setting) -> None:
    """With the card free again the same command heals."""
    words = ["heal", "damaged.data", "-o", "healed.lammpstrj", "--steps", "2", "--device", "cuda"]
    done = run([program("lammps-heal"), *words], setting.folder, time_limit=TIME_LIMIT)
    note = "" if done.exit_code == 0 else done.reason()[-200:]
    setting.rows.add("the card free again: the same command's exit code", done.exit_code, "", done.exit_code == 0, note)
