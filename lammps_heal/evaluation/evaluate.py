"""`lammps-heal evaluate`: runs the cases, and writes one table of all of them."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from lammps_heal.analysis.energies import PLATINUM_POTENTIAL
from lammps_heal.analysis.labels import analysis
from lammps_heal.crystals.cases import CrystalCases, names_its_potential
from lammps_heal.errors import HealError
from lammps_heal.evaluation.cascade import cascade
from lammps_heal.evaluation.metals import metals
from lammps_heal.evaluation.noise import frenkel, noise
from lammps_heal.evaluation.rotated import rotated
from lammps_heal.evaluation.rows import Row, text
from lammps_heal.evaluation.seen import seen_cascade, seen_dislocation, seen_front, seen_heat
from lammps_heal.evaluation.sizes import FULL, QUICK, Size
from lammps_heal.evaluation.stay import stay
from lammps_heal.evaluation.thermal import defects, liquid, thermal
from lammps_heal.evaluation.vacancies import vacancies
from lammps_heal.model.model_file import Model, load
from lammps_heal.whole_files import write_json, write_text

NEEDED = (PLATINUM_POTENTIAL, Path("inputs/in.thermal"), Path("inputs/in.cascade"), Path("inputs/in.front"))

PLATINUM_CASES: dict[str, Callable[[Model, Size], list[Row]]] = {
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
    "seen-heat": seen_heat,
    "seen-front": seen_front,
    "seen-dislocation": seen_dislocation,
    "seen-cascade": seen_cascade,
}


class Evaluation:
    """The cases of one model, by default all. quick: smaller structures and fewer of them, to try the evaluation itself."""

    def __init__(self, model_path: Path, cases: Sequence[str] | None = None, quick: bool = False) -> None:
        self.model = load(model_path)
        self._known = _cases_of(self.model, quick)
        self.cases = list(cases or self._known)
        unknown = [case for case in self.cases if case not in self._known]
        if unknown:
            raise HealError(f"case {unknown[0]} does not exist: choose from {', '.join(self._known)}")
        self.rows: list[Row] = []
        self.seconds: dict[str, float] = {}

    def run(self, output: Path) -> Iterator[str]:
        """Run case after case; what there is goes to `output` as JSON, and beside it as text. Yields each case's name."""
        output.parent.mkdir(parents=True, exist_ok=True)
        for case in self.cases:
            began = time.perf_counter()
            try:
                self.rows += self._known[case]()
            except HealError as refusal:
                self.rows.append(Row(case, "", "", "", f"refused: {refusal}", None, 0, False))
            self.seconds[case] = round(time.perf_counter() - began, 1)
            # After each case, so that a run that is stopped leaves what it measured.
            write_json(output, self.as_json())
            write_text(output.with_suffix(".txt"), self.table() + "\n")
            yield case

    def table(self) -> str:
        """The rows, and how many goals are reached."""
        judged = [r.passed for r in self.rows if r.passed is not None]
        return f"{text(self.rows)}\n{sum(judged)} of {len(judged)} goals reached. Labels: {analysis()}. Minimised: CG."

    def as_json(self) -> dict[str, Any]:
        return {
            "model": str(self.model.path),
            "weights_hash": self.model.weights_hash,
            "labels": analysis(),
            "seconds": self.seconds,
            "rows": [asdict(r) for r in self.rows],
        }


def _cases_of(model: Model, quick: bool) -> dict[str, Callable[[], Iterable[Row]]]:
    """Those of any crystal where the record says which it is, and under which potential; else those of platinum."""
    if names_its_potential(model):
        return {**CrystalCases(model, quick).by_name()}
    missing = [path for path in NEEDED if not path.is_file()]
    if missing:
        raise HealError(f'"{missing[0]}" is not here: run the evaluation in the root of the repository')
    return {name: partial(case, model, QUICK if quick else FULL) for name, case in PLATINUM_CASES.items()}
