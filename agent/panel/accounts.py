"""Accounts and their passwords, on disk in ``accounts.json``; the one-time setup code of a box without any.

- Passwords are hashed with scrypt; the parameters stand beside each hash, so that they can grow.
- A hash takes a tenth of a second and 32 MiB: at most two are made at once, and few wait; more are told to come back.
- The same work is done for a name that has no account as for one that has.
- The file is replaced whole, under a lock, so that a verb of the command line and the panel can both change it; what
  another process changed is noticed at the next look.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from agent.panel.person import Role
from agent.panel.safekeeping import hand_over, keep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

T = TypeVar("T")

SHORTEST_PASSWORD: Final = 12
LONGEST_PASSWORD: Final = 256
MOST_ACCOUNTS: Final = 64
SETUP_LASTS_MS: Final = 24 * 3600 * 1000
"""By the time since boot as long as it is the same boot, so that a clock that is set at last voids no code."""
MOST_WAITING: Final = 16
"""Hashes under way or waiting; more are refused."""
NAME: Final = "accounts.json"

_USER: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")
_CODE_LETTERS: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""31 signs that nobody mistakes for another; 15 of them are 74 bits."""
_CODE_LENGTH: Final = 15


class Clock(Protocol):
    """What time it is: `agent.clock.SystemClock`."""

    @property
    def boot(self) -> str:
        """Return which boot this is."""

    def mono_ns(self) -> int:
        """Return the time since boot."""

    def wall_ms(self) -> int:
        """Return what the host's clock says."""


class AccountRefused(Exception):
    """An account cannot be so. `key` is the text that says why, `fields` its fields."""

    def __init__(self, key: str, **fields: object) -> None:
        super().__init__(key)
        self.key, self.fields = key, fields


