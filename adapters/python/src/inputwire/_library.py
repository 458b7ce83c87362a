"""Loads the C library and declares its functions."""

import ctypes as c
import os
import pathlib
import sys
from typing import Any

from . import _abi

_NAME = {"win32": "inputwire_c.dll", "darwin": "libinputwire_c.dylib"}.get(sys.platform, "libinputwire_c.so")


def _load() -> Any:
    # Another build of the library, such as one with fewer sizes.
    path = os.environ.get("INPUTWIRE_LIBRARY") or str(pathlib.Path(__file__).parent / _NAME)
    try:
        library = c.CDLL(path)
    except OSError as error:
        raise ImportError(
            f"the C library cannot be loaded: {error}. It comes with the package: `pip install ./adapters/python` in the "
            "repository, and import from outside of adapters/python/src; or set INPUTWIRE_LIBRARY to a library of your own"
        ) from error
    for name, (result, arguments) in _abi.FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    if library.iw_abi_version() != _abi.ABI_VERSION:
        raise ImportError(f"{path} has version {library.iw_abi_version()} of the interface, not {_abi.ABI_VERSION}")
    return library


library = _load()


def allocate(size: int) -> tuple[Any, int]:
    """Returns memory that never moves, and the aligned address in it. The memory must outlive the address."""
    memory = c.create_string_buffer(size + _abi.SESSION_ALIGN)
    start = c.addressof(memory)
    return memory, start + -start % _abi.SESSION_ALIGN


def text(status: int) -> str:
    """Returns what a status means, and what to do."""
    return str(library.iw_status_text(status).decode())
