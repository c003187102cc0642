"""A real mosquitto on a free port of the loopback, with users, ACL, TLS as a test wants; and a subscriber beside it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import TracebackType


def free_port() -> int:
    """Return a TCP port nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def eventually(holds: Callable[[], object], within_s: float = 20.0) -> bool:
    """Wait until `holds()` is true; return whether it became so."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.01)
    return bool(holds())


@dataclass(frozen=True)
class BrokerTls:
    """PEM files of the broker; with `clients_ca` every client must show a certificate of that CA."""

    ca: Path
    cert: Path
    key: Path
    clients_ca: bool = False


class Mosquitto:
    """The broker. `start` returns when it listens; `stop` is a clean stop, `kill` is not."""

    def __init__(
        self,
        directory: Path,
        *,
        port: int | None = None,
        users: Mapping[str, str] | None = None,
        acl: str | None = None,
        tls: BrokerTls | None = None,
        extra: str = "",
    ) -> None:
        """Write the configuration into `directory`."""
        self.port = port or free_port()
        self._process: subprocess.Popen[bytes] | None = None
        directory.mkdir(parents=True, exist_ok=True)
        lines = [f"listener {self.port} 127.0.0.1", "persistence false", "user root", "log_dest none"]
        lines.append(f"allow_anonymous {'false' if users else 'true'}")
        if users:
            lines.append(f"password_file {self._passwords(directory, users)}")
        if acl is not None:
            (directory / "acl").write_text(acl)
            lines.append(f"acl_file {directory / 'acl'}")
        if tls is not None:
            lines += [f"cafile {tls.ca}", f"certfile {tls.cert}", f"keyfile {tls.key}"]
            lines.append(f"require_certificate {'true' if tls.clients_ca else 'false'}")
        self._config = directory / "mosquitto.conf"
        self._config.write_text("\n".join([*lines, extra, ""]))

    def _passwords(self, directory: Path, users: Mapping[str, str]) -> Path:
        path = directory / "passwords"
        path.touch(mode=0o600)
        for name, password in users.items():
            subprocess.run(["mosquitto_passwd", "-b", str(path), name, password], check=True, capture_output=True)
        return path

    def start(self) -> Self:
        """Start and wait until it listens."""
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        self._process = subprocess.Popen(
            [program, "-c", str(self._config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        assert eventually(self._listens), "mosquitto did not start"
        return self

    def _listens(self) -> bool:
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        """End it cleanly."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def kill(self) -> None:
        """End it as a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, _t: type[BaseException] | None, _e: BaseException | None, _tb: TracebackType | None) -> None:
        self.stop()


@dataclass(frozen=True)
class Message:
    """What a subscriber got, and when (monotonic seconds)."""

    topic: str
    payload: bytes
    retained: bool
    properties: dict[str, Any]
    at: float


class Subscriber:
    """Listens to topics at QoS 1 and keeps everything; reconnects by itself."""

    def __init__(
        self, port: int, topic: str = "#", *, username: str | None = None, password: str | None = None
    ) -> None:
        """Connect to the loopback's `port` and wait for SUBACK."""
        self.messages: list[Message] = []
        self._topic = topic
        self._subscribed = False
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        if username is not None:
            self._client.username_pw_set(username, password)
        self._client.on_connect = lambda c, *_: c.subscribe(topic, 1)
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert eventually(lambda: self._subscribed), "the subscriber was refused"

    def _on_subscribe(self, *_: object) -> None:
        self._subscribed = True

    def _on_message(self, _c: paho.Client, _u: object, message: paho.MQTTMessage) -> None:
        told: dict[str, Any] = message.properties.json() if message.properties else {}  # type: ignore[no-untyped-call]
        payload = bytes(message.payload)
        self.messages.append(Message(message.topic, payload, message.retain, told, time.monotonic()))

    def payloads(self, ending: str = "") -> list[bytes]:
        """Return the payloads on topics that end like this."""
        return [m.payload for m in self.messages if m.topic.endswith(ending)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _t: type[BaseException] | None, _e: BaseException | None, _tb: TracebackType | None) -> None:
        self._client.disconnect()
        self._client.loop_stop()
