"""Accounts, passwords and the setup code."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

import pytest

from agent.panel import accounts as module
from agent.panel.accounts import AccountRefused, Accounts, Busy, Cost
from agent.panel.limits import Attempts, Lockout, Rates, who
from agent.panel.person import Role
from tests.agent.panel.rig import CHEAP, PASSWORD, HandClock

if TYPE_CHECKING:
    from pathlib import Path

A_DAY_S = 86_400


@pytest.fixture
def clock() -> HandClock:
    """Return time that moves by hand."""
    return HandClock()


@pytest.fixture
def accounts(tmp_path: Path, clock: HandClock) -> Accounts:
    """Return no accounts yet, in an empty folder."""
    return Accounts(tmp_path, clock, CHEAP)


def add(accounts: Accounts, user: str, role: Role = Role.OPERATOR, password: str = PASSWORD) -> None:
    """Make an account."""
    asyncio.run(accounts.add(user, role, password))


def checked(accounts: Accounts, user: str, password: str) -> str | None:
    """Return who is let in."""
    found = asyncio.run(accounts.checked(user, password))
    return None if found is None else found.user


def test_only_the_right_password_of_an_account_is_good(accounts: Accounts) -> None:
    """Another password is refused, and so is any password of nobody."""
    add(accounts, "wang")

    assert checked(accounts, "wang", PASSWORD) == "wang"
    assert checked(accounts, "wang", PASSWORD + "x") is None
    assert checked(accounts, "wang", "") is None
    assert checked(accounts, "nobody", PASSWORD) is None
    assert checked(accounts, "nobody", "") is None


def test_the_default_cost_is_what_the_house_asks_for() -> None:
    """A hash takes 32 MiB and one pass."""
    assert Cost() == Cost(n=2**15, r=8, p=1)


def test_a_hash_says_what_it_cost(tmp_path: Path, clock: HandClock) -> None:
    """When the cost is raised, hashes made before are still understood."""
    add(Accounts(tmp_path, clock, Cost(n=4, r=1, p=1)), "wang")

    assert checked(Accounts(tmp_path, clock, Cost(n=8, r=2, p=1)), "wang", PASSWORD) == "wang"


def test_nobody_can_tell_by_the_work_whether_an_account_exists(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exactly one hash of the same cost is made for a known and for an unknown name."""
    add(accounts, "wang")
    costs = []
    hashed = module._hashed

    def counted(password: str, salt: bytes, cost: Cost) -> str:
        costs.append(cost)
        return hashed(password, salt, cost)

    monkeypatch.setattr(module, "_hashed", counted)
    for user in ("wang", "nobody"):
        checked(accounts, user, "not the password")

    assert costs == [CHEAP, CHEAP]


