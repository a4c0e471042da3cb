"""Check that the cache folder is private, and that the lack of one does no harm."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
import pytest

from overbar.codegen import cache
from overbar.codegen.cache import Store
from overbar.ir.errors import CacheWarning

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = f"{cache.TAG_PREFIX}test/file.py"
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes and owners")


def mode(path: Path) -> int:
    """Return a path's permissions."""
    return stat.S_IMODE(path.lstat().st_mode)


@posix
def test_the_folder_is_private(folder: Path) -> None:
    """The folder, each tag's folder and each file are made for their owner alone."""
    old = os.umask(0)
    try:
        path = Store().keep(NAME, b"text")
    finally:
        os.umask(old)
    assert path == folder / NAME
    assert [mode(p) for p in (folder, path.parent, path)] == [0o700, 0o700, 0o600]


def test_default_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the variable the folder is the one that the platform sets aside."""
    monkeypatch.delenv(cache.VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    expected = platformdirs.user_cache_path("overbar", appauthor=False)
    monkeypatch.setattr(cache, "_prepare", lambda wish: (wish, ""))
    assert Store().root() == expected
    if sys.platform == "linux":
        assert expected == tmp_path / "overbar"


def test_what_is_kept_is_fetched(folder: Path) -> None:
    """Bytes come back, in another process too; what is missing is None."""
    store = Store()
    store.keep(NAME, b"one\x00")
    assert store.fetch(NAME) == b"one\x00"
    assert Store().fetch(NAME) == b"one\x00"
    assert store.fetch(NAME + "c") is None
    store.keep(NAME, b"two")
    assert store.fetch(NAME) == b"two"
    assert [p.name for p in (folder / NAME).parent.iterdir()] == ["file.py"]


def test_a_right_file_is_not_written_again(folder: Path) -> None:
    """A file that is as it should be keeps its time stamp."""
    Store().keep(NAME, b"text")
    os.utime(folder / NAME, ns=(1, 1))
    Store().keep(NAME, b"text")
    assert (folder / NAME).stat().st_mtime_ns == 1


def truncate(path: Path) -> None:
    """Cut a file off."""
    os.truncate(path, path.stat().st_size // 2)


def to_folder(path: Path) -> None:
    """Put a folder, with a file in it, in place of a file."""
    path.unlink()
    path.mkdir()
    (path / "inside").write_text("x")


def to_link(path: Path) -> None:
    """Put a link to a file of the same content in place of a file."""
    other = path.with_suffix(".other")
    path.rename(other)
    path.symlink_to(other)


def to_pipe(path: Path) -> None:
    """Put a pipe, on which a reader would wait for ever, in place of a file."""
    path.unlink()
    os.mkfifo(path)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "truncated": truncate,
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"x"),
    "garbled": lambda path: path.write_bytes(bytes(reversed(path.read_bytes()))),
    "a folder": to_folder,
    "a link": to_link,
    "a pipe": to_pipe,
    "read-only": lambda path: path.chmod(0o400),
    "writable by all": lambda path: path.chmod(0o666),
    "tag writable by all": lambda path: path.parent.chmod(0o777),
    "tag a link": lambda path: to_link(path.parent),
}


@posix
@pytest.mark.parametrize("kind", DAMAGE)
def test_damaged_files_are_put_right(folder: Path, kind: str) -> None:
    """Whatever stands where a file should be, the right file is put there."""
    Store().keep(NAME, b"the text")
    DAMAGE[kind](folder / NAME)
    store = Store()
    assert store.fetch(NAME) in {
        None,
        b"the text",
        b"the ",
        b"",
        b"the textx",
        b"txet eht",
    }
    assert store.keep(NAME, b"the text") == folder / NAME
    assert (folder / NAME).read_bytes() == b"the text"
    assert not (folder / NAME).is_symlink()
    assert mode(folder / NAME) in {0o600, 0o400}


@posix
@pytest.mark.parametrize("kind", ["a link", "a pipe", "a folder", "writable by all"])
def test_files_of_doubtful_origin_are_not_read(folder: Path, kind: str) -> None:
    """A link, a pipe, a folder and a file that others can write count as missing."""
    Store().keep(NAME, b"the text")
    DAMAGE[kind](folder / NAME)
    assert Store().fetch(NAME) is None


def block_by_file(folder: Path, _: pytest.MonkeyPatch) -> str:
    """Put a file in place of the folder."""
    folder.write_text("in the way")
    return "is not a folder"


def block_by_parent(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Ask for a folder below a file."""
    folder.write_text("in the way")
    monkeypatch.setenv(cache.VARIABLE, str(folder / "a" / "b"))
    return "Not a directory"


def block_by_link(folder: Path, _: pytest.MonkeyPatch) -> str:
    """Put a link in place of the folder."""
    target = folder.with_name("elsewhere")
    target.mkdir(mode=0o700)
    folder.symlink_to(target)
    return "is a symbolic link"


def block_by_mode(folder: Path, _: pytest.MonkeyPatch) -> str:
    """Let the group write the folder."""
    folder.mkdir()
    folder.chmod(0o770)
    return "can be written by others (mode 0770)"


def block_by_owner(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let the folder be somebody else's."""
    folder.mkdir(mode=0o700)
    real = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: real + 4321)
    return f"belongs to user {real}, not to you ({real + 4321})"


