"""Mutated dumps, data files and option strings: each healed, or refused in one line, and nothing else happens.

python tests/hosts/fuzzing.py --cases 2000      prints what went wrong and keeps its input; exit code 1 where something did

Each case runs in a process of its own, forked before MPI begins, so that a signal or a hang is seen and costs one case alone.
"""

import argparse
import gzip
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import ase.io
import numpy as np
from formats.structure_files import data_text, dump_text, noisy_crystal

from lammps_heal.commands.main import main

CPU_LIMIT = 10  # s
WALL_LIMIT = 60.0  # s; others may want the processor
MEMORY = 8 << 30  # bytes
CODES = (0, 1, 2, 3)
EARLIER = "an earlier trajectory"

WORDS = (
    "nan inf -inf 1e308 -1e308 1e-320 0 -0 -1 1 2 1e9 2147483648 9223372036854775808 99999999999999999999 0.5 x Pt Cu 0x10 "
    "1_000 １ é # ITEM: ITEM:ATOMS atoms Atoms Masses xlo nan(1) 1e 1e+ ' \" \\ % * ** / .. - -- --- \t \0 \ufeff \u2028 , ;"
).split(" ")
LINES = ["", "ITEM: TIMESTEP", "ITEM: ATOMS id type x y z", "ITEM: NUMBER OF ATOMS", "Atoms", "Masses", "5 atoms", "1 1 1", "}"]
COLUMNS = [
    "id type x y z",
    "id type xs ys zs ix iy iz",
    "id element xu yu zu",
    "mass xsu ysu zsu vx",
    "xu yu zu",
]
VALUES = {
    "--steps": ["0", "1", "2", "-1", "x", "1.5", "nan", "1e30", ""],
    "--stop": ["0", "0.1", "-1", "nan", "inf", "x"],
    "--frames": ["last", "all", "0", "-1", "-5:", ":", "::", "::0", "1:2:3:4", "::-1", "9999999999999999999:", "x"],
    "--lattice": ["auto", "3.92", "3.6", "0", "-1", "nan", "inf", "1e30", "1e-30", "wide"],
    "--elements": ["Pt", "Cu", "X", "Pt Cu Ni", "pt", "é", ""],
    "--max": ["0", "1", "1e30", "nan", "-1", "1e-300"],
    "--boundary": ["p p p", "p p s", "f f f", "m m m", "fs fs fs", "q q q", "p", "", "ps p p", "s s s s"],
    "--atom-style": ["atomic", "charge", "full", "hybrid", "hybrid charge", "sphere", "none", "", "é"],
    "--potential": ["{folder}/in", "{folder}", "none", ""],
    "--pair-style": ["eam", "lj/cut 5.0", "", "zero 5.0", "x\ny", "hybrid"],
    "--pair-coeff": ["* * 0.1 2.5", "* *", "", "1 1 nan nan", "$x", "&"],
    "--host": ["auto", "fix", "python", "x"],
    "--threads": ["1", "2", "0", "-1", "1000000000", "x"],
    "--model": ["fcc", "{folder}/in", "{folder}", "", "no\0ne", "x" * 5000],
    "--write-data": ["{folder}/w.data", "{folder}/in", "{folder}/out", "{folder}", ""],
    "--kernel": ["yes", "maybe"],
    "--device": ["cpu", "tpu"],
    **{word: [None] for word in ("--force", "--quiet", "-v", "--json", "--nonsense", "-", "--", "-5", "-x", "@in", "")},
}
OUTPUTS = [
    "out",
    "out.xyz",
    "out.data",
    "out.traj",
    "POSCAR",
    "out.cif",
    "out.gz",
    "out.xyz.gz",
    "out.traj.gz",
    "out.json",
    "out.png",
    "in",
]


@dataclass(frozen=True)
class Case:
    """content: of the input file. words: of the command line, where {folder} is that of the files."""

    content: bytes
    words: list[str]


def make_case(number: int) -> Case:
    """The same for the same number."""
    rng = np.random.default_rng(20_261_126 + number)
    kind = rng.choice(["dump", "data", "xyz", "options"], p=[0.4, 0.3, 0.1, 0.2])
    content = _base(rng, "dump" if kind == "options" else str(kind)).encode()
    words = ["heal", "{folder}/in", "-o", "{folder}/out", "--steps", "2"]
    if kind == "options":
        words = _options(rng)
    else:
        for _ in range(rng.choice([1, 1, 1, 2, 3])):
            content = _mutated(content, rng)
        if rng.random() < 0.15:
            words = ["observe", "{folder}/in", "-o", "{folder}/seen", "--steps", "1", "--json", "{folder}/counts"]
        elif rng.random() < 0.3:
            words += ["--frames", "all"]
        if rng.random() < 0.1:
            content = gzip.compress(content)
            if rng.random() < 0.5:
                content = _bytes_changed(content, rng)
    return Case(content, words)


def _base(rng: np.random.Generator, kind: str) -> str:
    atoms = noisy_crystal()
    if kind == "dump":
        columns = str(rng.choice(COLUMNS))
        return "".join(dump_text(atoms, columns, timestep=k) for k in range(rng.integers(1, 4)))
    if kind == "data":
        return data_text(atoms, str(rng.choice(["atomic", "charge", "full"])), n_types=int(rng.integers(1, 3)))
    with tempfile.NamedTemporaryFile(suffix=".xyz") as file:
        ase.io.write(file.name, atoms, format="extxyz")
        return Path(file.name).read_text()