class Busy(Exception):
    """Too many passwords wait to be checked."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a scrypt hash costs (RFC 7914): memory is 128·n·r bytes."""

    n: int = 2**15
    r: int = 8
    p: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account. `version` changes with its password."""

    user: str
    role: Role
    salt: str
    hash: str
    cost: Cost
    version: str
    created_ms: int


@dataclass(frozen=True, slots=True)
class Setup:
    """A setup code: its hash, and when it was made by either clock."""

    hash: str
    boot: str
    mono_ms: int
    wall_ms: int

    def is_good(self, clock: Clock) -> bool:
        """Whether it has not expired."""
        if clock.boot == self.boot:
            return clock.mono_ns() // 1_000_000 - self.mono_ms < SETUP_LASTS_MS
        return 0 <= clock.wall_ms() - self.wall_ms < SETUP_LASTS_MS


@dataclass(frozen=True, slots=True)
class _Kept:
    """The whole file."""

    accounts: dict[str, Account]
    setup: Setup | None = None


class Accounts:
    """The accounts in a folder, 0700 and of the panel's user."""

    def __init__(self, folder: Path, clock: Clock, cost: Cost = Cost()) -> None:
        self._folder = folder
        self._path = folder / NAME
        self._clock = clock
        self._cost = cost
        self._kept = _Kept({})
        self._seen: tuple[int, int, int] | None = None
        self._workers = ThreadPoolExecutor(2, thread_name_prefix="scrypt")
        self._under_way = 0
        self._nobody = _hashed("", bytes(16), cost)

    # --- looking -------------------------------------------------------------------------------------------------

    def get(self, user: str) -> Account | None:
        """Return an account."""
        return self._look().accounts.get(user)

    def all(self) -> list[Account]:
        """Return all accounts, by name."""
        return sorted(self._look().accounts.values(), key=lambda one: one.user)

    @property
    def has_installer(self) -> bool:
        """Whether anybody may manage accounts."""
        return any(one.role is Role.INSTALLER for one in self._look().accounts.values())

    def awaits_setup(self) -> bool:
        """Whether a setup code is good now."""
        setup = self._look().setup
        return setup is not None and setup.is_good(self._clock)

    async def checked(self, user: str, password: str) -> Account | None:
        """Return the account whose password this is, else ``None``, after the same work. Raises Busy."""
        account = self.get(user)
        salt, cost = (bytes(16), self._cost) if account is None else (bytes.fromhex(account.salt), account.cost)
        made = await self._apart(lambda: _hashed(password, salt, cost))
        is_right = hmac.compare_digest(made, self._nobody if account is None else account.hash)
        return account if is_right else None

    # --- changing ------------------------------------------------------------------------------------------------

    async def add(self, user: str, role: Role, password: str) -> Account:
        """Make an account. Raises AccountRefused, Busy, OSError."""
        refuse_name(user)
        refuse_password(user, password)
        made = await self._apart(lambda: self._made(user, role, password))
        return self._insert(made)

    async def change_password(self, user: str, password: str) -> Account:
        """Give an account another password; its sessions end. Raises AccountRefused, Busy, OSError."""
        refuse_password(user, password)
        made = await self._apart(lambda: self._made(user, Role.VIEWER, password))
        return self._renew(made)

    def reset_password(self, user: str, password: str) -> Account:
        """Do the same at once, on the command line. Raises AccountRefused, OSError."""
        refuse_password(user, password)
        return self._renew(self._made(user, Role.VIEWER, password))

    def change_role(self, user: str, role: Role) -> Account:
        """Give an account another role; its sessions end. Raises AccountRefused, OSError."""
        with self._changing() as kept:
            before = _found(kept, user)
            after = replace(before, role=role, version=secrets.token_hex(8))
            self._keep(_with_installer(replace(kept, accounts=kept.accounts | {user: after}), kept))
        return after

    def remove(self, user: str) -> None:
        """Take an account away. Raises AccountRefused, OSError."""
        with self._changing() as kept:
            _found(kept, user)
            rest = {name: one for name, one in kept.accounts.items() if name != user}
            self._keep(_with_installer(replace(kept, accounts=rest), kept))

    def new_setup_code(self) -> str:
        """Return a code with which one installer account can be made, within 24 h. Any earlier one is void.

        Raises OSError.
        """
        code = "".join(secrets.choice(_CODE_LETTERS) for _ in range(_CODE_LENGTH))
        with self._changing() as kept:
            now = self._clock.boot, self._clock.mono_ns() // 1_000_000, self._clock.wall_ms()
            keep(self._path, _written(replace(kept, setup=Setup(_code_hash(code), *now))))
        return "-".join(code[start : start + 5] for start in range(0, _CODE_LENGTH, 5))

    async def set_up(self, code: str, user: str, password: str) -> Account | None:
        """Make the installer account that a setup code allows; ``None`` when the code is wrong, void or used.

        Raises AccountRefused, Busy, OSError.
        """
        if not self._is_code(self._look(), code):
            return None
        refuse_name(user)
        refuse_password(user, password)
        made = await self._apart(lambda: self._made(user, Role.INSTALLER, password))
        with self._changing() as kept:
            if not self._is_code(kept, code):
                return None
            self._keep(_Kept(kept.accounts | {user: made}))  # the box is in the hands of whoever has the code
        return made

    # --- how -----------------------------------------------------------------------------------------------------

    def _is_code(self, kept: _Kept, code: str) -> bool:
        is_right = hmac.compare_digest(_code_hash(code), kept.setup.hash if kept.setup else "")
        return is_right and kept.setup is not None and kept.setup.is_good(self._clock)

    async def _apart(self, work: Callable[[], T]) -> T:
        if self._under_way >= MOST_WAITING:
            raise Busy
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._workers, work)
        finally:
            self._under_way -= 1

    def _made(self, user: str, role: Role, password: str) -> Account:
        salt = secrets.token_bytes(16)
        return Account(
            user=user,
            role=role,
            salt=salt.hex(),
            hash=_hashed(password, salt, self._cost),
            cost=self._cost,
            version=secrets.token_hex(8),
            created_ms=self._clock.wall_ms(),
        )

    def _insert(self, made: Account) -> Account:
        with self._changing() as kept:
            if made.user in kept.accounts:
                raise AccountRefused("people.exists", user=made.user)
            if len(kept.accounts) >= MOST_ACCOUNTS:
                raise AccountRefused("people.too-many", most=MOST_ACCOUNTS)
            self._keep(replace(kept, accounts=kept.accounts | {made.user: made}))
        return made

    def _renew(self, made: Account) -> Account:
        with self._changing() as kept:
            before = _found(kept, made.user)
            after = replace(made, role=before.role, created_ms=before.created_ms)
            self._keep(replace(kept, accounts=kept.accounts | {made.user: after}))
        return after

    # --- the file ------------------------------------------------------------------------------------------------

    def _look(self) -> _Kept:
        """Return what is kept, read anew when the file is another one. Raises OSError, ValueError: it is damaged."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            self._seen, self._kept = None, _Kept({})
            return self._kept
        seen = (status.st_ino, status.st_mtime_ns, status.st_size)
        if seen != self._seen:
            self._kept, self._seen = _read(self._path.read_bytes()), seen
        return self._kept

    @contextmanager
    def _changing(self) -> Iterator[_Kept]:
        """Yield what is kept, with every other process kept from changing it."""
        lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            hand_over(lock, self._folder)
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield self._look()
        finally:
            os.close(lock)

    def _keep(self, kept: _Kept) -> None:
        """Replace the file, so that after a power cut there is the old or the new one, whole. Raises AccountRefused."""
        try:
            keep(self._path, _written(kept))
        except OSError as error:  # the disk is full, or can only be read
            raise AccountRefused("people.not-kept", reason=error.strerror or error) from error


def refuse_name(user: str) -> None:
    """Raise AccountRefused unless somebody can be called so."""
    if not _USER.fullmatch(user):
        raise AccountRefused("people.bad-name")


def refuse_password(user: str, password: str) -> None:
    """Raise AccountRefused when a password is too short, too long, or too easy to guess."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise AccountRefused("people.password-length", least=SHORTEST_PASSWORD, most=LONGEST_PASSWORD)
    if len(set(password)) < SHORTEST_PASSWORD // 3 or (len(user) > 2 and user in password.lower()):  # noqa: PLR2004
        raise AccountRefused("people.password-easy")


