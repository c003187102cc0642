"""Directory, lock and ballast."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import pytest

from buffer import store
from buffer.errors import StoreFull, Volatile
from buffer.place import INDEX, LEAST_ROOM, Ballast, filesystem, needs_room, refuse_volatile

MOUNTS = r"""
21 1 8:1 / / rw - overlay overlay rw
22 21 8:2 / /var/lib rw,noatime shared:1 - ext4 /dev/mmcblk0p3 rw
23 22 0:5 / /var/lib/ram rw - tmpfs none rw
24 23 8:9 / /var/lib/ram rw - xfs /dev/sdb rw
25 21 0:6 / /srv/a\040b rw - nfs4 host:/x rw
""".strip()

KINDS = {
    "root": ("/etc/plantgate", "overlay"),
    "below a mount": ("/var/lib/plantgate/state", "ext4"),
    "mount point itself": ("/var/lib", "ext4"),
    "two mounts on one point": ("/var/lib/ram/x", "xfs"),
    "a name that only begins alike": ("/var/library", "overlay"),
    "a blank in the name": ("/srv/a b/x", "nfs4"),
}


@pytest.mark.parametrize(("path", "kind"), KINDS.values(), ids=KINDS)
def test_names_the_file_system_of_a_directory(path: str, kind: str) -> None:
    """The innermost, latest mount counts."""
    assert filesystem(Path(path), MOUNTS) == kind


def test_refuses_a_memory_file_system() -> None:
    """D16: what does not survive a power cut is refused with what, where and what to do."""
    with pytest.raises(Volatile, match=r"/dev/shm.*tmpfs.*lives in memory.*state_dir"):
        refuse_volatile(Path("/dev/shm"))


def test_ballast_takes_real_space_and_gives_it_back(tmp_path: Path) -> None:
    """The space is allocated, not sparse, and gone after release."""
    ballast = Ballast(tmp_path / "ballast", 1024 * 1024)

    assert ballast.stow()
    assert (tmp_path / "ballast").stat().st_blocks * 512 >= 1024 * 1024
    ballast.release()
    assert not (tmp_path / "ballast").exists()


# --- SQLite's index where blocks are small ---------------------------------------------------------------------------


def small_blocks(free: int) -> SimpleNamespace:
    """Return what statvfs says of an ext4 below 512 MiB with so many bytes free."""
    return SimpleNamespace(f_frsize=1024, f_bavail=free // 1024)


def test_where_blocks_are_small_the_whole_index_is_taken(tmp_path: Path) -> None:
    """Every block of it is on the disk before anything is written into it, and the lock it carries still holds."""
    path = tmp_path / "outbox.db"
    with patch("buffer.place.os.statvfs", return_value=small_blocks(1 << 30)):
        db = store.connect(path, max_pages=1000)
    index = path.with_name("outbox.db-shm").stat()
    db.execute("BEGIN IMMEDIATE")
    probe = f"import sqlite3; sqlite3.connect({str(path)!r}, timeout=0).execute('BEGIN IMMEDIATE')"
    other = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False)

    assert index.st_blocks * 512 >= INDEX
    assert "database is locked" in other.stderr


def test_where_there_is_no_space_for_the_index_the_store_is_not_used(tmp_path: Path) -> None:
    """The disk being full is said, before SQLite finds out in its own way."""
    full = OSError(errno.ENOSPC, "No space left on device")
    with (
        patch("buffer.place.os.statvfs", return_value=small_blocks(1 << 30)),
        patch("buffer.place.os.posix_fallocate", side_effect=full),
        pytest.raises(StoreFull, match="the disk is full"),
    ):
        store.connect(tmp_path / "outbox.db", max_pages=1000)


@pytest.mark.parametrize(
    ("disk", "is_refused"),
    [
        pytest.param(small_blocks(LEAST_ROOM - 1024), True, id="small blocks, nearly full"),
        pytest.param(small_blocks(LEAST_ROOM), False, id="small blocks, enough room"),
        pytest.param(SimpleNamespace(f_frsize=4096, f_bavail=0), False, id="blocks of a page: SQLite sees to it"),
    ],
)
def test_when_a_disk_is_too_full_to_open_a_store(tmp_path: Path, disk: SimpleNamespace, is_refused: bool) -> None:
    """Only where a full disk could end the process."""
    with patch("buffer.place.os.statvfs", return_value=disk):
        if is_refused:
            with pytest.raises(StoreFull):
                needs_room(tmp_path / "outbox.db")
        else:
            needs_room(tmp_path / "outbox.db")
