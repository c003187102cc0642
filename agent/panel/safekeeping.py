"""Files that only the panel's user may read, written so that after a power cut there is the old or the new one, whole.

A verb that root runs leaves them to whom the folder belongs, so that the panel can go on with them.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def keep(path: Path, content: bytes) -> None:
    """Replace a file. Raises OSError."""
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "wb") as stream:
        hand_over(file, path.parent)
        stream.write(content)
        stream.flush()
        os.fsync(file)
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def hand_over(file: int, folder: Path) -> None:
    """Give an open file that root made to whom the folder belongs."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.fchown(file, owner.st_uid, owner.st_gid)