def _found(kept: _Kept, user: str) -> Account:
    account = kept.accounts.get(user)
    if account is None:
        raise AccountRefused("people.nobody", user=user)
    return account


def _with_installer(after: _Kept, before: _Kept) -> _Kept:
    """Return `after`, unless it leaves nobody who may manage accounts."""
    had = any(one.role is Role.INSTALLER for one in before.accounts.values())
    if had and not any(one.role is Role.INSTALLER for one in after.accounts.values()):
        raise AccountRefused("people.last-installer")
    return after


def _hashed(password: str, salt: bytes, cost: Cost) -> str:
    room = 128 * cost.r * (cost.n + cost.p + 2)
    made = hashlib.scrypt(
        password.encode("utf-8", "surrogatepass"),
        salt=salt,
        n=cost.n,
        r=cost.r,
        p=cost.p,
        maxmem=room + 2**20,
    )
    return made.hex()


def _code_hash(code: str) -> str:
    """Return the hash of a setup code, however it is written. 74 bits need no slow hash."""
    plain = "".join(sign for sign in code.upper() if sign.isalnum())
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()


def _written(kept: _Kept) -> bytes:
    accounts = {
        one.user: asdict(one) | {"role": one.role.word, "cost": asdict(one.cost)} for one in kept.accounts.values()
    }
    document = {"v": 1, "accounts": accounts, "setup": None if kept.setup is None else asdict(kept.setup)}
    return json.dumps(document, indent=1).encode() + b"\n"


def _read(content: bytes) -> _Kept:
    """Return what a file says. Raises ValueError."""
    try:
        document: dict[str, Any] = json.loads(content)
        accounts = {
            user: Account(**(one | {"role": Role[one["role"].upper()], "cost": Cost(**one["cost"])}))
            for user, one in document["accounts"].items()
        }
        setup = document["setup"]
        return _Kept(accounts, None if setup is None else Setup(**setup))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{NAME} is damaged: {error!r}") from error
