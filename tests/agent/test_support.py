"""What goes to somebody far away: enough to see what is wrong, and no secret, wherever one stands."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest

from agent.log import configure, get
from agent.sites import load_site
from agent.support import MASK, Subject, files, masked, secrets_of
from buffer.journal import Journal
from config.site import MqttUplink
from tests.buffer.chain import filled, sealed
from tests.config.sites import site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from config.site import Site

PASSWORD = "Tr0ub4dor&3"
SM4 = "00112233445566778899aabbccddeeff"

MASKED: dict[str, tuple[str, str]] = {
    "a password": ('password = "hunter2"', f'password = "{MASK}"'),
    "in single quotes": ("passwd = 'hunter2'", f'passwd = "{MASK}"'),
    "in three quotes": ('api_key = """a\nb"""', f'api_key = "{MASK}"'),
    "with a quote in it": (r'token = "a\"b" # x', f'token = "{MASK}"'),
    "in Chinese": ('"密码" = "hunter2"', f'"密码" = "{MASK}"'),
    "a key as a value": ('sm4_key = "00112233"', f'sm4_key = "{MASK}"'),
    "without quotes": ("secret = 4711", f'secret = "{MASK}"'),
    "in a table of one line": ('x = { pwd = "a", n = 1 }', f'x = {{ pwd = "{MASK}", n = 1 }}'),
    "under a quoted name": ('"my-secret" = "a"', f'"my-secret" = "{MASK}"'),
    "under a long name": ('uplink.mqtt.password = "a"', f'uplink.mqtt.password = "{MASK}"'),
    "as YAML has it": ("password: hunter2", f'password: "{MASK}"'),
    "in a remark": ("# password:\n# hunter2\nx = 1 # 口令 hunter2", "\n\nx = 1"),
    "no remark in a text": ("""a = "x # y"\nb = 'x # y' # z""", """a = "x # y"\nb = 'x # y'"""),
    "in a URL": ('url = "mqtt://box:hunter2@host:1883"', f'url = "mqtt://{MASK}@host:1883"'),
    "in a URL, with signs in it": ('url = "mqtt://box:h@nt/r@host:1883"', f'url = "mqtt://{MASK}@host:1883"'),
    "a key": ("k = '''\n-----BEGIN PRIVATE KEY-----\nAAA\n-----END PRIVATE KEY-----\n'''", f"k = '''\n{MASK}\n'''"),
    "half a key": ("-----BEGIN EC PRIVATE KEY-----\nAAA", MASK),
    "where a secret is, is none": ('password_file = "mqtt.pw"', 'password_file = "mqtt.pw"'),
    "nothing": ('[bus]\nname = "line"', '[bus]\nname = "line"'),
}


@pytest.mark.parametrize(("text", "shown"), MASKED.values(), ids=MASKED)
def test_what_could_be_a_secret_is_masked(text: str, shown: str) -> None:
    """In a site file, by its name or its look; the rest stays as it is."""
    assert masked(text) == shown


@pytest.fixture
def described(tmp_path: Path) -> Site:
    """Return a site with secrets in files, and one that somebody wrote where it does not belong."""
    path = tmp_path / "site.toml"
    path.write_text(site() + f"\n# password of the broker: {PASSWORD}\n# also {PASSWORD}\n", encoding="utf-8")
    for name, content in (("mqtt.pw", f"{PASSWORD}\n"), ("sm4.key", SM4)):
        (tmp_path / name).write_text(content, encoding="utf-8")
    plain: dict[str, Any] = dict.fromkeys(("username", "ca_file", "cert_file", "key_file"))
    plain |= {"host": "h", "port": 1883, "tls": False, "prefix": "p", "keepalive_s": 60.0, "nobody_listens": "hold"}
    found = load_site(path)
    spec = replace(found.devices[0].spec, sm4_key_file=str(tmp_path / "sm4.key"))
    return replace(
        found,
        uplink=MqttUplink(password_file=tmp_path / "mqtt.pw", **plain),
        devices=(replace(found.devices[0], spec=spec), *found.devices[1:]),
        gateway=replace(found.gateway, state_dir=tmp_path),
    )


@pytest.fixture
def log() -> Iterator[StringIO]:
    """Return what the log writes."""
    stream = StringIO()
    lines = configure(lambda: 0, stream=stream, threaded=False)
    yield stream
    lines.kept.clear()
    configure(lambda: 0, stream=StringIO(), threaded=False).close()


def test_the_bundle_tells_how_the_box_is(tmp_path: Path, described: Site, log: StringIO) -> None:
    """Status, machine, site file, log, and what was recorded lately."""
    get("agent.test").warning("link down", bus="dcs")
    with closing(filled(tmp_path, 1)) as outbox:
        entry, _ = sealed(outbox.position, urgent=True, kind="event", event="start")
        outbox.write([entry])
        told = files(Subject(site=described, standing={"gateway": "box-1"}, journal=Journal(tmp_path)))

    assert sorted(told) == ["log.txt", "machine.json", "records.jsonl", "site.toml", "status.json"]
    assert json.loads(told["status.json"]) == {"gateway": "box-1"}
    assert json.loads(told["machine.json"])["disk"]["total"] > 0
    assert "[gateway]" in told["site.toml"]
    assert [json.loads(line)["event"] for line in told["records.jsonl"].splitlines()] == ["start"]
    assert 'event="link down" bus=dcs' in told["log.txt"]


def test_no_secret_stands_in_any_file(tmp_path: Path, described: Site, log: StringIO) -> None:
    """Not even where a person or a fault has put it: what the site's secret files hold is known."""
    get("agent.test").warning("strange", said=f"login {PASSWORD} {SM4}")
    told = files(Subject(site=described, standing={"reason": f"refused: {PASSWORD}"}, journal=Journal(tmp_path)))

    assert secrets_of(described) == [SM4, PASSWORD]
    assert PASSWORD in described.path.read_text("utf-8")
    assert PASSWORD in log.getvalue()
    assert not [name for name, text in told.items() if PASSWORD in text or SM4 in text]


def test_what_a_fault_puts_into_the_status_is_masked(tmp_path: Path, described: Site) -> None:
    """Users of URLs, blocks of keys; a secret also as JSON escapes it."""
    (tmp_path / "mqtt.pw").write_text('p"ss\\wörd', encoding="utf-8")
    standing = {"url": "mqtt://box:hunter2@host", "pem": "-----BEGIN PRIVATE KEY-----\nhunter2", "said": 'p"ss\\wörd'}
    told = files(Subject(site=described, standing=standing, journal=Journal(tmp_path)))

    assert not [name for name, text in told.items() if "hunter2" in text or "wörd" in text]


def test_what_cannot_be_read_is_told_and_the_rest_comes(tmp_path: Path, described: Site) -> None:
    """A site file that is gone, a store that is broken."""
    described.path.unlink()
    (tmp_path / "mqtt.pw").unlink()
    (tmp_path / "outbox.db").write_bytes(b"no database" * 999)
    told = files(Subject(site=described, standing={}, journal=Journal(tmp_path)))

    assert told["site.toml"] == "# it cannot be read: No such file or directory\n"
    assert "error" in json.loads(told["records.jsonl"])
    assert "kernel" in json.loads(told["machine.json"])