def _mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """One change, as a hand, a disk or another program might make it; most of them near the beginning, where the header is."""
    way = rng.choice(7, p=[0.15, 0.08, 0.15, 0.15, 0.07, 0.2, 0.2])
    if way == 0:
        return _bytes_changed(content, rng)
    if way == 1:
        return content[: rng.integers(len(content) + 1)]
    lines = content.decode(errors="surrogateescape").split("\n")
    at = int(rng.integers(min(len(lines), 14))) if rng.random() < 0.7 else int(rng.integers(len(lines)))
    if way == 2:
        del lines[at : at + int(rng.integers(1, 5))]
    elif way == 3:
        lines.insert(at, lines[int(rng.integers(len(lines)))] if rng.random() < 0.5 else str(rng.choice(LINES)))
    elif way == 4:
        return content.replace(b"\n", b"\r\n") if rng.random() < 0.3 else content + content[: rng.integers(len(content))]
    else:
        words = lines[at].split(" ")
        word = int(rng.integers(len(words)))
        words[word] = str(rng.choice(WORDS))
        if rng.random() < 0.2:
            del words[word]
        lines[at] = " ".join(words)
    return "\n".join(lines).encode(errors="surrogateescape")


def _bytes_changed(content: bytes, rng: np.random.Generator) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.integers(1, 6)):
        if changed:
            changed[rng.integers(len(changed))] = rng.integers(256)
    return bytes(changed)


def _options(rng: np.random.Generator) -> list[str]:
    words = ["heal", "{folder}/in", "-o", "{folder}/" + str(rng.choice(OUTPUTS, p=[0.5, *[0.5 / 11] * 11])), "--steps", "1"]
    for name in rng.choice(list(VALUES), size=rng.integers(1, 4), replace=False):
        value = VALUES[str(name)][int(rng.integers(len(VALUES[str(name)])))]
        if name == "--pair-style":
            words += ["--pair-coeff", "* *"]
        words += [str(name)] if value is None else [str(name), *(value.split(" ") if name == "--elements" else [value])]
    return words


def run_case(case: Case, folder: Path) -> tuple[int | None, str | None]:
    """Exit code, and what went wrong, if anything. folder: empty."""
    names = {"in": case.content, "out": EARLIER.encode(), "other": b"other"}
    for name, content in names.items():
        (folder / name).write_bytes(content)
    words = [word.replace("{folder}", str(folder)) for word in case.words]
    code, said = _forked(words, folder.parent / "said")
    return code, _wrong(case, folder, code, said, names)


def _wrong(case: Case, folder: Path, code: int | None, said: str, names: dict[str, bytes]) -> str | None:
    if code is None:
        return f"not finished after {CPU_LIMIT} s"
    if code < 0:
        return f"ended by {signal.Signals(-code).name}"
    if code not in CODES:
        return f"exit code {code}"
    if "Traceback" in said or "unexpected" in said:
        return "an error that nobody foresaw"
    lines = [line for line in said.splitlines() if line.startswith("lammps-heal")]
    errors = [line for line in lines if ": warning: " not in line and "--lattice to name another" not in line]
    if code in (1, 2) and len(errors) != 1:
        return f"exit code {code} with {len(errors)} messages"
    now = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    if now.get("in") != case.content or now.get("other") != b"other":
        return "the input or another file was written over"
    if "is kept as" in said:  # frames that are healed and need not be again
        now = {name: content for name, content in now.items() if ".unfinished" not in name}
    if case.words[0] != "observe" and code in (1, 2) and now != names:  # what was seen until then is kept
        return f"refused, and yet there is {sorted(name for name in now if now[name] != names.get(name)) or 'a file less'}"
    return None


def _forked(words: list[str], said: Path) -> tuple[int | None, str]:
    """Exit code, minus a signal's number, or None after the time limit; and what stood on standard error."""
    child = os.fork()
    if child == 0:
        _run_child(words, said)
    deadline = time.monotonic() + WALL_LIMIT
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
            return None if code in (-signal.SIGXCPU, -signal.SIGKILL) else code, said.read_text(errors="replace")
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None, ""


def _run_child(words: list[str], said: Path) -> None:
    """Does not return."""
    code = 70
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_LIMIT, CPU_LIMIT + 1))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        error, nothing = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)
        os.dup2(error, 2)
        os.chdir(said.parent)
        main(words)
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def fuzz(first: int, n_cases: int, keep: Path) -> int:
    """Failures; the input of each is kept."""
    failures, codes = 0, Counter[int | None]()
    with tempfile.TemporaryDirectory() as name:
        for number in range(first, first + n_cases):
            folder = Path(name, "work")
            folder.mkdir()
            case = make_case(number)
            code, wrong = run_case(case, folder)
            codes[code] += 1
            if (number + 1) % 100 == 0:
                print(f"{number + 1 - first} of {n_cases}", file=sys.stderr, flush=True)
            if wrong is not None:
                failures += 1
                keep.mkdir(parents=True, exist_ok=True)
                (keep / f"{number}.in").write_bytes(case.content)
                said = Path(name, "said").read_text(errors="replace")[-300:]
                print(f"case {number}: {wrong}: {' '.join(case.words)[:200]}\n    {said}", flush=True)
            for path in sorted(folder.rglob("*"), reverse=True):
                path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
            folder.rmdir()
    of_codes = ", ".join(f"{count} with exit code {code}" for code, count in sorted(codes.items(), key=str))
    print(f"{n_cases} cases from {first} on, {of_codes}: {failures} failures")
    return failures


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--keep", type=Path, default=Path("fuzzing"), help="folder for the inputs of failures")
    options = parser.parse_args()
    sys.exit(fuzz(options.first, options.cases, options.keep) > 0)
