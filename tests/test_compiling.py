"""Compiling: what is missing is said, and kept where `lammps-heal doctor` finds it."""

import subprocess
from pathlib import Path

import pytest

from lammps_heal import compiling
from lammps_heal.compiling import FOLDER, PARTS, Part, build_in_place, build_kernel, build_plugin
from lammps_heal.errors import BuildError
from lammps_heal.hosts.plugin.lammps_headers import installed_lammps


def test_building_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "healplugin.so"
    with pytest.raises(BuildError, match=r"neither a LAMMPS source tree .* nor an installation"):
        build_plugin(output, tmp_path)
    with pytest.raises(BuildError, match="does not exist"):
        build_plugin(output, tmp_path / "nowhere")
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(BuildError, match=r"no C\+\+ compiler \(no-such-compiler: No such file"):
        build_plugin(output)
    monkeypatch.setenv("CXX", "false")
    with pytest.raises(BuildError, match="the compiler failed"):
        build_plugin(output)
    with pytest.raises(BuildError, match="the compiler failed"):
        build_kernel(tmp_path / "libhealkernel.so")
    assert not list(tmp_path.iterdir())


def test_why_a_library_is_missing_is_kept_beside_its_place(tmp_path: Path) -> None:
    problems = [BuildError("no compiler: install one\nmore")]

    def build(output: Path) -> Path:
        if problems:
            raise problems.pop()
        output.touch()
        return output

    part = Part("a library", "room/liba.so", (), build)
    with pytest.raises(BuildError):
        part.build_into(tmp_path)
    assert part.problem_file(tmp_path).read_text() == "no compiler: install one\nmore\n"
    part.build_into(tmp_path)
    assert [file.name for file in (tmp_path / "room").iterdir()] == ["liba.so"]


def test_lmp_finds_the_plugin_and_takes_no_other_library_for_one() -> None:
    assert [name for name, part in PARTS.items() if part.library.endswith("plugin.so")] == ["plugin"]


def test_the_plugin_uses_no_class_that_differs_between_updates_of_lammps() -> None:
    # Pair has another layout in update 4 of 22Jul2025 than in update 2, and both call themselves 20250722.
    headers = [f"-I{installed_lammps().include}", "-idirafterhosts/plugin/missing_headers", "-Ikernel"]
    command = ["g++", "-std=c++20", "-MM", "-MG", "-DLAMMPS_SMALLBIG", *headers, *PARTS["plugin"].sources()]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=True)
    included = {Path(word).name for word in done.stdout.split()}
    assert "fix.h" in included and "pair.h" not in included


def test_parts_that_are_named_or_missing_are_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []

    def part(name: str, problem: str | None = None) -> Part:
        def build(output: Path) -> Path:
            if problem is not None:
                raise BuildError(problem)
            compiled.append(name)
            output.touch()
            return output

        return Part(name, str(tmp_path / f"{name}.so"), (), build)

    parts = {"kernel": part("kernel"), "plugin": part("plugin"), "torchscript": part("torchscript", "no torch")}
    monkeypatch.setattr(compiling, "PARTS", parts)
    assert build_in_place() == [
        *(f"wrote {tmp_path / name}.so" for name in ("kernel", "plugin")),
        "torchscript is not built: no torch",
    ]
    assert parts["torchscript"].problem_file().read_text() == "no torch\n"
    compiled.clear()
    build_in_place(["plugin"])
    assert compiled == ["plugin"]
    (tmp_path / "kernel.so").unlink()
    build_in_place(["plugin"])
    assert compiled == ["plugin", "kernel", "plugin"]
    with pytest.raises(BuildError, match="no torch"):
        build_in_place(["torchscript"])


def test_an_older_lammps_is_refused(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/fix.h").touch()
    (tmp_path / "src/version.h").write_text('#define LAMMPS_VERSION "29 Sep 2021"\n')
    with pytest.raises(BuildError, match="is of LAMMPS 20210929, needed 20250722 or newer"):
        build_plugin(tmp_path / "healplugin.so", tmp_path)
