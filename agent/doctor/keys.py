"""The signing key: there, private, usable, and the one that signed the chain in the store."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.doctor.finding import find
from agent.keys import KeyProblem, SigningKey, fingerprint, key_path
from buffer import mark, store
from buffer.opening import DATABASE, MARK

if TYPE_CHECKING:
    from pathlib import Path

    from agent.doctor.case import Case
    from agent.doctor.finding import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFacts:
    """What was seen of the key. `kid` names it, `chain_kid` the key that signed the chain ("" where not known)."""

    path: Path
    exists: bool = False
    unseen: bool = False
    begun: bool = False
    problem: str = ""
    hint: str = ""
    kid: str = ""
    shown: str = ""
    chain_kid: str = ""


def read(state_dir: Path) -> KeyFacts:
    """Look at the key and at what the store says of it."""
    path = key_path(state_dir)
    try:
        path.lstat()
    except FileNotFoundError:
        return KeyFacts(path=path, begun=_begun(state_dir))
    except OSError:
        return KeyFacts(path=path, unseen=True)
    if not os.access(path, os.R_OK):
        return KeyFacts(path=path, exists=True, unseen=True)
    chain_kid = _chain_kid(state_dir)
    try:
        key = SigningKey.load(path)
    except KeyProblem as problem:
        return KeyFacts(path=path, exists=True, problem=problem.what, hint=problem.hint, chain_kid=chain_kid)
    return KeyFacts(path=path, exists=True, kid=key.kid, shown=fingerprint(key.public), chain_kid=chain_kid)


def _begun(state_dir: Path) -> bool:
    noted = mark.read(state_dir / MARK)
    return noted is not None and bool(noted.chain)


def _chain_kid(state_dir: Path) -> str:
    """Return the key that the store names. A store that cannot be asked is the matter of `agent.doctor.store`."""
    path = state_dir / DATABASE
    if not path.exists() or not path.stat().st_size:
        return ""
    with closing(store.look(path)) as db:
        return (store.recall(db, "kid") or b"").decode()


def judge(facts: KeyFacts) -> list[Finding]:
    """Return what is to be said of the key."""
    if facts.unseen:
        return [find("key-unseen", facts.path)]
    if not facts.exists:
        return [find("key-lost" if facts.begun else "key-none-yet", facts.path)]
    if facts.problem:
        return [find("key-unusable", facts.path, problem=facts.problem, hint=facts.hint)]
    if facts.chain_kid and facts.chain_kid != facts.kid:
        return [find("key-of-another-chain", facts.path, kid=facts.kid, chain=facts.chain_kid)]
    return [find("key-fine", facts.path, fingerprint=facts.shown)]


def look(case: Case) -> list[Finding]:
    """Read and judge."""
    return [] if case.site is None else judge(read(case.site.gateway.state_dir))
