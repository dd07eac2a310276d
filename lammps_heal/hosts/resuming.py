"""Where healing a trajectory stopped, kept beside its unfinished output, so that the same command goes on from there."""

import contextlib
import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lammps_heal.whole_files import SUFFIX

HEAD = 1 << 16  # bytes of the input by which it is known again; a file that has grown is the same


@dataclass(frozen=True)
class Progress:
    """taken: frames of those chosen, so far. healed: of these, but for broken ones. n_bytes: of the unfinished output. choice:
    the `Choice` of the model that healed them, if it was chosen."""

    taken: int
    healed: int
    n_bytes: int
    choice: dict[str, Any] | None = None


class ProgressFile:
    """NAME.unfinished.json. settings: what decides what is written; where it differs, healing begins anew."""

    def __init__(self, output: Path, source: Path, settings: dict[str, Any]) -> None:
        self._output = output.resolve().with_name(output.name + SUFFIX)
        self._path = self._output.with_name(self._output.name + ".json")
        with source.open("rb") as file:
            head = hashlib.sha256(file.read(HEAD)).hexdigest()
        self._settings = {**settings, "input": str(source.resolve()), "head": head}

    def read(self) -> Progress | None:
        """What a run with the same settings left behind, if one did."""
        try:
            found = json.loads(self._path.read_text())
            progress = Progress(int(found["taken"]), int(found["healed"]), int(found["n_bytes"]), found["choice"])
            same = found["settings"] == json.loads(json.dumps(self._settings))
            is_there = 0 < progress.n_bytes <= self._output.stat().st_size and 0 < progress.healed <= progress.taken
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return progress if same and is_there else None

    def write(self, progress: Progress) -> None:
        """After each frame; where it cannot be written, there is nothing to go on from, and no harm done."""
        with contextlib.suppress(OSError):
            content = {**asdict(progress), "settings": self._settings}
            written = self._path.with_name(self._path.name + ".new")
            written.write_text(json.dumps(content))
            written.replace(self._path)

    def remove(self) -> None:
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
