"""Alarms on the screen: they come by themselves, sound, and are acknowledged, shelved and gone without a reload."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.harness import OPERATOR, VIEWER, works
from tests.browser.plant import T1, T1_SAYS
from tests.e2e.harness import arrived
from tests.peers.mosquitto import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Locator, Page

    from tests.browser.conftest import Visits
    from tests.browser.harness import Works

SAYS = T1_SAYS["en"]
BEEPS = """
  window.beeps = 0;
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (...when) { window.beeps += 1; return start.apply(this, when); };
"""
"""Counts the tones a page sounds."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Works]:
    """Return a plant at work."""
    with works(tmp_path_factory.mktemp("alarms")) as found:
        yield found


@pytest.fixture
def plant(shared: Works) -> Iterator[Works]:
    """Return the plant without alarms, and leave it so."""
    shared.calm()
    yield shared
    shared.calm()


def card(page: Page) -> Locator:
    """Return the alarm of the fan in a list."""
    return page.locator("li.alarm", has_text=SAYS)


def done_to(plant: Works, state: str) -> dict[str, object]:
    """Wait for the record of something done to the alarm; return it."""
    arrived(plant.stage, lambda: plant.stage.records("alarm", alarm=T1, state=state))
    found: dict[str, object] = plant.stage.records("alarm", alarm=T1, state=state)[-1]
    return found


def test_an_alarm_comes_and_goes_without_a_reload(plant: Works, visits: Visits) -> None:
    """The overview turns yellow, says what is wrong, what to check, and when the authority is told; and green again."""
    page = visits(plant.panel, VIEWER).go("/")
    code = page.locator(".health .code")
    expect(code).to_have_text("Green: all well")
    page.evaluate("window.isTheSamePage = true")

    plant.fan(runs=False)
    expect(card(page)).to_be_visible()
    expect(card(page)).to_contain_text("unacknowledged")
    expect(card(page)).to_contain_text("Check first")
    expect(card(page)).to_contain_text("told to the authority in 90 min")
    expect(code).to_have_text("Yellow: attend to it")
    expect(page.locator('[data-state="facility:fan-1"]').first).to_have_attribute("data-is", "off")

    plant.fan(runs=True)
    expect(code).to_have_text("Green: all well")
    plant.calm()
    expect(page.get_by_text("No active alarms")).to_be_visible()
    assert page.evaluate("window.isTheSamePage")


def test_acknowledging_takes_a_note_and_is_a_record(plant: Works, visits: Visits) -> None:
    """The note stands in the alarm's story and in the signed record, with who did it and which way it came."""
    page = visits(plant.panel, OPERATOR).go("/alarms")
    plant.fan(runs=False)
    card(page).get_by_text("Acknowledge…").click()
    card(page).get_by_label("Note").fill("阀门卡住, fitter called")
    card(page).get_by_role("button", name="Acknowledge it").click()
    expect(page.get_by_text("Acknowledged.")).to_be_visible()
    expect(card(page).locator(".status")).to_have_attribute("data-is", "acknowledged")

    card(page).get_by_role("link", name=SAYS).click()
    expect(page.locator(".said-note")).to_have_text("阀门卡住, fitter called")
    by = done_to(plant, "acknowledged")["by"]
    assert isinstance(by, dict)
    assert (by["who"], by["door"], by["note"]) == (OPERATOR[0], "panel", "阀门卡住, fitter called")


def test_what_somebody_types_survives_the_next_alarm(plant: Works, visits: Visits) -> None:
    """The list is fetched anew under an open form; the form stays open, with its words and the cursor in it."""
    page = visits(plant.panel, OPERATOR).go("/alarms")
    plant.fan(runs=False)
    card(page).get_by_text("Acknowledge…").click()
    note = card(page).get_by_label("Note")
    note.fill("half a sen")
    plant.stage.meters.set(2, 1950, 2)
    expect(page.locator("li.alarm")).to_have_count(2)
    expect(note).to_be_focused()
    page.keyboard.type("tence")
    expect(note).to_have_value("half a sentence")


