"""What the doctor knows before looking at one field: the site, what the running agent says, as whom it runs."""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from agent.control_client import NoAnswer, NobodyThere, Visit
from agent.sites import load_site
from config.problem import SiteProblems

if TYPE_CHECKING:
    from pathlib import Path

    from agent.doctor.machine import Machine
    from config.problem import Problem
    from config.site import Site

USER: Final = "plantgate"
"""The user of the unit."""
NOBODY: Final = "the agent does not run"
"""What `agent.control_client` says where there is no door, or nobody behind it."""
LINES: Final = 3
"""So many lines of `watch`, a second apart: how busy a bus is can only be told over a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What the running agent answered; ``None`` where it did not, with why in `away`."""

    status: dict[str, Any] | None = None
    watch: dict[str, Any] | None = None
    site: dict[str, Any] | None = None
    away: str = ""
    is_shut: bool = False
    """Whether the door is there, but we may not go through it."""

    @property
    def is_gone(self) -> bool:
        """Whether surely no agent runs on this state directory."""
        return self.away == NOBODY


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The user the agent runs as, or would. `sure` when it runs now."""

    name: str
    uid: int
    groups: frozenset[int]
    sure: bool = False

    def may(self, status: os.stat_result, bit: int) -> bool:
        """Whether he may read (4), write (2) or pass (1), by owner, group and mode; access lists are not looked at."""
        if self.uid == 0:
            return True
        shift = 6 if status.st_uid == self.uid else 3 if status.st_gid in self.groups else 0
        return bool(stat.S_IMODE(status.st_mode) >> shift & bit)


def user_name(uid: int) -> str:
    """Return the name of a user, or its number."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _of(uid: int, groups: frozenset[int], *, sure: bool = False) -> Owner:
    return Owner(name=user_name(uid), uid=uid, groups=groups, sure=sure)


def myself() -> Owner:
    """Return the user who asks."""
    return _of(os.geteuid(), frozenset(os.getgroups()) | {os.getegid()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One examination: `path` and `site` are ``None`` when only the box is looked at, or the file has mistakes."""

    machine: Machine
    path: Path | None = None
    site: Site | None = None
    problems: tuple[Problem, ...] = ()
    answers: Answers = field(default_factory=Answers)
    owner: Owner = field(default_factory=myself)

    @property
    def named(self) -> str:
        """The site file as it is written in a command."""
        return "SITE.toml" if self.path is None else shlex.quote(str(self.path))


def open_case(machine: Machine, path: Path | None) -> Case:
    """Load the site, ask the agent, and find out as whom it runs."""
    site, problems = _loaded(path)
    answers = Answers() if site is None else asked(site.gateway.state_dir)
    owner = owner_of(machine, answers.status, None if site is None else site.gateway.state_dir)
    return Case(machine=machine, path=path, site=site, problems=problems, answers=answers, owner=owner)


def _loaded(path: Path | None) -> tuple[Site | None, tuple[Problem, ...]]:
    if path is None:
        return None, ()
    try:
        return load_site(path), ()
    except SiteProblems as refused:
        return None, refused.problems


def asked(state_dir: Path) -> Answers:
    """Ask the agent of this state directory for all the doctor wants to know of it."""
    try:
        with Visit(state_dir) as visit:
            status = visit.ask({"do": "status"})
            site: dict[str, Any] | None = None
            with suppress(NoAnswer):  # an agent of an older version does not know the verb
                site = visit.ask({"do": "site"})
            watch = list(islice(visit.lines({"do": "watch"}), LINES))[-1]
            return Answers(status=status, watch=watch, site=site)
    except NobodyThere as reason:
        return Answers(away=str(reason), is_shut="permission denied" in str(reason))
    except NoAnswer as reason:
        return Answers(away=str(reason))


def owner_of(machine: Machine, status: dict[str, Any] | None, state_dir: Path | None) -> Owner:
    """Return as whom the agent runs; while it does not: the unit's user, the owner of its state, or whoever asks."""
    pid = (status or {}).get("pid")
    if isinstance(pid, int) and (running := _of_process(machine, pid)) is not None:
        return running
    try:
        user = pwd.getpwnam(USER)
    except KeyError:
        return _of_folder(state_dir)
    return _of(user.pw_uid, frozenset(os.getgrouplist(USER, user.pw_gid)) | _unit_groups(machine))


def _of_process(machine: Machine, pid: int) -> Owner | None:
    """Return the user and groups of a process (proc(5), status: "Uid:", "Gid:", "Groups:")."""
    rows = dict(line.split(":", 1) for line in (machine.text(f"/proc/{pid}/status") or "").splitlines() if ":" in line)
    try:
        uid, gid = int(rows["Uid"].split()[1]), int(rows["Gid"].split()[1])
    except (KeyError, IndexError, ValueError):
        return None
    groups = frozenset(map(int, rows.get("Groups", "").split()))
    return _of(uid, groups | {gid}, sure=True)


def _of_folder(folder: Path | None) -> Owner:
    try:
        uid = folder.stat().st_uid if folder is not None else os.geteuid()
    except OSError:
        return myself()
    if uid == os.geteuid():
        return myself()
    with suppress(KeyError):
        user = pwd.getpwuid(uid)
        return _of(uid, frozenset(os.getgrouplist(user.pw_name, user.pw_gid)))
    return _of(uid, frozenset())


def _unit_groups(machine: Machine) -> frozenset[int]:
    """Return the groups that the unit adds (SupplementaryGroups=)."""
    told = machine.run(["systemctl", "show", "plantgate.service", "--property=SupplementaryGroups", "--value"])
    found: set[int] = set()
    for name in (told or "").split():
        with suppress(KeyError):
            found.add(grp.getgrnam(name).gr_gid)
    return frozenset(found)


def group_name(gid: int) -> str:
    """Return the name of a group, or its number."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
