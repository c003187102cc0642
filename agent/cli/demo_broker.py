"""The demo's platform: an embedded broker that can be taken down, and a subscriber that hears everything.

The broker (amqtt) speaks MQTT 3.1.1 only. The gateway comes in through a `_Door` that does three things amqtt does not:

- it refuses an MQTT 5 CONNECT as a 3.1.1 broker has to (MQTT 3.1.1, 3.1.2.2: return code 1). amqtt reads on past the
  fields it does not know and falls silent;
- it lets a DISCONNECT in only after everything acknowledged before has been passed on. amqtt forgets what is queued;
- it can be shut. In an outage the door goes first, then what is inside is passed on, then the broker stops: so nothing
  the gateway holds an acknowledgement for is lost by the *demo*.

The subscriber has an entrance of its own that opens before the door, so that it is there when the gateway comes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from amqtt.adapters import StreamWriterAdapter
from amqtt.broker import Broker
from amqtt.client import MQTTClient

_CONNECT, _DISCONNECT = 1, 14
_REFUSE_VERSION = bytes((0x20, 2, 0, 1))
_MQTT_3_1_1 = 4
_LEVEL_AT = 6
"""Where a CONNECT's variable header has the protocol level: behind the length and the letters of "MQTT"."""
_SETTLE_S = 0.3
_BROKER = {
    "listeners": {"default": {"type": "external", "bind": "door"}},
    "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
}
_SUBSCRIBER = {"auto_reconnect": False, "keep_alive": 600, "plugins": {}}

Heard = Callable[[str, bytes], None]
"""Called with the topic and the payload of every message."""


class Platform:
    """Broker and subscriber as one thing that is up or down. Lives in one asyncio loop."""

    def __init__(self, topics: str, heard: Heard) -> None:
        """Hand everything published under `topics` to `heard`."""
        for name in ("amqtt", "transitions"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        self._topics = topics
        self._heard = heard
        self._broker: Broker | None = None
        self._door: asyncio.Server | None = None
        self._entrance: asyncio.Server | None = None
        self._guests: set[asyncio.StreamWriter] = set()
        self._subscriber: MQTTClient | None = None
        self._listening: asyncio.Task[None] | None = None
        self.port = 0
        self.refused_v5 = 0

    @property
    def is_up(self) -> bool:
        """Whether the gateway can connect."""
        return self._door is not None

    async def start(self) -> None:
        """Go up: broker, subscriber, and last the door, on the port it had before."""
        self._broker = Broker(_BROKER)
        await self._broker.start()
        self._entrance = await asyncio.start_server(self._admit, "127.0.0.1", 0)
        await self._subscribe(self._entrance.sockets[0].getsockname()[1])
        self._door = await asyncio.start_server(self._meet, "127.0.0.1", self.port)
        self.port = self._door.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Go down. Everything acknowledged so far reaches the subscriber; connections are reset."""
        if self._door is None:
            return
        self._door.close()
        self._door = None
        for guest in self._guests:
            with contextlib.suppress(RuntimeError):
                guest.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.sleep(_SETTLE_S)
        for guest in list(self._guests):
            guest.transport.abort()
        await self._stop_inside()

    async def _stop_inside(self) -> None:
        if self._listening:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        if self._subscriber:
            with contextlib.suppress(Exception):  # what amqtt raises on its way out is nobody's loss
                await asyncio.wait_for(self._subscriber.disconnect(), 2)
        if self._entrance:
            self._entrance.close()
        if self._broker:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._broker.shutdown(), 5)
        self._broker = self._subscriber = self._listening = self._entrance = None

    async def _subscribe(self, port: int) -> None:
        subscriber = MQTTClient("verifier", config=_SUBSCRIBER)
        await subscriber.connect(f"mqtt://127.0.0.1:{port}/")
        await subscriber.subscribe([(self._topics, 1)])
        self._subscriber = subscriber
        self._listening = asyncio.create_task(self._listen(subscriber))

    async def _listen(self, subscriber: MQTTClient) -> None:
        while True:
            message = await subscriber.deliver_message()
            if message is not None:
                self._heard(message.topic, bytes(message.data))

    async def _admit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._broker:
            await self._broker.stream_connected(reader, writer, "default")

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Attend to one connection of the gateway until it ends."""
        self._guests.add(writer)
        door = _Door(reader)
        try:
            if await door.protocol_level() != _MQTT_3_1_1:
                self.refused_v5 += 1
                writer.write(_REFUSE_VERSION)
                await writer.drain()
            elif self._broker:
                await self._broker.external_connected(door, StreamWriterAdapter(writer), "default")
        except (OSError, EOFError):
            pass  # the gateway hung up while it was being met
        finally:
            self._guests.discard(writer)
            writer.close()


class _Door:
    """An amqtt ReaderAdapter that takes whole packets off the wire (fixed header: MQTT 3.1.1, section 2.2)."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._packet = b""

    async def protocol_level(self) -> int:
        """Read the first packet and return the protocol level of the CONNECT; 0 when it is none."""
        header, body = await self._next()
        self._packet = header + body
        return body[_LEVEL_AT] if header[0] >> 4 == _CONNECT and len(body) > _LEVEL_AT else 0

    async def read(self, n: int = -1) -> bytes:
        """Return exactly `n` bytes.

        Raises:
            asyncio.IncompleteReadError: the connection ended first.

        """
        while len(self._packet) < n:
            header, body = await self._next()
            if header[0] >> 4 == _DISCONNECT:
                await asyncio.sleep(_SETTLE_S)
            self._packet += header + body
        taken, self._packet = self._packet[:n], self._packet[n:]
        return taken

    def feed_eof(self) -> None:
        """Say that nothing more will come."""
        self._reader.feed_eof()

    async def _next(self) -> tuple[bytes, bytes]:
        header = await self._reader.readexactly(2)
        length, shift = header[1] & 0x7F, 7
        while header[-1] & 0x80:
            more = await self._reader.readexactly(1)
            header += more
            length |= (more[0] & 0x7F) << shift
            shift += 7
        return header, await self._reader.readexactly(length)
