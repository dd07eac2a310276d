"""What the READMEs promise: their links lead somewhere, and the README's Python runs as it stands."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, fcc, noisy

LINK = re.compile(r"\]\(([^)#\s]+)(#[^)\s]+)?\)")
OTHERS = ("runs", "build", "dist")  # what runs leave there may have READMEs of its own
READMES = sorted(
    path
    for path in ROOT.rglob("README.md")
    if not any(part.startswith(".") or part in OTHERS for part in path.relative_to(ROOT).parts)
)
LARGEST_README = 7000  # bytes; the rest stands in the folders


def anchors(path: Path) -> set[str]:
    """Of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(), re.M)
    return {"#" + re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("readme", READMES, ids=lambda path: str(path.relative_to(ROOT).parent))
def test_links_lead_somewhere(readme: Path) -> None:
    for target, anchor in LINK.findall(readme.read_text()):
        if "://" in target:
            continue
        page = readme.parent / target
        assert page.exists(), target
        assert not anchor or anchor in anchors(page), target + anchor


def test_the_readme_is_short_and_leads_to_all_others() -> None:
    text = (ROOT / "README.md").read_bytes()
    assert len(text) <= LARGEST_README
    reached, new = set[Path](), {ROOT / "README.md"}
    while new:
        reached |= new
        targets = {(page.parent / target).resolve() for page in new for target, _ in LINK.findall(page.read_text())}
        new = {target for target in targets if target.name == "README.md"} - reached
    assert reached == set(READMES)


def test_the_python_example_heals_and_observes(rng: np.random.Generator, capsys: pytest.CaptureFixture[str]) -> None:
    [example] = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    sites = {"atoms": fcc(4), "hot_atoms": fcc(4)}
    del sites["hot_atoms"][17]
    names: dict[str, Any] = {name: noisy(atoms, 0.1, rng) for name, atoms in sites.items()}
    hot = names["hot_atoms"].copy()
    exec(example, names)
    assert np.abs(names["healed"].positions - sites["atoms"].positions).max() < 0.05
    assert "'vacancies': 1.0" in capsys.readouterr().out
    assert names["hot_atoms"] == hot
