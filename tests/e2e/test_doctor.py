"""Doctor, status, metrics, support against the real agent, a real mosquitto with and without TLS, a held terminal."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from typer.testing import CliRunner

from agent.cli.main import application
from agent.control_client import Visit
from tests.cli.test_metrics import read
from tests.e2e.harness import ROOT, Scene, Stage, device, mqtt, serial
from tests.peers.mosquitto import BrokerTls, Mosquitto, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PASSWORD = "correct-horse-77"
OWN_FIELDS = ("site", "permissions", "agent", "lines", "store", "key", "broker")
"""What this test sets up itself; disk, clock and board are those of the machine it runs on."""


def plantgate(*words: object) -> subprocess.CompletedProcess[str]:
    """Run a verb as a person would."""
    return subprocess.run(
        [sys.executable, "-m", "agent.cli.main", *map(str, words)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )


def found(site: Path) -> dict[str, dict[str, Any]]:
    """Return what the doctor finds, by id."""
    done = CliRunner().invoke(application(["doctor"]), ["doctor", str(site), "--json"])
    assert done.exit_code in (0, 1), done.output
    told = json.loads(done.stdout)
    return {one["id"]: one for one in told["findings"]}


def asked(state: Path, do: str) -> dict[str, Any]:
    """Ask the agent itself."""
    with Visit(state) as visit:
        return visit.ask({"do": do})


def test_a_healthy_agent_is_found_healthy_and_is_not_disturbed(tmp_path: Path) -> None:
    """Everything the test set up is fine; the link to the broker, the lines and the store go on as before."""
    with Stage(tmp_path) as stage:
        stage.run()
        assert eventually(lambda: asked(stage.state, "status")["health"]["uplink"]["acked"] > 5)
        before = asked(stage.state, "status")["health"]
        findings = found(stage.directory / "site.toml")
        again = plantgate("doctor", stage.directory / "site.toml", "--lang", "en")
        after = asked(stage.state, "status")["health"]
        stage.finish()

    troubles = [
        one for one in findings.values() if one["field"] in OWN_FIELDS and one["severity"] in ("warning", "serious")
    ]
    assert troubles == []
    assert {"agent-fine", "line-fine", "store-fine", "key-fine", "broker-fine-agent", "files-fine"} <= set(findings)
    assert "the agent is connected" in again.stdout
    assert after["uplink"]["connections"] == before["uplink"]["connections"]
    assert after["buses"]["line"]["link_failures"] == before["buses"]["line"]["link_failures"] == 0
    assert after["outbox"]["head"] > before["outbox"]["head"]


def test_an_edit_that_is_not_taken_over_yet_shows(tmp_path: Path) -> None:
    """A changed scale: found until the agent has read the file again."""
    with Stage(tmp_path) as stage:
        agent = stage.run()
        site = stage.directory / "site.toml"
        site.write_text(site.read_text("utf-8").replace("at = 0", "at = 0\nscale = 2.0"), encoding="utf-8")
        edited = found(site)
        agent.hangup()
        taken_over = eventually(lambda: "agent-other-site" not in found(site))

    assert "agent-other-site" in edited
    assert taken_over


def test_status_metrics_and_support_of_a_running_agent(tmp_path: Path) -> None:
    """One screen and exit 0; figures that an independent parser reads; a bundle without the password."""
    users = {"jn": PASSWORD, "spy": "x"}
    secret = tmp_path / "password"
    secret.write_text(PASSWORD)
    secret.chmod(0o600)
    with Mosquitto(tmp_path / "broker", users=users) as broker, Scene(tmp_path / "box", broker.port) as scene:
        scene.run(uplink=mqtt(broker.port, username="jn", password_file=str(secret)))
        site = scene.directory / "site.toml"
        assert eventually(lambda: asked(scene.state, "status")["health"]["uplink"]["connected"])
        status, metrics = plantgate("status", site), plantgate("metrics", site, "--values")
        support = plantgate("support", site, "--out", tmp_path / "bundle.tar.gz")
        inside = subprocess.run(["tar", "-xzOf", tmp_path / "bundle.tar.gz"], capture_output=True, check=True).stdout

    assert (status.returncode, metrics.returncode, support.returncode) == (0, 0, 0)
    assert "● 绿" in status.stdout
    assert "1 / 1 台应答" in status.stdout
    samples = {name: value for (name, _), value in read(metrics.stdout).items()}
    assert (samples["plantgate_up"], samples["plantgate_uplink_connected"]) == (1, 1)
    assert samples["plantgate_device_answers_total"] > 0
    assert PASSWORD.encode() not in inside
    assert b"PRIVATE KEY" not in inside
    assert b"agent/" in inside


def test_without_the_agent_they_say_so(tmp_path: Path) -> None:
    """Exit 1 from status and metrics, in words; the doctor goes on."""
    with Scene(tmp_path, 1) as scene:
        scene.write()
        site = scene.directory / "site.toml"
        status, metrics, findings = plantgate("status", site), plantgate("metrics", site), found(site)

    assert (status.returncode, metrics.returncode) == (1, 1)
    assert "没有运行" in status.stdout
    assert metrics.stdout.splitlines()[-1] == 'plantgate_up{gateway="jn-0417"} 0'
    assert {"agent-away-here", "agent-away"} & set(findings)
    assert {"lines-unseen", "store-none", "key-none-yet", "broker-silent"} <= set(findings)


# --- the broker ------------------------------------------------------------------------------------------------------


class Papers:
    """A CA and what it signs, as files."""

    def __init__(self, folder: Path, name: str = "127.0.0.1", *, days: float = 365) -> None:
        folder.mkdir()
        authority = trustme.CA()
        cert = authority.issue_cert(name, not_after=datetime.now(UTC) + timedelta(days=days))
        self.ca = folder / "ca.pem"
        self.tls = BrokerTls(ca=self.ca, cert=folder / "cert.pem", key=folder / "key.pem")
        authority.cert_pem.write_to_path(self.ca)
        cert.private_key_pem.write_to_path(self.tls.key)
        cert.cert_chain_pems[0].write_to_path(self.tls.cert)


@contextmanager
def secured(folder: Path, papers: Papers, **more: Any) -> Iterator[Path]:
    """Run a broker with TLS and yield a site whose agent does not run; it pins `ca_file`, or the broker's own."""
    site = {"ca_file": str(papers.ca), **more}
    with Mosquitto(folder / "broker", tls=papers.tls) as broker, Scene(folder / "box", broker.port) as scene:
        scene.write(uplink={**mqtt(broker.port), "url": f"mqtts://127.0.0.1:{broker.port}", **site})
        yield scene.directory / "site.toml"