def test_at_most_two_hashes_are_made_at_once_and_few_wait(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many log in at once, two are at work, a few wait, and the rest is told so at once."""
    at_work, most = [0], [0]

    def slow(password: str, salt: bytes, cost: Cost) -> str:
        at_work[0] += 1
        most[0] = max(most[0], at_work[0])
        time.sleep(0.01)
        at_work[0] -= 1
        return ""

    monkeypatch.setattr(module, "_hashed", slow)

    async def all_at_once() -> list[object]:
        tries = (accounts.checked(f"user{number}", "x") for number in range(200))
        return list(await asyncio.gather(*tries, return_exceptions=True))

    answers = asyncio.run(all_at_once())

    assert most[0] == 2
    assert sum(isinstance(answer, Busy) for answer in answers) == 200 - module.MOST_WAITING


PASSWORDS = {
    "too short": ("wang", "elevenchars", "people.password-length"),
    "too long": ("wang", "x1y2" * 65, "people.password-length"),
    "one letter": ("wang", "aaaaaaaaaaaaaaaa", "people.password-easy"),
    "the name in it": ("wangwei", "xx-WangWei-2026", "people.password-easy"),
}


@pytest.mark.parametrize("case", PASSWORDS)
def test_poor_passwords_are_refused(accounts: Accounts, case: str) -> None:
    """Twelve characters at least, and not what anybody would try first."""
    user, password, key = PASSWORDS[case]

    with pytest.raises(AccountRefused) as refused:
        add(accounts, user, password=password)

    assert refused.value.key == key
    assert accounts.all() == []


@pytest.mark.parametrize("name", ["", "Wang", "王", "a b", "a" * 33, "-a", "../x", "<b>", "a\n"])
def test_names_are_plain(accounts: Accounts, name: str) -> None:
    """A name can be typed on any keyboard and shown anywhere."""
    with pytest.raises(AccountRefused):
        add(accounts, name)


def test_a_name_is_used_once_and_there_are_not_too_many(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second account of a name is refused, and so is the one too many."""
    monkeypatch.setattr(module, "MOST_ACCOUNTS", 2)
    add(accounts, "wang")
    with pytest.raises(AccountRefused, match="exists"):
        add(accounts, "wang")
    add(accounts, "li")
    with pytest.raises(AccountRefused, match="too-many"):
        add(accounts, "zhao")

    assert [one.user for one in accounts.all()] == ["li", "wang"]


def test_the_last_installer_stays(accounts: Accounts) -> None:
    """Nobody can lock everybody out of managing accounts."""
    add(accounts, "boss", Role.INSTALLER)

    with pytest.raises(AccountRefused, match="last-installer"):
        accounts.remove("boss")
    with pytest.raises(AccountRefused, match="last-installer"):
        accounts.change_role("boss", Role.VIEWER)

    add(accounts, "other", Role.INSTALLER)
    accounts.remove("boss")

    assert [one.user for one in accounts.all()] == ["other"]


def test_another_password_makes_another_version(accounts: Accounts) -> None:
    """What a session is bound to changes with the password and with the role."""
    add(accounts, "wang")
    versions = {accounts.all()[0].version}
    versions.add(asyncio.run(accounts.change_password("wang", PASSWORD + "2")).version)
    versions.add(accounts.change_role("wang", Role.VIEWER).version)

    assert len(versions) == 3
    assert checked(accounts, "wang", PASSWORD + "2") == "wang"


def test_what_another_process_changes_is_seen(tmp_path: Path, accounts: Accounts, clock: HandClock) -> None:
    """A password reset on the command line counts in the running panel at once."""
    add(accounts, "wang")
    Accounts(tmp_path, clock, CHEAP).reset_password("wang", "another password")

    assert checked(accounts, "wang", PASSWORD) is None
    assert checked(accounts, "wang", "another password") == "wang"


def test_the_file_is_private_and_holds_no_password(tmp_path: Path, accounts: Accounts) -> None:
    """Only the panel's user may read it; there is neither a password nor a setup code in it."""
    add(accounts, "wang")
    code = accounts.new_setup_code()
    path = tmp_path / "accounts.json"

    assert path.stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in path.read_text()
    assert code not in path.read_text()
    assert code.replace("-", "") not in path.read_text()


def test_a_damaged_file_is_no_empty_one(tmp_path: Path, clock: HandClock) -> None:
    """A file that cannot be understood lets nobody in, and nobody set the box up anew."""
    for content in ("", "{", "[]", '{"v":1,"accounts":{"wang":{}},"setup":null}'):
        (tmp_path / "accounts.json").write_text(content)
        with pytest.raises(ValueError, match=r"damaged|Expecting"):
            Accounts(tmp_path, clock, CHEAP).all()


def test_a_power_cut_while_writing_leaves_the_old_accounts(tmp_path: Path, accounts: Accounts) -> None:
    """A half-written new file beside the whole old one is no trouble."""
    add(accounts, "wang")
    (tmp_path / "accounts.new").write_text('{"v":1,"acc')
    add(accounts, "li")

    assert [one.user for one in accounts.all()] == ["li", "wang"]


# --- the setup code ----------------------------------------------------------------------------------------------


def set_up(accounts: Accounts, code: str, user: str = "boss") -> str | None:
    """Try a code."""
    made = asyncio.run(accounts.set_up(code, user, PASSWORD))
    return None if made is None else made.user


def test_a_setup_code_makes_one_installer(accounts: Accounts) -> None:
    """It is good once, however it is written."""
    code = accounts.new_setup_code()

    assert accounts.awaits_setup()
    assert set_up(accounts, code.lower().replace("-", " ")) == "boss"
    assert accounts.all()[0].role is Role.INSTALLER
    assert set_up(accounts, code, "second") is None
    assert not accounts.awaits_setup()


def test_a_setup_code_has_sixty_bits_and_more(accounts: Accounts) -> None:
    """Fifteen of thirty-one letters; no two are alike."""
    codes = {accounts.new_setup_code() for _ in range(50)}

    assert len(codes) == 50
    assert all(len(code.replace("-", "")) == 15 for code in codes)
    assert 31**15 > 2**60


def test_another_code_voids_the_one_before(accounts: Accounts) -> None:
    """Only the latest is good."""
    first, second = accounts.new_setup_code(), accounts.new_setup_code()

    assert set_up(accounts, first) is None
    assert set_up(accounts, second) == "boss"


@pytest.mark.parametrize("code", ["", "-", "AAAAA-AAAAA-AAAAA", "\ud800"])
def test_without_a_code_nobody_is_let_in(accounts: Accounts, code: str) -> None:
    """Nothing is a code when none was made, and a wrong one is not when one was."""
    assert set_up(accounts, code) is None
    accounts.new_setup_code()
    assert set_up(accounts, code) is None
    assert accounts.all() == []


def test_a_refused_password_leaves_the_code_good(accounts: Accounts) -> None:
    """Whoever chose a poor password may choose another."""
    code = accounts.new_setup_code()
    with pytest.raises(AccountRefused):
        asyncio.run(accounts.set_up(code, "boss", "short"))

    assert set_up(accounts, code) == "boss"


def test_a_code_lasts_a_day(accounts: Accounts, clock: HandClock) -> None:
    """After 24 hours it is void."""
    code = accounts.new_setup_code()
    clock.pass_s(A_DAY_S - 1)
    assert accounts.awaits_setup()
    clock.pass_s(1)
    assert not accounts.awaits_setup()
    assert set_up(accounts, code) is None


def test_a_clock_that_is_set_voids_no_code(accounts: Accounts, clock: HandClock) -> None:
    """In the boot in which it was made, a code lasts a day by the time since boot, whatever the host's clock does."""
    accounts.new_setup_code()
    clock.ms += 400 * A_DAY_S * 1000

    assert accounts.awaits_setup()


def test_after_a_restart_of_the_box_the_wall_clock_decides(accounts: Accounts, clock: HandClock) -> None:
    """In another boot, neither an old code is good nor one from the future."""
    accounts.new_setup_code()
    clock.boot, clock.ns = "b1", 0
    assert accounts.awaits_setup()
    clock.ms += A_DAY_S * 1000
    assert not accounts.awaits_setup()
    clock.ms -= 2 * A_DAY_S * 1000
    assert not accounts.awaits_setup()


def test_the_kept_file_is_plain_json(tmp_path: Path, accounts: Accounts) -> None:
    """It can be read by whoever repairs a box."""
    add(accounts, "wang")
    document = json.loads((tmp_path / "accounts.json").read_text())

    assert document["v"] == 1
    assert document["accounts"]["wang"]["role"] == "operator"


# --- how often somebody may try ----------------------------------------------------------------------------------


def test_attempts_cost_a_wait_that_doubles(clock: HandClock) -> None:
    """The first are free; then 30 s, 60 s and so on, a quarter of an hour at most."""
    attempts, waits = Attempts(free=3), []
    for _ in range(10):
        attempts.begin("wang", clock.ns)
        waits.append(attempts.wait_s("wang", clock.ns))
        clock.pass_s(waits[-1])

    assert waits == [0, 0, 30, 60, 120, 240, 480, 900, 900, 900]


def test_attempts_long_ago_are_forgotten(clock: HandClock) -> None:
    """After an hour of quiet it begins anew; success forgets at once."""
    attempts = Attempts(free=2)
    for _ in range(5):
        attempts.begin("wang", clock.ns)
    clock.pass_s(3601)
    attempts.begin("wang", clock.ns)
    assert attempts.wait_s("wang", clock.ns) == 0
    attempts.begin("wang", clock.ns)
    assert attempts.wait_s("wang", clock.ns) > 0
    attempts.succeeded("wang")
    assert attempts.wait_s("wang", clock.ns) == 0


def test_tables_of_attempts_and_rates_are_bounded(clock: HandClock) -> None:
    """A flood of names and addresses costs a fixed room."""
    attempts, rates = Attempts(free=2), Rates(5, 1)
    for number in range(10_000):
        attempts.begin(str(number), clock.ns)
        rates.take(str(number), clock.ns)

    assert len(attempts._tries) == len(rates._left) == 4096


def test_strangers_who_guess_do_not_lock_the_owner_out(clock: HandClock) -> None:
    """Where somebody logged in before, others' failures do not count; elsewhere the account is locked."""
    lockout = Lockout(clock.mono_ns)
    lockout.begin("wang", "10.0.0.5")
    lockout.succeeded("wang", "10.0.0.5")
    for _ in range(6):
        lockout.begin("wang", "10.0.0.66")

    assert lockout.wait_s("wang", "10.0.0.66") > 0
    assert lockout.wait_s("wang", "10.0.0.77") > 0
    assert lockout.wait_s("wang", "10.0.0.5") == 0
    for _ in range(6):
        lockout.begin("wang", "10.0.0.5")
    assert lockout.wait_s("wang", "10.0.0.5") > 0


def test_an_address_that_tries_many_names_is_locked(clock: HandClock) -> None:
    """Ten failures of one address, whatever the names, and it waits; another address does not."""
    lockout = Lockout(clock.mono_ns)
    locked = [lockout.begin(f"user{number}", "10.0.0.66") for number in range(10)]

    assert locked == [False] * 9 + [True]
    assert lockout.wait_s("anybody", "10.0.0.66") > 0
    assert lockout.wait_s("anybody", "10.0.0.5") == 0


def test_a_rate_lets_a_burst_through_and_then_so_many_a_second(clock: HandClock) -> None:
    """Three at once, then two a second."""
    rates = Rates(3, 2)
    assert [rates.take("a", clock.ns) for _ in range(4)] == [True, True, True, False]
    clock.pass_s(1)
    assert [rates.take("a", clock.ns) for _ in range(3)] == [True, True, False]
    assert rates.take("b", clock.ns)


ADDRESSES = {
    "192.168.10.77": "192.168.10.77",
    "::ffff:192.168.10.77": "192.168.10.77",
    "fd00:1:2:3:4:5:6:7": "fd00:1:2:3::/64",
    "fe80::1%eth0": "fe80::/64",
    "testclient": "testclient",
    "": "",
}


@pytest.mark.parametrize("address", ADDRESSES)
def test_one_machine_has_one_address(address: str) -> None:
    """Of IPv6 the network counts, since a machine may choose its addresses in it."""
    assert who(address) == ADDRESSES[address]
