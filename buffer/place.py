"""The directory itself: whether it survives a power cut, who owns it, and a reserve for the day the disk is full."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from buffer.errors import Locked, StoreFailed, StoreFull, Volatile

UNFIT = {
    "tmpfs": "lives in memory",
    "ramfs": "lives in memory",
    "devtmpfs": "lives in memory",
    "overlay": "is a container's throw-away layer",
    "aufs": "is a container's throw-away layer",
    "nfs": "is on the network, where SQLite's log does not work",
    "nfs4": "is on the network, where SQLite's log does not work",
    "cifs": "is on the network, where SQLite's log does not work",
    "smb3": "is on the network, where SQLite's log does not work",
}
"""Kinds of file system that cannot keep the promise, and why."""

_MOUNTS = Path("/proc/self/mountinfo")


def filesystem(directory: Path, mounts: str) -> str:
    """Return the kind of the file system that holds `directory`, given the text of mountinfo (proc(5)), or ``""``.

    The longest mount point that is a parent wins, and of two mounts on one point the later.
    """
    best, kind = -1, ""
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        point = _unescaped(left.split(" ")[4])
        if (directory == point or point in directory.parents) and len(point.parts) >= best:
            best, kind = len(point.parts), right.split(" ")[0]
    return kind


def _unescaped(text: str) -> Path:
    """Return a mount point with its octal escapes (blank, tab, newline, backslash) undone."""
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, character)
    return Path(text)


INDEX = 32 * 1024
"""Bytes of SQLite's index of 4062 pages in the log (sqlite.org/walformat.html section 2.2): ours has fewer."""
LEAST_ROOM = 8 * INDEX
_PAGE = 4096


def has_small_blocks(path: Path) -> bool:
    """Return whether the disk of `path` is given out in pieces smaller than a page of memory.

    SQLite's index (`-shm`) is mapped into memory, and SQLite makes sure of its space by writing one byte to each page.
    Where blocks are smaller, as `mkfs.ext4` makes them below 512 MiB, that reserves a part of the page only, and a disk
    that is full answers a write into another part with SIGBUS, which ends the process.
    """
    return os.statvfs(path.parent).f_frsize < _PAGE


def needs_room(path: Path) -> None:
    """Raise `StoreFull` when SQLite's index of `path` could not be made because the disk is as good as full."""
    disk = os.statvfs(path.parent)
    if has_small_blocks(path) and disk.f_bavail * disk.f_frsize < LEAST_ROOM:
        raise _disk_full(path)


def hold_index(path: Path) -> None:
    """Take the whole space of the index of an open `path`. Raises `StoreFull`.

    It is taken through the descriptor that SQLite holds: to close another one of that file would end all its locks.
    """
    if not has_small_blocks(path):
        return
    name = f"{path.resolve()}-shm"
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            if str(descriptor.readlink()) == name:
                try:
                    os.posix_fallocate(int(descriptor.name), 0, INDEX)
                except OSError as error:
                    raise _disk_full(path) from error
                return


def _disk_full(path: Path) -> StoreFull:
    return StoreFull("the disk is full", where=path, hint="free disk space", disk=True)


def refuse_volatile(directory: Path) -> None:
    """Raise `Volatile` when `directory` would not survive a power cut. Without /proc nothing can be said: accept."""
    mounts = _MOUNTS.read_text("utf-8", "surrogateescape") if _MOUNTS.exists() else ""
    kind = filesystem(directory.resolve(), mounts)
    if kind in UNFIT:
        raise Volatile(
            f"this file system ({kind}) {UNFIT[kind]}: records acknowledged here could vanish",
            where=directory,
            hint="put state_dir on a local disk or card, or allow a volatile store if this is only a trial",
        )


def prepare(directory: Path) -> None:
    """Make the directory (0700) if need be. Raises `StoreFailed` when that is impossible."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise unusable(directory, error) from error


def unusable(where: Path, error: OSError) -> StoreFailed:
    """Return the failure that stands for an operating system error on `where`."""
    return StoreFailed(
        error.strerror or str(error), where=where, hint="check the disk, the mount and the permissions of state_dir"
    )


def sync_directory(directory: Path) -> None:
    """Make renames and new names in `directory` durable (open(2), fsync(2): a file's fsync does not cover its name)."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Lock:
    """One instance per directory. The kernel frees the lock when the process dies, however it dies."""

    def __init__(self, path: Path) -> None:
        """Take the lock. Raises `Locked` with the holder's process id, `StoreFailed` when the file cannot be opened."""
        try:
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise unusable(path, error) from error
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(self._handle, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(self._handle)
            raise Locked(
                f"another instance (process {holder}) is running on this directory",
                where=path,
                hint="stop it first, or give this one a state_dir of its own",
            ) from error
        with suppress(OSError):  # the number is for people; a full disk must not cost us the lock
            os.ftruncate(self._handle, 0)
            os.pwrite(self._handle, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let the next instance in."""
        os.close(self._handle)


class Ballast:
    """Disk space held back, so that on a disk filled by others there is room left to delete something.

    On a full disk SQLite cannot even delete: a deletion is first *written* to the log.
    """

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self.size = size

    def stow(self) -> bool:
        """Take the space. Return whether it is held; a disk that is full already has none to give."""
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.ftruncate(handle, self.size)
                os.posix_fallocate(handle, 0, self.size)
            finally:
                os.close(handle)
        except OSError:
            self.release()
            return False
        return True

    def release(self) -> None:
        """Give the space back to the disk."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)

    def room(self) -> int:
        """Return how many bytes of the disk are free for us."""
        disk = os.statvfs(self._path.parent)
        return disk.f_bavail * disk.f_frsize
