"""Compiles the libraries with the package; one that cannot be is left out, and a file beside its place says why."""

import sys
import warnings
from importlib.util import find_spec
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError

sys.path.insert(0, str(Path(__file__).parent))
from lammps_heal.compiling import PARTS, Part
from lammps_heal.errors import BuildError


class BuildLibraries(build_ext):
    """They are no Python modules: LAMMPS wants the plugin's name to end in "plugin.so", ctypes takes any."""

    def get_ext_filename(self, fullname: str) -> str:
        return fullname.replace(".", "/") + ".so"

    def build_extension(self, ext: Extension) -> None:
        part = next(part for part in PARTS.values() if module(part) == ext.name)
        package = self.built_package()
        part.path(package).unlink(missing_ok=True)  # of an earlier build, maybe for another LAMMPS
        try:
            part.build_into(package)
        except BuildError as problem:
            if part is not PARTS["torchscript"] or find_spec("torch") is not None:
                # Of all that is said here, pip shows warnings, as of its release 26, and nothing else.
                reason = str(problem).splitlines()[0]
                warnings.warn(f'{part.name} is not built, {reason}; then run "lammps-heal build-plugin"', stacklevel=1)
            raise CompileError(str(problem)) from problem

    def built_package(self) -> Path:
        return Path(self.build_lib) / "lammps_heal"

    def copy_extensions_to_source(self) -> None:
        """Of an editable install; beside the libraries, what is known of those that are missing."""
        super().copy_extensions_to_source()
        source = Path(self.get_finalized_command("build_py").get_package_dir("lammps_heal"))
        for part in PARTS.values():
            problem = part.problem_file(self.built_package())
            if problem.is_file():
                self.copy_file(problem, part.problem_file(source))
            else:
                part.problem_file(source).unlink(missing_ok=True)


class AnyPython(bdist_wheel):
    """What is compiled knows nothing of Python: one wheel serves every version."""

    def get_tag(self) -> tuple[str, str, str]:
        *_, machine = super().get_tag()
        return "py3", "none", machine


def module(part: Part) -> str:
    return "lammps_heal." + part.library.removesuffix(".so").replace("/", ".")


setup(
    ext_modules=[
        Extension(module(part), [f"lammps_heal/{source}" for source in part.sources()], optional=True) for part in PARTS.values()
    ],
    cmdclass={"build_ext": BuildLibraries, "bdist_wheel": AnyPython},
)