def test_shelving_hides_it_until_it_is_taken_off(plant: Works, visits: Visits) -> None:
    """Shelved for a time that is chosen, with a reason; it moves to the other list, and back."""
    page = visits(plant.panel, OPERATOR).go("/alarms")
    plant.fan(runs=False)
    card(page).get_by_role("link", name="Details").click()
    page.get_by_text("Shelve…").click()
    form = page.locator("form[action$='/shelve']")
    form.get_by_label("2 h").check()
    form.get_by_label("Note").fill("the drive is being exchanged")
    form.get_by_role("button", name="Shelve it").click()
    expect(page.get_by_text("Shelved.", exact=True)).to_be_visible()
    assert done_to(plant, "shelved")["for_s"] == 7200

    page.goto("/alarms")
    expect(page.get_by_text("No active alarms")).to_be_visible()
    page.get_by_role("link", name="Shelved, out of service").click()
    expect(card(page)).to_contain_text(f"Shelved by {OPERATOR[0]} until")
    card(page).get_by_text("Unshelve…").click()
    card(page).get_by_role("button", name="Unshelve it").click()
    expect(page.get_by_text("No longer shelved.")).to_be_visible()
    page.goto("/alarms")
    expect(card(page)).to_be_visible()


def test_silence_is_not_acknowledge(plant: Works, visits: Visits) -> None:
    """A click allows sound, an alarm sounds, another click ends it; the alarm still asks, the silence is noted."""
    visitor = visits(plant.panel, VIEWER)
    visitor.context.add_init_script(BEEPS)
    page = visitor.go("/")
    page.get_by_role("button", name="Sound on").click()
    plant.fan(runs=False)
    silence = page.get_by_role("button", name="Silence (does not acknowledge)")
    expect(silence).to_be_visible()
    assert eventually(lambda: page.evaluate("window.beeps") > 1)
    silence.click()
    expect(page.get_by_role("button", name="Silenced until a new alarm")).to_be_disabled()

    assert plant.alarms() == {T1: "unacknowledged"}
    expect(card(page)).to_contain_text("unacknowledged")
    arrived(plant.stage, lambda: plant.stage.events("silence"))
    assert plant.stage.events("silence")[0]["by"]["who"] == VIEWER[0]
    before = page.evaluate("window.beeps")
    plant.stage.meters.set(2, 1950, 2)
    assert eventually(lambda: page.evaluate("window.beeps") > before)


def test_the_keyboard_is_enough(plant: Works, visits: Visits) -> None:
    """From the top of the page Tab leads to the alarm; Enter opens, and Enter in the note acknowledges."""
    page = visits(plant.panel, OPERATOR).go("/alarms")
    plant.fan(runs=False)
    expect(card(page)).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    wanted = card(page).locator("summary", has_text="Acknowledge…")
    for _ in range(12):
        page.keyboard.press("Tab")
        if wanted.evaluate("one => one === document.activeElement"):
            break
    expect(wanted).to_be_focused()
    assert wanted.evaluate("one => getComputedStyle(one).outlineStyle") == "solid", "the focus is to be seen"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("seen from the keyboard")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Acknowledged.")).to_be_visible()
    assert plant.alarms() == {T1: "acknowledged"}


def test_a_page_says_so_when_what_it_shows_is_old(plant: Works, visits: Visits) -> None:
    """The agent is killed: a banner, with the age of the last data; it comes back: the banner goes, values move."""
    page = visits(plant.panel, VIEWER).go("/values")
    count = page.locator('[data-text="value:fan-1.count"]')
    moved = count.text_content() or ""
    expect(count).not_to_have_text(moved)
    banner = page.locator("[data-away]")
    expect(banner).to_be_hidden()

    plant.stage.agent.kill()
    expect(banner).to_be_visible()
    expect(banner).to_contain_text("No new data: what you see is old. Last data")
    assert page.evaluate("'stale' in document.documentElement.dataset")

    plant.stage.agent.start()
    expect(banner).to_be_hidden()
    moved = count.text_content() or ""
    expect(count).not_to_have_text(moved)
    assert eventually(lambda: plant.alarms() == {})
