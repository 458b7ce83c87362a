"""Builds the C library with cargo and puts it into the wheel, beside the Python code that loads it."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py
from setuptools.dist import Distribution

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LIBRARY = {"win32": "inputwire_c.dll", "darwin": "libinputwire_c.dylib"}.get(sys.platform, "libinputwire_c.so")


def version():
    for manifest in (ROOT / "adapters/c/Cargo.toml", ROOT / "Cargo.toml"):
        found = manifest.exists() and re.search(r'^version = "(.+)"$', manifest.read_text(), re.M)
        if found:
            return found[1]
    raise SystemExit("build the wheel inside the repository: it compiles the library from there")


class BuildPy(build_py):
    """Builds the library first."""

    def run(self):
        target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
        if shutil.which("cargo") is None:
            raise SystemExit("the C library is built with Rust, and there is no cargo in PATH: install Rust (https://rustup.rs), or take a wheel that was built elsewhere")
        subprocess.run(
            ["cargo", "rustc", "-q", "-p", "inputwire-c", "--profile", "c", "--no-default-features", "--features",
             "all-sizes", "--crate-type", "staticlib,cdylib", "--target-dir", str(target)], cwd=ROOT, check=True)
        super().run()
        shutil.copy(target / "c" / LIBRARY, pathlib.Path(self.build_lib) / "inputwire" / LIBRARY)


class BdistWheel(bdist_wheel):
    """One wheel for every version of Python on this platform, since nothing is linked to Python."""

    def get_tag(self):
        return "py3", "none", super().get_tag()[2]


class BinaryDistribution(Distribution):
    """Has a library of machine code."""

    def has_ext_modules(self):
        return True


setup(version=version(), cmdclass={"build_py": BuildPy, "bdist_wheel": BdistWheel}, distclass=BinaryDistribution)
