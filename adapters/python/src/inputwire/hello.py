"""Whose hello a datagram is, for a server that has no session for its sender yet."""

from __future__ import annotations

import ctypes as c
from dataclasses import dataclass
from typing import NamedTuple, Optional

from . import _abi
from ._abi import Field, Status
from ._library import library
from .events import _field
from .session import _check, _number


class Fit(NamedTuple):
    """Whether a session could play with the sender of a hello: true in a condition if so. Else `status` says why not, and for
    `Status.HELLO_MISMATCH`, `field` is the setting that differs, set to `local` here and to `remote` there."""

    status: Status
    field: Optional[Field] = None
    local: int = 0
    remote: int = 0

    def __bool__(self) -> bool:
        """Whether it fits."""
        return self.status == Status.OK


@dataclass(frozen=True)
class Hello:
    """The hello in a datagram of the compact wire. Nothing is verified: any bytes may look like one.

    Without a key anybody can write a hello, and under one anybody can repeat it: it does not prove that this player sent it.
    """

    datagram: bytes
    version: int
    sender: int
    receiver: int

    @classmethod
    def peek(cls, datagram: bytes) -> Optional[Hello]:
        """Reads the hello in a datagram; None if it is something else."""
        hello = _abi.HelloStruct()
        if not _check(library.iw_hello_peek(datagram, len(datagram), c.byref(hello))):
            return None
        return cls(datagram, hello.version, hello.sender, hello.receiver)

    def fits(
        self,
        *,
        session_id: int = 0,
        local_player: int = 0,
        input_len: int = 1,
        key: Optional[bytes] = None,
        short_tags: bool = False,
        first_frame: int = 0,
    ) -> Fit:
        """Returns whether a session with these settings could play with the sender. Where each pair has a key of its own, look it up
        by `sender`."""
        config, mismatch = _abi.ConfigStruct(), _abi.MismatchStruct()
        _check(library.iw_config_default(c.byref(config)))
        config.session_id, config.local_player = _number("session_id", session_id, 64), _number("local_player", local_player, 16)
        config.short_tags, config.first_frame = short_tags, _number("first_frame", first_frame, 32)
        if key is not None:
            if len(key) != 16:
                raise ValueError("a key has 16 bytes")
            config.key[:], config.has_key = key, 1
        status = library.iw_hello_fits(self.datagram, len(self.datagram), c.byref(config), _number("input_len", input_len, 32), c.byref(mismatch))
        if status == Status.HELLO_MISMATCH:
            return Fit(Status.HELLO_MISMATCH, _field(mismatch.field), mismatch.local, mismatch.remote)
        if status <= Status.UNKNOWN_PEER or status == Status.HELLO_OTHER_PLAYER:
            return Fit(Status(status) if status in Status._value2member_map_ else Status.OTHER)
        _check(status)
        return Fit(Status.OK)
