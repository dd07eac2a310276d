"""How well a model heals, beside CG minimisation of the same start with the same potential: one table of all cases.

Start structures have seeds of their own, which training never sees. Energies, molecular dynamics and
minimisation are LAMMPS's. Excess: EAM energy above the relaxed structure with the same defects, meV/atom.
"""

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lammps_heal.errors import HealError
from lammps_heal.evaluation.crystals import frenkel, metals, noise, rotated, vacancies
from lammps_heal.evaluation.hot import about, cascade, defects, liquid, stay, thermal
from lammps_heal.evaluation.runs import FULL, QUICK, Size
from lammps_heal.evaluation.table import Row, text
from lammps_heal.model.model_file import Model, load
from lammps_heal.whole_files import write_json, write_text

__all__ = ["CASES", "evaluate"]

CASES: dict[str, Callable[[Model, Size], list[Row]]] = {
    "noise": noise,
    "frenkel": frenkel,
    "vacancies": vacancies,
    "stay": stay,
    "thermal": thermal,
    "defects": defects,
    "liquid": liquid,
    "rotated": rotated,
    "metals": metals,
    "cascade": cascade,
}


def evaluate(model_path: Path, cases: list[str] | None, output: Path, quick: bool = False) -> list[Row]:
    """Run the cases (all by default), print their table, and write it to `output` as JSON and beside it as text.

    quick: smaller structures and fewer of them; to try the evaluation, not the model.
    """
    chosen = cases or list(CASES)
    unknown = [c for c in chosen if c not in CASES]
    if unknown:
        raise HealError(f"case {unknown[0]} does not exist: choose from {', '.join(CASES)}")
    model = load(model_path)
    seconds: dict[str, float] = {}
    figures: dict[str, Any] = {"model": str(model_path), "weights_hash": model.weights_hash, **about(), "seconds": seconds}
    rows: list[Row] = []
    output.parent.mkdir(parents=True, exist_ok=True)
    for case in chosen:
        began = time.perf_counter()
        try:
            rows += CASES[case](model, QUICK if quick else FULL)
        except HealError as refusal:
            rows.append(Row(case, "", "", "", f"refused: {refusal}", None, 0, False))
        seconds[case] = round(time.perf_counter() - began, 1)
        print(f"{case}: {seconds[case]} s", flush=True)
        # After each case, so that a run that is stopped leaves what it measured.
        judged = [r.passed for r in rows if r.passed is not None]
        table = f"{text(rows)}\n{sum(judged)} of {len(judged)} goals reached. Labels: {figures['labels']}. Minimised: CG."
        write_json(output, {**figures, "rows": [asdict(r) for r in rows]})
        write_text(output.with_suffix(".txt"), table + "\n")
    print(f"{table}\nfigures: {output}, {output.with_suffix('.txt')}")
    return rows
