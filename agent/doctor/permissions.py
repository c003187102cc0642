"""Who owns the files, who else can read or change them, and whether the agent's user can reach them."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agent.doctor.case import group_name, user_name
from agent.doctor.finding import find

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from agent.doctor.case import Case, Owner
    from agent.doctor.finding import Finding
    from config.site import Site

HOMES: Final = (Path("/home"), Path("/root"), Path("/run/user"))
"""The unit does not see these (systemd.exec, "ProtectHome=")."""
MOST_FILES: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFact:
    """One file. `role`: "site", "secret", "public" (a certificate), "state" (the directory), "inside" (a file in it).

    `status` is ``None`` where there is none, or where we may not look (`unseen`). `shut` is the first folder above it
    that the agent's user cannot pass.
    """

    path: Path
    role: str
    status: os.stat_result | None
    unseen: bool = False
    shut: Path | None = None


def read(case: Case) -> list[FileFact]:
    """Look at the site file and everything it names."""
    if case.path is None:
        return []
    named = [(case.path, "site")]
    if case.site is not None:
        named += [*_secrets(case.site), (case.site.gateway.state_dir, "state")]
    facts = [_fact(path.absolute(), role, case.owner) for path, role in dict.fromkeys(named)]
    return facts + ([] if case.site is None else _inside(case.site.gateway.state_dir))


def _secrets(site: Site) -> Iterator[tuple[Path, str]]:
    uplink = site.uplink
    if uplink is not None:
        private = (uplink.password_file, uplink.key_file)
        yield from ((path, "secret") for path in private if path is not None)
        yield from ((path, "public") for path in (uplink.ca_file, uplink.cert_file) if path is not None)
    for device in site.devices:
        if device.spec.sm4_key_file is not None:
            yield Path(device.spec.sm4_key_file), "secret"


def _fact(path: Path, role: str, owner: Owner) -> FileFact:
    try:
        status = path.stat()
    except PermissionError:
        return FileFact(path=path, role=role, status=None, unseen=True)
    except OSError:
        return FileFact(path=path, role=role, status=None)
    return FileFact(path=path, role=role, status=status, shut=_shut(path.resolve(), owner))


def _shut(path: Path, owner: Owner) -> Path | None:
    for folder in reversed(path.parents):
        if not owner.may(folder.stat(), 1):
            return folder
    return None


def _inside(folder: Path) -> list[FileFact]:
    try:
        entries = sorted(folder.iterdir())[:MOST_FILES]
        return [FileFact(path=entry, role="inside", status=entry.lstat()) for entry in entries]
    except OSError:
        return []


def judge(facts: list[FileFact], owner: Owner) -> list[Finding]:
    """Return what is wrong with files, and one line for those with which nothing is."""
    found = [finding for fact in facts if fact.role != "inside" for finding in _of_one(fact, owner)]
    found += _strangers([fact for fact in facts if fact.role == "inside"], facts, owner)
    looked = [fact for fact in facts if fact.status is not None]
    if looked and not any(finding.is_trouble for finding in found):
        return [find("files-fine", count=len(looked), user=owner.name), *found]
    return found


def _of_one(fact: FileFact, owner: Owner) -> Iterator[Finding]:
    if fact.unseen:
        yield find("file-unseen", fact.path)
        return
    if fact.status is None:
        yield find("state-none" if fact.role == "state" else "file-missing", fact.path)
        return
    yield from _reach(fact, fact.status, owner)
    if fact.role in ("secret", "state") and fact.status.st_mode & 0o077:
        mend = "700" if fact.role == "state" else "600"
        mode = f"{stat.S_IMODE(fact.status.st_mode):04o}"
        yield find("secret-shared" if fact.role == "secret" else "state-shared", fact.path, mode=mode, mend=mend)
    if fact.role in ("site", "public") and fact.status.st_mode & 0o022:
        mode = f"{stat.S_IMODE(fact.status.st_mode):04o}"
        yield find("file-open-to-change", fact.path, mode=mode, group=group_name(fact.status.st_gid))


def _reach(fact: FileFact, status: os.stat_result, owner: Owner) -> Iterator[Finding]:
    """Yield why the agent's user cannot use a file."""
    if owner.name == "plantgate" and any(fact.path.is_relative_to(home) for home in HOMES):
        yield find("file-in-home", fact.path)
    elif fact.shut is not None:
        yield find("folder-shut", fact.path, folder=fact.shut, user=owner.name)
    elif fact.role == "state" and owner.uid not in (status.st_uid, 0):
        yield find("state-foreign", fact.path, owner=user_name(status.st_uid), user=owner.name)
    elif not owner.may(status, 4):
        yield find("file-unreadable", fact.path, owner=user_name(status.st_uid), user=owner.name)


def _strangers(inside: list[FileFact], facts: list[FileFact], owner: Owner) -> Iterator[Finding]:
    """Yield the trap of a run as root: files in the state directory that the agent's user may no longer write."""
    state = next((fact for fact in facts if fact.role == "state" and fact.status is not None), None)
    if state is None or state.status is None or state.status.st_uid != owner.uid:
        return
    foreign = [fact for fact in inside if fact.status is not None and fact.status.st_uid != owner.uid]
    if foreign:
        names = ", ".join(fact.path.name for fact in foreign[:5])
        yield find("state-mixed", state.path, files=names, count=len(foreign), user=owner.name)


def look(case: Case) -> list[Finding]:
    """Read and judge."""
    return judge(read(case), case.owner)