def block_above(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let everybody rename the folder, by a parent without the sticky bit."""
    parent = folder.with_name("open")
    parent.mkdir()
    parent.chmod(0o777)
    monkeypatch.setenv(cache.VARIABLE, str(parent / "cache"))
    return "which every user can write"


def block_by_kernel(_: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Ask for a folder where nobody can make one."""
    monkeypatch.setenv(cache.VARIABLE, "/proc/overbar/cache")
    return "/proc/overbar"


def block_home(_: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Have no home."""
    monkeypatch.delenv(cache.VARIABLE)
    nowhere = Path("~/.cache/overbar")
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda *_, **__: nowhere)
    return "no home folder"


def block_by_name(_: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Ask for a folder whose name is too long."""
    monkeypatch.setenv(cache.VARIABLE, "/tmp/" + "x" * 300)  # noqa: S108
    return "File name too long"


BLOCKS = (
    *(block_by_file, block_by_parent, block_by_link, block_by_mode, block_by_owner),
    *(block_above, block_by_kernel, block_home, block_by_name),
)


@posix
@pytest.mark.parametrize("block", BLOCKS)
def test_falls_back_to_a_temporary_folder(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    block: Callable[[Path, pytest.MonkeyPatch], str],
) -> None:
    """A folder that is not ours alone is not used; one warning says why."""
    expected = block(folder, monkeypatch)
    store = Store()
    with pytest.warns(CacheWarning) as caught:
        path, _ = [store.keep(NAME, b"text") for _ in range(2)]
    assert len(caught) == 1
    assert expected in str(caught[0].message)
    assert not store.is_persistent()
    if block is block_by_owner:  # nothing at all is ours then
        assert path is None
        return
    assert path is not None
    assert path.read_bytes() == b"text"
    assert [mode(p) for p in (path.parents[1], path)] == [0o700, 0o600]
    path.unlink()


@posix
def test_a_link_above_the_folder_is_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link above the folder is nobody's attack: home may be one. It is resolved."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "link" / "cache"))
    assert Store().root() == tmp_path / "real" / "cache"


def test_a_full_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When writing fails later, files go to a temporary folder, with one warning."""
    store = Store()
    store.keep(NAME, b"one")
    real = tempfile.mkstemp

    def full(*args: object, **options: object) -> object:
        if Path(str(options["dir"])).is_relative_to(folder):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(*args, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(tempfile, "mkstemp", full)
    with pytest.warns(CacheWarning, match="No space left on device") as caught:
        paths = [store.keep(NAME, text) for text in (b"two", b"three")]
    assert len(caught) == 1
    assert store.fetch(NAME) == b"three"
    assert [p and p.is_relative_to(folder) for p in paths] == [False, False]


def test_nowhere_to_write(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without even a temporary folder nothing is kept, and nothing raises."""
    folder.write_text("in the way")

    def fail(*_: object, **__: object) -> object:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(tempfile, "mkdtemp", fail)
    store = Store()
    with pytest.warns(CacheWarning):
        assert store.keep(NAME, b"text") is None
    assert store.fetch(NAME) is None
    store.drop(NAME)
    assert (store.root(), store.files(), store.is_persistent()) == (None, [], False)


def test_a_folder_that_vanishes_is_made_anew(folder: Path) -> None:
    """Removing the folder under a running process costs its content, nothing else."""
    store = Store()
    for text in (b"one", b"two", b"three"):
        assert store.keep(NAME, text) == folder / NAME
        assert store.fetch(NAME) == text
        cache._remove(folder)
    assert store.is_persistent()


EXIT = """
import os, warnings
from overbar.codegen.cache import STORE
warnings.simplefilter("ignore")
path = STORE.keep("overbar-test/file.py", b"text")
child = os.fork()
if child:
    os.waitpid(child, 0)
    print(path.parents[1], path.exists())
"""


@posix
def test_the_temporary_folder_is_removed_at_exit(folder: Path) -> None:
    """The temporary folder goes with its process, but not with a fork's child."""
    folder.write_text("in the way")
    command = [sys.executable, "-c", EXIT]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    path, _, kept = done.stdout.strip().rpartition(" ")
    assert kept == "True"
    assert path.startswith(tempfile.gettempdir())
    assert not Path(path).exists()


def test_purge_removes_our_files_alone(folder: Path) -> None:
    """`purge` removes what Overbar wrote and leaves the user's own files."""
    cache.STORE.keep(NAME, b"12345")
    cache.STORE.keep(f"{cache.TAG_PREFIX}old/module.nbc", b"123")
    for name in ("mine.py", "notes/mine.py", f"{cache.TAG_PREFIX}old/mine.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("mine")
    info = cache.CacheInfo(folder, persistent=True, files=2, bytes=8)
    assert cache.cache_info() == info
    assert cache.purge() == info
    assert cache.cache_info() == cache.CacheInfo(
        folder, persistent=True, files=0, bytes=0
    )
    left = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.*"))
    assert left == ["mine.py", "notes/mine.py", "overbar-old/mine.txt"]


def test_many_threads_write_at_once(folder: Path) -> None:
    """Writers and readers of one file see one text or the other, never a mixture."""
    store = Store()
    texts = [bytes([65 + i]) * 50_000 for i in range(8)]
    barrier = threading.Barrier(8)
    seen: set[bytes | None] = set()

    def write(text: bytes) -> None:
        barrier.wait()
        for _ in range(20):
            store.keep(NAME, text)
            seen.add(store.fetch(NAME))

    threads = [threading.Thread(target=write, args=[text]) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen <= set(texts)
    assert [p.name for p in (folder / NAME).parent.iterdir()] == ["file.py"]
