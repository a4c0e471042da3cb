"""Keep machine code on disk, under names that say all that it depends on.

Comes in: what code is made of. Goes out: object code, made or found. Every file begins
with a digest of its name and content; one that is damaged, or under another name, is
dropped and made again.
"""

from __future__ import annotations

import hashlib
import os
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overbar.codegen.cache import STORE, TAG_PREFIX
from overbar.codegen.machine import libraries
from overbar.codegen.machine.target import assemble, fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterator

NOWHERE = ""
"""The name of code that is not kept."""
_DIGEST = 32


@cache
def tag() -> str:
    """Name the folder for code that this very set-up makes and can run.

    Of Overbar itself the sizes and times of its files tell versions apart: so an
    edited copy never runs what another made. The version does where there are none.
    """
    digest = hashlib.sha256(sys.modules["overbar"].__version__.encode())
    digest.update(libraries.installed().encode())
    for path in sorted(_sources()):
        info = path.stat()
        digest.update(f"{path.name} {info.st_size} {info.st_mtime_ns}\n".encode())
    return f"{TAG_PREFIX}{digest.hexdigest()[:16]}-llvm{fingerprint()}"


def _sources() -> Iterator[Path]:
    """Yield the files of this package, wherever its parts are installed."""
    for package in ("overbar", "overbar.ir", "overbar.codegen"):
        for folder in sys.modules[package].__path__:
            for place, inside, names in os.walk(folder, followlinks=True):
                inside[:] = [n for n in inside if n != "__pycache__"]
                yield from (Path(place, n) for n in names if n.endswith(".py"))


def key(content: bytes | None, *parts: bytes) -> str:
    """Return the name of code made of these parts, of none if the first is None."""
    if content is None:
        return NOWHERE
    digest = hashlib.sha256()
    for part in (content, *parts):
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()[:40]


def fetch(name: str) -> bytes | None:
    """Return the code of a name, None where there is none to be trusted."""
    place = f"{tag()}/{name}.obj"
    data = STORE.fetch(place) if name else None
    if data is None:
        return None
    payload = data[_DIGEST:]
    if _seal(place, payload) == data:
        return payload
    STORE.drop(place)
    return None


def keep(name: str, payload: bytes) -> None:
    """Keep code under a name, unless it has none."""
    if name:
        place = f"{tag()}/{name}.obj"
        STORE.keep(place, _seal(place, payload))


def _seal(place: str, payload: bytes) -> bytes:
    return hashlib.sha256(place.encode() + payload).digest() + payload


def made(text: str, **options: Any) -> bytes:
    """Return the object code of a module, from disk where it was made before.

    options: of `assemble`.
    """
    name = key(text.encode(), repr(options).encode())
    data = fetch(name)
    if data is None:
        data = assemble(text, **options)
        keep(name, data)
    return data
