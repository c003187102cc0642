"""One MQTT connection, spoken by paho as a dumb pipe. The only module that knows paho.

paho keeps what it must: packets, packet identifiers, pings. Everything it would decide by itself is taken away: there
is no paho thread, no queue (never more is handed over than the window allows), no reconnection (a new client object
per connection), no resending. Its callbacks only write down what happened; whoever calls `turn` reads it afterwards:

- `terms`: what the broker granted in CONNACK,
- `acked`: PUBACKs as (packet id, reason code),
- `over`: why it is over.

Two pieces of paho are bypassed because of their cost, measured: packing the same publish properties for every record
(half of a publish) and building a `Properties` and a `ReasonCode` object for every PUBACK (two thirds of a PUBACK). A
test compares the short way with paho's own.
"""

from __future__ import annotations

import select
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from paho.mqtt.client import Client, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from agent.uplink.dial import in_words
from agent.uplink.endings import SUCCESS, Cause, EndedError, cause_of, words_of
from agent.uplink.wire import NotMqttError, Wire

if TYPE_CHECKING:
    import socket

    from paho.mqtt.client import ConnectFlags, DisconnectFlags
    from paho.mqtt.reasoncodes import ReasonCode

Protocol = Literal[4, 5]
"""The protocol level: 5 is MQTT 5, 4 is MQTT 3.1.1."""

MOST_OUTSTANDING = 65_535
NO_LIMIT = 268_435_455
_LARGEST_INCOMING = 256 * 1024
_SESSION_EXPIRY_MARGIN_S = 30
_SHORT_PUBACK = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Will:
    """What the broker says of us when we vanish. `delay_s` holds on MQTT 5 only."""

    topic: str
    payload: bytes
    retain: bool
    delay_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Introduction:
    """What goes into CONNECT."""

    client_id: str
    protocol: Protocol
    keepalive_s: int
    will: Will
    username: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the broker granted in CONNACK (MQTT 5 section 3.2.2.3); the defaults are those of MQTT 3.1.1."""

    receive_maximum: int = MOST_OUTSTANDING
    largest_packet: int = NO_LIMIT
    maximum_qos: int = 2
    retain_available: bool = True
    keepalive_s: int | None = None
    client_id: str | None = None


class Connection:
    """One connection on one socket, from CONNECT to its end. Driven by one thread."""

    def __init__(self, sock: socket.socket, introduction: Introduction) -> None:
        """Send CONNECT on the connected non-blocking `sock`, which belongs to this connection from now on."""
        self.protocol: Protocol = introduction.protocol
        self.terms: Terms | None = None
        self.over: EndedError | None = None
        self._wire = Wire(sock, largest=_LARGEST_INCOMING)
        self._client = _client(self._wire, introduction)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._properties = _RECORD_PROPERTIES if introduction.protocol == MQTTv5 else None
        self._client.connect_async("broker", 1, introduction.keepalive_s, properties=_connect_properties(introduction))
        self._client.reconnect()
        self.flush()

    @property
    def acked(self) -> list[tuple[int, int]]:
        """PUBACKs since `forget_acked`, oldest first: packet id and reason code."""
        return self._client.acked

    @property
    def strays(self) -> int:
        """PUBACKs for nothing we had sent, or sent twice."""
        return self._client.strays

    @property
    def interest(self) -> dict[int, int]:
        """What to poll the socket for."""
        mask = select.POLLIN | (select.POLLOUT if self._wire.wants_write else 0)
        return {self._wire.fileno(): mask}

    def forget_acked(self) -> None:
        """Empty `acked`."""
        self._client.acked.clear()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int:
        """Gather one QoS 1 PUBLISH for the next `flush` and return its packet id."""
        return self._client.publish(topic, payload, 1, retain, self._properties).mid

    def size_of(self, topic: str, payload: bytes) -> int:
        """Return the size of the PUBLISH packet that would carry this, bytes, all of it (MQTT 5 section 2.1.4)."""
        properties = _RECORD_PROPERTIES_SIZE if self._properties is not None else 0
        remaining = 2 + len(topic.encode()) + 2 + properties + len(payload)
        return 1 + _length_bytes(remaining) + remaining

    def flush(self) -> None:
        """Send what was gathered, as far as the socket takes it."""
        try:
            self._wire.flush()
        except OSError as error:
            self._ended(EndedError(Cause.DROPPED, f"connection lost: {in_words(error)}"))

    def turn(self, *, readable: bool) -> None:
        """Receive and understand what has come, and send what waits."""
        if readable:
            self._receive()
        self.flush()

    def misc(self) -> None:
        """Let paho ping and check its pings; call about once a second."""
        self._client.loop_misc()
        self.flush()

    def goodbye(self) -> None:
        """Send DISCONNECT: the broker then keeps its will to itself."""
        self._client.disconnect()
        self.close()

    def close(self) -> None:
        """Close the socket."""
        self._client.on_disconnect = None
        self._wire.close()

    def _receive(self) -> None:
        try:
            self._wire.fill()
            self._understand()
        except NotMqttError as error:
            self._ended(EndedError(Cause.DROPPED, f"the broker sent what is not MQTT: {error}"))
        except OSError as error:
            cause = Cause.UNTRUSTED if "alert" in str(error).lower() else Cause.DROPPED
            self._ended(EndedError(cause, f"connection lost: {in_words(error)}"))
        if self._wire.ended:
            self._ended(EndedError(Cause.CLOSED, "the broker closed the connection"))

    def _understand(self) -> None:
        unread = self._wire.unread
        while unread and self.over is None:
            try:
                self._client.loop_read()
            except Exception as error:  # bytes of a peer: whatever paho makes of them is the peer's fault
                raise NotMqttError(str(error) or type(error).__name__) from error
            if self._wire.unread == unread:
                return
            unread = self._wire.unread

    def _ended(self, ending: EndedError) -> None:
        if self.over is None:
            self.over = ending

    def _on_connect(
        self, _c: Client, _u: Any, _f: ConnectFlags, reason: ReasonCode, granted: Properties | None
    ) -> None:
        code = int(reason.value)
        if code == SUCCESS:
            self.terms = _terms(granted)
        else:
            words = f"the broker refused the connection: {words_of(code)}{_remark(granted)}"
            self._ended(EndedError(cause_of(code), words, code))

    def _on_disconnect(
        self, _c: Client, _u: Any, flags: DisconnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        code = int(reason.value)
        if flags.is_disconnect_packet_from_server:
            words = f"the broker disconnected us: {words_of(code)}{_remark(properties)}"
            self._ended(EndedError(cause_of(code), words, code))
        else:
            self._ended(EndedError(Cause.SILENT, f"connection lost: {reason.getName().lower()}"))


class _Pipe(Client):
    """paho's client on a socket that somebody else made, with a short way for PUBACK."""

    def __init__(self, wire: Wire, client_id: str, protocol: Protocol) -> None:
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=None if protocol == MQTTv5 else True,
            protocol=MQTTv5 if protocol == MQTTv5 else MQTTv311,
            reconnect_on_failure=False,
        )
        self._wire = wire
        self.acked: list[tuple[int, int]] = []
        self.strays = 0

    def _create_socket(self) -> Any:
        return self._wire

    def _handle_pubackcomp(self, cmd: Literal["PUBACK", "PUBCOMP"]) -> MQTTErrorCode:
        """Take a PUBACK: packet id, and a reason code that is absent for success (MQTT 5 section 3.4.2)."""
        packet = self._in_packet["packet"]
        mid = int.from_bytes(packet[:2], "big")
        if len(packet) == 1 or not packet or cmd != "PUBACK":
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        message = self._out_messages.pop(mid, None)
        if message is None:
            self.strays += 1
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        self._inflight_messages -= 1
        self.acked.append((mid, packet[2] if len(packet) >= _SHORT_PUBACK else SUCCESS))
        return MQTTErrorCode.MQTT_ERR_SUCCESS