def test_a_broker_with_tls_lets_us_in(tmp_path: Path) -> None:
    """Chain, name and dates are right, and CONNECT is answered."""
    with secured(tmp_path, Papers(tmp_path / "papers")) as site:
        findings = found(site)

    assert "TLSv1.3, MQTT 5" in findings["broker-fine"]["what"]["en"]


@pytest.mark.parametrize(
    ("name", "days", "foreign", "expected"),
    [
        ("127.0.0.1", 365, True, "broker-certificate"),
        ("broker.example", 365, False, "broker-certificate"),
        ("127.0.0.1", -1, False, "broker-certificate"),
        ("127.0.0.1", 5, False, "broker-certificate-soon"),
    ],
)
def test_a_certificate_that_is_wrong_is_named(
    tmp_path: Path, name: str, days: float, expected: str, foreign: bool
) -> None:
    """Another authority, another name, run out, running out: what was shown, and the command to look at it."""
    papers = Papers(tmp_path / "papers", name, days=days)
    pinned = Papers(tmp_path / "other") if foreign else papers
    with secured(tmp_path, papers, ca_file=str(pinned.ca)) as site:
        told = found(site)[expected]

    assert name in told["what"]["en"]
    assert told["mend"].startswith("openssl s_client -connect 127.0.0.1:")


@pytest.mark.parametrize(("password", "expected"), [(PASSWORD, "broker-fine"), ("wrong", "broker-password")])
def test_the_password_of_the_site_is_tried(tmp_path: Path, password: str, expected: str) -> None:
    """The broker's own answer, and not a word of the password in ours."""
    secret = tmp_path / "password"
    secret.write_text(password)
    secret.chmod(0o600)
    with (
        Mosquitto(tmp_path / "broker", users={"jn": PASSWORD}) as broker,
        Scene(tmp_path / "box", broker.port) as scene,
    ):
        scene.write(uplink=mqtt(broker.port, username="jn", password_file=str(secret)))
        done = plantgate("doctor", scene.directory / "site.toml", "--json")

    assert expected in {one["id"] for one in json.loads(done.stdout)["findings"]}
    assert PASSWORD not in done.stdout


def test_a_port_that_speaks_no_mqtt_is_found_out(tmp_path: Path) -> None:
    """TLS on a plain port, and MQTT on the port of a web server."""
    with Mosquitto(tmp_path / "broker") as broker, Scene(tmp_path / "box", broker.port) as scene:
        ca = Papers(tmp_path / "papers").ca
        tls = {**mqtt(broker.port), "url": f"mqtts://127.0.0.1:{broker.port}", "ca_file": str(ca)}
        scene.write(uplink=tls)
        plain_port = found(scene.directory / "site.toml")
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as web, Scene(tmp_path / "web", web.server_port) as scene:
        scene.write()
        Thread(target=web.handle_request, daemon=True).start()
        no_answer = found(scene.directory / "site.toml")

    assert "broker-tls" in plain_port
    assert "broker-no-mqtt" in no_answer


# --- the port --------------------------------------------------------------------------------------------------------


def test_a_held_terminal_is_told_by_who_holds_it(tmp_path: Path) -> None:
    """First somebody else, whom the command would stop; then the agent, who is left in peace."""
    ours, theirs = pty.openpty()
    name = os.ttyname(theirs)
    os.close(theirs)
    program = f"import sys; f = open({name!r}, 'rb', 0); print('held', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", program]
    with Scene(tmp_path, 1) as scene:
        scene.write(buses=[serial(name, "rs485")], devices=[device("meter", bus="rs485")])
        site = scene.directory / "site.toml"
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == b"held\n"
            held = found(site)["port-held"]
            other.kill()
        scene.agent.start()
        assert eventually(lambda: asked(scene.state, "status")["health"]["buses"]["rs485"]["connects"] == 1)
        while_it_runs = found(site)
        bus = asked(scene.state, "status")["health"]["buses"]["rs485"]
    os.close(ours)

    assert held["mend"] == f"sudo kill {other.pid}"
    assert "port-fine-held" in while_it_runs
    assert "port-held" not in while_it_runs
    assert (bus["connects"], bus["link_failures"]) == (1, 0)
