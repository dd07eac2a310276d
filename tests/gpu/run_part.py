"""Runs one part of the GPU check in this process; check.py starts it, with a time limit.

python tests/gpu/run_part.py PART --rows FILE --folder FOLDER [--device cuda|cpu] [--quick] [--cores N]
"""

import argparse
import traceback
from importlib import import_module
from pathlib import Path

from parts.setting import Setting
from rows import Rows


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("part")
    options.add_argument("--rows", type=Path, required=True)
    options.add_argument("--folder", type=Path, required=True)
    options.add_argument("--device", default="cuda")
    options.add_argument("--quick", action="store_true")
    options.add_argument("--cores", type=int, default=1)
    given = options.parse_args()
    rows = Rows(given.part, given.rows.absolute())
    given.folder.mkdir(parents=True, exist_ok=True)
    try:
        setting = Setting(rows, given.device, given.quick, given.cores, given.folder.absolute())
        import_module(f"parts.{given.part}").check(setting)
    except Exception as reason:
        said = str(reason).strip().splitlines() or [""]
        rows.add("ended early", type(reason).__name__, "", False, said[0][:200])
        traceback.print_exc()
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
