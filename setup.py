"""Compiles fix heal with the package; without a compiler, torch or LAMMPS the package installs without it."""

import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError

sys.path.insert(0, str(Path(__file__).parent))
from lammps_heal.plugin.build import SOURCES, BuildError, build


class BuildPlugin(build_ext):
    """The plugin is no Python module: LAMMPS wants its name to end in "plugin.so"."""

    def get_ext_filename(self, fullname: str) -> str:
        return fullname.replace(".", "/") + ".so"

    def build_extension(self, ext: Extension) -> None:
        try:
            build(output=Path(self.get_ext_fullpath(ext.name)))
        except BuildError as problem:
            print(f"fix heal is not built: {problem}", file=sys.stderr)
            raise CompileError(str(problem)) from problem


setup(
    ext_modules=[
        Extension("lammps_heal.plugin.healplugin", [f"lammps_heal/plugin/{source}" for source in SOURCES], optional=True)
    ],
    cmdclass={"build_ext": BuildPlugin},
)
