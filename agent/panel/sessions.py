"""Who is logged in, in memory alone: a restart of the panel logs everybody out.

Only a hash of a session's token is kept. A session ends when nobody has done anything in it for `idle_s`, after
`LONGEST_S` in any case, when it is revoked, and when its account is removed or gets another password: the account's
`version` must be the one it was begun with. What a page fetches by itself is no activity.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from agent.panel.person import Person

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.panel.accounts import Account, Accounts

LONGEST_S: Final = 12 * 3600.0
MOST: Final = 200
MOST_OF_ONE: Final = 10
"""Sessions of one account; a further one ends the oldest."""
MOST_NOTES: Final = 5

_PRE_SESSION_KEY: Final = secrets.token_bytes(32)


@dataclass(slots=True, kw_only=True)
class Session:
    """One login. `id` may be shown, the token may not. `notes` are told on the next page: (key, fields)."""

    id: str
    user: str
    version: str
    csrf: str
    address: str
    begun_ns: int
    seen_ns: int
    notes: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    def note(self, key: str, fields: dict[str, object]) -> None:
        """Have something told on the next page."""
        self.notes = [*self.notes, (key, fields)][-MOST_NOTES:]


class Sessions:
    """The sessions of all accounts."""

    def __init__(self, accounts: Accounts, idle_s: float) -> None:
        """`idle_s` is how long nothing may happen in a session."""
        self._accounts = accounts
        self._idle_ns = round(idle_s * 1e9)
        self._sessions: dict[str, Session] = {}

    def begin(self, account: Account, address: str, now_ns: int) -> tuple[str, Session]:
        """Begin a session; return its token, which nobody but the browser keeps, and the session."""
        self._tidy(now_ns)
        mine = sorted(self.of(account.user), key=lambda one: one.seen_ns)
        for old in mine[: max(0, len(mine) - MOST_OF_ONE + 1)]:
            self.revoke(old.id)
        while len(self._sessions) >= MOST:
            self.revoke(min(self._sessions.values(), key=lambda one: one.seen_ns).id)
        token = secrets.token_urlsafe(32)
        session = Session(
            id=secrets.token_hex(6),
            user=account.user,
            version=account.version,
            csrf=secrets.token_urlsafe(24),
            address=address,
            begun_ns=now_ns,
            seen_ns=now_ns,
        )
        self._sessions[_hashed(token)] = session
        return token, session

    def find(self, token: str, now_ns: int, *, is_activity: bool) -> tuple[Session, Person] | None:
        """Return the session of a token and its person, if it has not ended; `is_activity` keeps it from idling."""
        session = self._sessions.get(_hashed(token))
        person = None if session is None else self._person(session, now_ns)
        if session is None or person is None:
            self._sessions.pop(_hashed(token), None)
            return None
        if is_activity:
            session.seen_ns = now_ns
        return session, person

    def is_open(self, session: Session, now_ns: int) -> bool:
        """Whether a session has not ended yet: what streams asks now and then."""
        return session in self._sessions.values() and self._person(session, now_ns) is not None

    def of(self, user: str | None = None) -> Iterator[Session]:
        """Yield the sessions of an account, or all."""
        return (one for one in list(self._sessions.values()) if user is None or one.user == user)

    def open(self, now_ns: int) -> list[Session]:
        """Return the sessions that have not ended, the latest first."""
        self._tidy(now_ns)
        return sorted(self._sessions.values(), key=lambda one: -one.seen_ns)

    def revoke(self, session_id: str) -> Session | None:
        """End a session; return it, if there was one."""
        for key, session in self._sessions.items():
            if session.id == session_id:
                return self._sessions.pop(key)
        return None

    def _person(self, session: Session, now_ns: int) -> Person | None:
        account = self._accounts.get(session.user)
        idle_ns, age_ns = now_ns - session.seen_ns, now_ns - session.begun_ns
        if account is None or account.version != session.version or idle_ns > self._idle_ns or age_ns > LONGEST_S * 1e9:
            return None
        return Person(account.user, account.role)

    def _tidy(self, now_ns: int) -> None:
        self._sessions = {
            key: one for key, one in self._sessions.items() if self._person(one, now_ns) is not None
        }  # fmt: skip


def pre_session() -> str:
    """Return a token for a visitor who is not logged in: the forms of the login page are bound to it."""
    return secrets.token_urlsafe(24)


def pre_session_csrf(token: str) -> str:
    """Return the CSRF token that goes with such a visitor; it means nothing after a restart."""
    return hmac.new(_PRE_SESSION_KEY, token.encode(), hashlib.sha256).hexdigest()


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
