"""Who gets in: first-run set-up, accounts and roles, log-in and log-out, and what must never be told to anybody."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.agent.panel.running import free_port
from tests.browser.harness import INSTALLER, OPERATOR, VIEWER, Panel, panel_table, works
from tests.e2e.harness import arrived

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.browser.conftest import Visits
    from tests.browser.harness import Works

BROKER = "broker-thicket-9931"
"""The password of the uplink."""
PAGES = ("/", "/alarms/history", "/values", "/orders", "/tasks", "/system", "/system/audit", "/people", "/account")
WRONG = "not-the-password"


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Works]:
    """Return a plant whose panel has no accounts yet."""
    folder = tmp_path_factory.mktemp("access")
    password = folder / "broker.password"
    password.write_text(BROKER, encoding="utf-8")
    password.chmod(0o600)
    uplink = {"username": "jn-0417", "password_file": str(password)}
    with works(folder, uplink=uplink, people=False) as found:
        yield found


def log_in(page: Page, person: tuple[str, str]) -> None:
    """Fill in the form and send it."""
    page.get_by_label("User name").fill(person[0])
    page.get_by_label("Password").fill(person[1])
    page.get_by_role("button", name="Log in").click()


def test_the_first_installer_comes_in_with_the_code_of_the_box(plant: Works, visits: Visits) -> None:
    """There is no default password: whoever runs `plantgate panel setup` on the box makes the first account, once."""
    guest = visits(plant.panel)
    page = guest.go("/")
    expect(page).to_have_url(f"{plant.panel.url}/login?next=%2F")
    expect(page.get_by_text("This box has no accounts yet")).to_be_visible()
    page.get_by_role("link", name="Set up with a code").click()
    expect(page.get_by_text("No setup code is good now")).to_be_visible()

    code = plant.panel.setup_code()
    page.reload()
    for tried, outcome in (("WRONG-WRONG-WRONG", "The setup code is wrong"), (code, "Jiangnan Works 2")):
        page.get_by_label("Setup code").fill(tried)
        page.get_by_label("User name").fill(INSTALLER[0])
        page.get_by_label("Password").fill(INSTALLER[1])
        page.get_by_role("button", name="Make the account").click()
        expect(page.locator("main").get_by_text(outcome)).to_be_visible()

    expect(page.get_by_role("link", name="wang.fang · installer")).to_be_visible()
    page.goto("/setup")
    expect(page.get_by_text("No setup code is good now")).to_be_visible()
    assert guest.trouble(403) == []


def test_an_installer_makes_accounts_that_may_less(plant: Works, visits: Visits) -> None:
    """A viewer sees and cannot do; an operator cannot manage accounts; both are made on the page of accounts."""
    page = visits(plant.panel, INSTALLER).go("/people")
    for (user, password), role in ((OPERATOR, "operator"), (VIEWER, "viewer")):
        form = page.locator("form[action='/people/add']")
        form.get_by_label("User name").fill(user)
        form.get_by_label(role, exact=False).first.check()
        form.get_by_label("Password").fill(password)
        form.get_by_role("button", name="Add").click()
        expect(page.get_by_text(f"Account {user} is added.")).to_be_visible()

    for person, may_operate in ((OPERATOR, True), (VIEWER, False)):
        one = visits(plant.panel, person)
        page = one.go("/orders")
        expect(page.get_by_text("Enter an order")).to_have_count(2 if may_operate else 0)
        expect(page.get_by_role("link", name="Accounts")).to_have_count(0)
        assert page.goto("/people").status == 403  # type: ignore[union-attr]
        expect(page.get_by_text("Your account may not do this.")).to_be_visible()
        assert one.trouble(403) == []


def test_a_wrong_password_is_refused_and_the_right_one_leads_on(plant: Works, visits: Visits) -> None:
    """The page says no more than that name or password is wrong; the right one leads to what was asked for."""
    guest = visits(plant.panel)
    page = guest.go("/values")
    log_in(page, (OPERATOR[0], WRONG))
    expect(page.get_by_role("alert")).to_have_text("The user name or the password is wrong.")
    log_in(page, ("nobody.at.all", WRONG))
    expect(page.get_by_role("alert")).to_have_text("The user name or the password is wrong.")
    log_in(page, OPERATOR)
    expect(page).to_have_url(f"{plant.panel.url}/values")
    assert guest.trouble(403) == []


def test_logging_out_ends_the_session(plant: Works, visits: Visits) -> None:
    """After it the way back leads to the login page, not to what was shown."""
    page = visits(plant.panel, OPERATOR).go("/alarms")
    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_url(f"{plant.panel.url}/login")
    page.go_back()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()


def test_a_session_that_is_ended_by_force_ends_on_the_screen_too(plant: Works, visits: Visits) -> None:
    """The installer ends it; the page that was moving goes to the login by itself."""
    watching = visits(plant.panel, VIEWER)
    page = watching.go("/values")
    expect(page.locator('[data-text="value:fan-1.power"]')).to_have_text("14.9")
    people = visits(plant.panel, INSTALLER).go("/people")
    row = people.locator("section[aria-labelledby='sessions'] tr", has_text=VIEWER[0])
    for _ in range(row.count()):
        row.first.get_by_role("button", name="End").click()
        expect(people.get_by_text(f"The session of {VIEWER[0]} has ended.")).to_be_visible()
    expect(page).to_have_url(f"{plant.panel.url}/login?next=%2Fvalues")
    assert all("EventSource" in trouble for trouble in watching.trouble(401))


def test_over_tls_the_cookie_is_the_hosts_own(plant: Works, visits: Visits, tmp_path: Path) -> None:
    """With a certificate of its own making people log in, pages move, and browsers guard the cookie's name."""
    site = tmp_path / "site.toml"
    port = free_port()
    site.write_text(f'[gateway]\nid = "jn-0417"\n{panel_table(port, "tls = true")}', encoding="utf-8")
    panel = Panel(site, plant.panel.agent, port, "https")
    panel.start()
    try:
        panel.people()
        visitor = visits(panel)
        page = visitor.go("/values")
        log_in(page, OPERATOR)
        expect(page.locator('[data-text="value:fan-1.power"]')).to_have_text("14.9")
        cookies = {str(one.get("name")): one for one in visitor.context.cookies()}
        session = cookies["__Host-plantgate"]
        assert (session.get("secure"), session.get("httpOnly"), session.get("sameSite")) == (True, True, "Strict")
        before = page.locator('[data-text="value:fan-1.count"]').text_content()
        expect(page.locator('[data-text="value:fan-1.count"]')).not_to_have_text(before or "")
    finally:
        panel.stop()


