"""Healing on a GPU, looked at once and in one go: right, how fast, how much memory, and what is said when it is full.

python3 tests/gpu/check.py [--bundle FILE]                    (make gpu-check)
python3 tests/gpu/check.py --device cpu --quick [--here]      a dry run without a card

Needs the repository, the bundle (make gpu-bundle), g++, and a Python with torch, numpy and scipy; no network. Each part has
a process and a time limit of its own. Prints a table; rows.jsonl, results.json, table.txt and a log of each part stay in the
folder. The exit code is 1 where something is not as it should be. Standard library only.
"""

import argparse
import contextlib
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import environment
from rows import Rows, read_rows, summary, table

Found = TypeVar("Found")
HERE = Path(__file__).resolve().parent
FOLDER = Path("runs/gpu")
# Limits in s, in the order in which they run: what matters most first. Together with unpacking and compiling, 8 minutes at
# the most are meant; what is left of --limit is what the last ones get.
PARTS = {"agreement": 60, "fix_heal": 90, "speed": 200, "hosts": 70, "full_card": 90, "training": 80, "profile": 60}
LIMIT = 470  # s
LEAST = 5  # s; a part with less is not begun
GRACE = 3  # s, between being asked to end and being killed


def main() -> None:
    options = read_options()
    if not options.here:
        os.environ.pop("PYTHONPATH", None)  # its package would come before the environment's
    deadline = time.monotonic() + options.limit
    folder = options.folder.absolute()
    shutil.rmtree(folder / "parts", ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "rows.jsonl"
    file.unlink(missing_ok=True)
    prepared = Rows("preparation", file)
    prepared.add("machine", f"{os.cpu_count()} processors, Python {platform.python_version()}, {gpu_name()}")
    try:
        python = Path(sys.executable) if options.here else prepare(prepared, folder, options.bundle)
        for part in options.parts:
            longest = PARTS[part] * max(1.0, options.limit / LIMIT)
            run_part(part, python, options, file, min(longest, deadline - time.monotonic()))
            print(f"{part}: {summary([row for row in read_rows(file) if row.part == part])}", flush=True)
    finally:
        rows = read_rows(file)
        (folder / "results.json").write_text(json.dumps([asdict(row) for row in rows], ensure_ascii=False, indent=1) + "\n")
        (folder / "table.txt").write_text(table(rows) + "\n")
        print(f"\n{table(rows)}\n{options.limit - deadline + time.monotonic():.0f} s; {folder}")
    sys.exit(any(row.passed is False for row in rows))


def read_options() -> argparse.Namespace:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="cpu: a dry run (default: %(default)s)")
    options.add_argument("--quick", action="store_true", help="small crystals, for a dry run")
    options.add_argument("--here", action="store_true", help="in this Python, which has the package built; no bundle")
    options.add_argument("--bundle", type=Path, default=FOLDER / "bundle.tar.xz", help="default: %(default)s")
    options.add_argument("--folder", type=Path, default=FOLDER / "check", help="to write in (default: %(default)s)")
    options.add_argument(
        "--limit", type=float, default=LIMIT, help="s, for all; more gives each part more, too (default: %(default)s)"
    )
    options.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="default: all")
    return options.parse_args()


def prepare(rows: Rows, folder: Path, bundle: Path) -> Path:
    """The environment's Python, with everything unpacked and compiled."""
    python = timed(rows, "bundle unpacked", lambda: environment.make_environment(folder / "environment", bundle))
    said = timed(rows, "three libraries compiled", lambda: environment.compile_package(python))
    print(said, flush=True)
    return python


def timed(rows: Rows, what: str, work: Callable[[], Found]) -> Found:
    started = time.monotonic()
    try:
        found = work()
    except Exception as reason:
        rows.add(what, time.monotonic() - started, "s", False, str(reason).splitlines()[0][:300])
        raise
    rows.add(what, time.monotonic() - started, "s", True)
    return found


def gpu_name() -> str:
    try:
        words = "nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader".split()
        return subprocess.run(words, capture_output=True, text=True, timeout=20).stdout.strip() or "no GPU"
    except (OSError, subprocess.TimeoutExpired):
        return "no GPU"


def run_part(part: str, python: Path, options: argparse.Namespace, file: Path, limit: float) -> None:
    """Run it to its end or its time limit; it writes its rows itself."""
    rows, folder = Rows(part, file), options.folder.absolute() / "parts" / part
    if limit < LEAST:
        rows.add("not begun", None, "", False, "no time left")
        return
    folder.mkdir(parents=True)
    words = [python, HERE / "run_part.py", part, "--rows", file, "--folder", folder, "--device", options.device]
    words += ["--cores", str(os.cpu_count() or 1), *(["--quick"] if options.quick else [])]
    started = time.monotonic()
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen(words, cwd=folder, stdout=log, stderr=log, start_new_session=True)
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            rows.add("ended by its time limit", limit, "s", False)
            end(process)
            return
    rows.add("seconds", time.monotonic() - started, "s")
    if code != 0 and not any(row.part == part and row.what == "ended early" for row in read_rows(file)):
        rows.add("ended early", code, "", False, (folder / "log.txt").read_text().strip()[-200:].replace("\n", " "))


def end(process: "subprocess.Popen[bytes]") -> None:
    """The part and all that it has started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)


if __name__ == "__main__":
    main()
