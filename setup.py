"""Compiles the kernel and fix heal with the package; without a compiler, torch or LAMMPS the package installs without it."""

import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError

sys.path.insert(0, str(Path(__file__).parent))
from lammps_heal.compiling import KERNEL_SOURCES, LOOPS_SOURCE, SOURCES, BuildError, build, build_kernel


class BuildLibraries(build_ext):
    """They are no Python modules: LAMMPS wants the plugin's name to end in "plugin.so", ctypes takes any."""

    def get_ext_filename(self, fullname: str) -> str:
        return fullname.replace(".", "/") + ".so"

    def build_extension(self, ext: Extension) -> None:
        what, compile_it = ("fix heal", build) if ext.name.endswith("plugin") else ("the kernel", build_kernel)
        try:
            compile_it(output=Path(self.get_ext_fullpath(ext.name)))
        except BuildError as problem:
            print(f"{what} is not built: {problem}", file=sys.stderr)
            raise CompileError(str(problem)) from problem


def library(name: str, sources: list[str]) -> Extension:
    return Extension(f"lammps_heal.{name}", [f"lammps_heal/{source}" for source in sources], optional=True)


setup(
    ext_modules=[
        library("kernel.libhealkernel", [*KERNEL_SOURCES, LOOPS_SOURCE]),
        library("hosts.plugin.healplugin", SOURCES),
    ],
    cmdclass={"build_ext": BuildLibraries},
)