def test_nothing_secret_gets_out(plant: Works, visits: Visits) -> None:
    """Passwords, tokens of sessions, the setup code and the signing key stand in no page, bundle, log or record."""
    visitor = visits(plant.panel, INSTALLER)
    texts = [visitor.go(path).content() for path in PAGES]
    with visitor.page.expect_download() as download:
        visitor.go("/system").get_by_role("button", name="Download support bundle").click()
    with zipfile.ZipFile(download.value.path()) as bundle:
        assert set(bundle.namelist()) >= {"status.json", "site.toml", "log.txt"}
        texts += [bundle.read(name).decode("utf-8", "replace") for name in bundle.namelist()]
    code = plant.panel.setup_code()
    wanted = {"login", "login-refused", "logout", "setup", "user-added", "download"}
    arrived(plant.stage, lambda: {one["event"] for one in plant.stage.records("event")} >= wanted)
    texts += [plant.panel.said, plant.stage.agent.said, *(wire.decode() for wire in plant.stage.wires)]
    texts.append((plant.panel.state / "accounts.json").read_text(encoding="utf-8"))

    tokens = [str(one.get("value")) for one in visitor.context.cookies() if one.get("name") == "plantgate"]
    key = (plant.stage.state / "signing-key.pem").read_text(encoding="ascii").splitlines()[1:-1]
    passwords = [INSTALLER[1], OPERATOR[1], VIEWER[1], WRONG, BROKER]
    assert len(tokens) == 1
    assert key
    secrets = [*passwords, *tokens, code, code.replace("-", ""), *key]
    assert {secret for secret in secrets for text in texts if secret in text} == set()
