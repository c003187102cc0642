"""Directory, lock and ballast."""

from __future__ import annotations

from pathlib import Path

import pytest

from buffer.errors import Volatile
from buffer.place import Ballast, filesystem, refuse_volatile

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