class _Packed(Properties):
    """Publish properties that never change, packed once."""

    def __init__(self, properties: Properties) -> None:
        super().__init__(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        object.__setattr__(self, "_bytes", properties.pack())  # type: ignore[no-untyped-call]

    def pack(self) -> bytes:
        return object.__getattribute__(self, "_bytes")  # type: ignore[no-any-return]


def _properties(packet_type: int) -> Properties:
    return Properties(packet_type)  # type: ignore[no-untyped-call]


def _told(properties: Properties | None) -> dict[str, Any]:
    return {} if properties is None else properties.json()  # type: ignore[no-untyped-call]


def _record_properties() -> _Packed:
    """Return what every record is published with. No message expiry: a broker must not expire evidence."""
    properties = _properties(PacketTypes.PUBLISH)
    properties.ContentType = "application/json"
    properties.PayloadFormatIndicator = 1
    return _Packed(properties)


_RECORD_PROPERTIES = _record_properties()
_RECORD_PROPERTIES_SIZE = len(_RECORD_PROPERTIES.pack())


def _client(wire: Wire, introduction: Introduction) -> _Pipe:
    client = _Pipe(wire, introduction.client_id, introduction.protocol)
    client.max_inflight_messages = MOST_OUTSTANDING
    if introduction.username is not None:
        client.username_pw_set(introduction.username, introduction.password)
    will = introduction.will
    client.will_set(will.topic, will.payload, 1, will.retain, _will_properties(introduction))
    return client


def _will_properties(introduction: Introduction) -> Properties | None:
    if introduction.protocol != MQTTv5:
        return None
    properties = _properties(PacketTypes.WILLMESSAGE)
    properties.WillDelayInterval = introduction.will.delay_s
    properties.ContentType = "application/json"
    properties.PayloadFormatIndicator = 1
    return properties


def _connect_properties(introduction: Introduction) -> Properties | None:
    """Return the CONNECT properties. A session must outlive its will's delay, or the will leaves early (3.1.3.2.2)."""
    if introduction.protocol != MQTTv5:
        return None
    properties = _properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = introduction.will.delay_s + _SESSION_EXPIRY_MARGIN_S
    properties.MaximumPacketSize = _LARGEST_INCOMING
    return properties


def _terms(granted: Properties | None) -> Terms:
    told = _told(granted)
    return Terms(
        receive_maximum=told.get("ReceiveMaximum", MOST_OUTSTANDING),
        largest_packet=told.get("MaximumPacketSize", NO_LIMIT),
        maximum_qos=told.get("MaximumQoS", 2),
        retain_available=bool(told.get("RetainAvailable", 1)),
        keepalive_s=told.get("ServerKeepAlive"),
        client_id=told.get("AssignedClientIdentifier"),
    )


def _remark(properties: Properties | None) -> str:
    """Return the broker's own words, when it gave some: at most 200 printable characters."""
    text = str(_told(properties).get("ReasonString", ""))[:200]
    return f": {''.join(c if c.isprintable() else ' ' for c in text)}" if text else ""


def _length_bytes(remaining: int) -> int:
    """Return how many bytes the remaining length takes (MQTT 5 section 2.1.4)."""
    return 1 if remaining < 1 << 7 else 2 if remaining < 1 << 14 else 3 if remaining < 1 << 21 else 4
