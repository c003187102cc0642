"""``plantgate report --commissioning``: through a running agent, and by itself."""

from __future__ import annotations

import json
from hashlib import sha256
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from agent.cli.main import application
from agent.keys import fingerprint
from agent.record import PublicKey
from buffer.evidence import Evidence
from tests.e2e.harness import Meters, Scene, Site, bus, device, point

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from typer.testing import Result

HOSTILE = "<script>alert(1)</script>"
POINTS = [point(label={"zh": HOSTILE, "en": "Counter"}), point("load", 5, scale=0.1, unit="%", decimals=1)]
DEVICES = [device("meter", points=POINTS, label={"zh": "电表", "en": 'Meter "A" & B'})]
DEAD = device("dead", 9, timeout="100ms")


class Page(HTMLParser):
    """What is in a page: its text, and the elements it is made of."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.text = ""
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.lang = ""
        self.feed(data.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "html":
            self.lang = dict(attrs).get("lang") or ""

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.text += f"{data}\n"


def run(site: Path, *words: object, installer: str = "Li Wei") -> Result:
    """Run ``plantgate report --commissioning``."""
    line = ["report", str(site), "--commissioning", "--installer", installer, *map(str, words)]
    return CliRunner().invoke(application(["report"]), line)


@pytest.fixture
def unattended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a site whose agent does not run, with a meter that answers and one that does not."""
    monkeypatch.chdir(tmp_path)
    with Meters() as meters:
        meters.dead.add(9)
        meters.set(5, 425)
        yield Site(buses=[bus(meters.port)], devices=DEVICES).write(tmp_path)


def with_dead(site: Path) -> Path:
    """Add a device that does not answer."""
    port = int(site.read_text().split("port = ")[1].split()[0])
    return Site(buses=[bus(port)], devices=[*DEVICES, DEAD]).write(site.parent)


# --- without an agent ------------------------------------------------------------------------------------------------


def test_directly(unattended: Path) -> None:
    """Every point with value and unit, the line's figures, and that nothing was signed."""
    done = run(unattended, "--out", "a.html", "--lang", "en")
    page = Page((unattended.parent / "a.html").read_bytes())

    assert done.exit_code == 0, done.stderr
    assert "no signed record: the agent does not run" in done.stderr
    assert "a.html: 2 of 2 points read" in done.stdout
    assert "2 of 2 points read, 1 of 1 devices whole" in page.text
    assert "42.5\n" in page.text
    assert "read directly, the agent does not run" in page.text
    assert "no platform is configured" in page.text
    assert "Li Wei" in page.text
    assert page.lang == "en"


def test_a_device_that_does_not_answer(unattended: Path) -> None:
    """Exit 1; its value is not known rather than zero, and the reason stands in the page and on the terminal."""
    done = run(with_dead(unattended), "--out", "a.html", "--lang", "en")
    page = Page((unattended.parent / "a.html").read_bytes())

    assert done.exit_code == 1
    assert "dead does not give count" in done.stdout
    assert "dead does not give count" in page.text
    assert "✘ not read" in page.text
    assert "2 of 3 points read, 1 of 2 devices whole" in page.text


def test_chinese_is_the_sites_own_language(unattended: Path) -> None:
    """Where the site speaks Chinese, so does the page."""
    assert run(unattended).exit_code == 0
    path = next(unattended.parent.glob("commissioning-jn-0417-*.html"))
    page = Page(path.read_bytes())

    assert page.lang == "zh-CN"
    assert "读到 2 / 2 个测点" in page.text
    assert "签字 / 日期" in page.text


def test_whatever_the_site_says_is_text(unattended: Path) -> None:
    """No name becomes an element; the page has no script, and nothing comes from outside."""
    assert run(unattended, "--out", "a.html", installer='<img src=x onerror="x">').exit_code == 0
    page = Page((unattended.parent / "a.html").read_bytes())

    assert HOSTILE in page.text
    assert '<img src=x onerror="x">' in page.text
    assert not page.tags & {"script", "img", "link", "iframe", "object", "form", "a"}
    assert not page.attributes & {"src", "href", "onerror", "style", "onclick"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--installer", " "), "want a name"),
        (("--installer", "two\nlines"), "want a name"),
        (("--lang", "de"), "want zh or en"),
    ],
)
def test_wrong_usage(unattended: Path, words: tuple[str, ...], said: str) -> None:
    """Exit 2, before anything is asked."""
    done = run(unattended, *words)

    assert done.exit_code == 2
    assert said in done.stderr
    assert not list(unattended.parent.glob("*.html"))


def test_the_kind_of_report_is_named(unattended: Path) -> None:
    """There may be others one day."""
    done = CliRunner().invoke(application(["report"]), ["report", str(unattended), "--installer", "Li"])

    assert done.exit_code == 2
    assert "--commissioning" in done.stderr


def test_an_existing_report_stays(unattended: Path) -> None:
    """Its hash may stand in the chain."""
    (unattended.parent / "a.html").write_text("signed")

    assert run(unattended, "--out", "a.html").exit_code == 2
    assert (unattended.parent / "a.html").read_text() == "signed"


# --- through the agent -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Return a running agent with one meter, and rules."""
    with Scene(tmp_path_factory.mktemp("running"), port=1) as made:
        made.meters.set(5, 425)
        made.run(uplink=None, devices=DEVICES, packs=None)
        yield made


def test_the_running_agent_signs_a_record_with_the_pages_hash(scene: Scene) -> None:
    """Number and id are printed; the record lies in the store, with installer, hash and figures."""
    path = scene.directory / "a.html"
    done = run(scene.agent.site, "--out", path, "--lang", "en")
    data = path.read_bytes()
    page = Page(data)
    assert done.exit_code == 0, done.stderr
    with Evidence.opened(scene.state) as evidence:
        found = next(one for one in evidence.urgent() if b'"commissioned"' in one.wire)
    record = json.loads(found.wire)

    assert record["event"] == "commissioned"
    assert record["sha256"] == sha256(data).hexdigest()
    assert record["installer"] == "Li Wei"
    assert record["summary"]["points_read"] == record["summary"]["points"] == 2
    assert f"signed in record {found.seq}, id {found.id}" in done.stdout
    assert "read through the running agent" in page.text
    assert record["cfg"] in page.text
    assert fingerprint(PublicKey.from_jwk(scene_key(scene))) in page.text
    assert "of 100 active" in page.text
    assert "Not applicable" in page.text
    assert " MiB; record " in page.text


def scene_key(scene: Scene) -> object:
    """Return the public key that the chain's first record names."""
    with Evidence.opened(scene.state) as evidence:
        first = evidence.at_or_after(1)
    assert first is not None
    return json.loads(first.wire)["key"]


def test_a_device_that_falls_silent(scene: Scene) -> None:
    """Exit 1 through the agent too; the record is signed all the same, and says how many points were read."""
    scene.meters.dead.add(1)
    done = run(scene.agent.site, "--out", scene.directory / "b.html", "--lang", "en")

    assert done.exit_code == 1
    assert "0 of 2 points read" in done.stdout
    assert "signed in record" in done.stdout
