"""The publisher's thread: connects, serves, notices the end, waits, connects again, until it is told to stop.

Promises: every committed record is published until the broker has acknowledged it; the thread is never blocked by the
network (it drives paho's loop itself, and waits in one place, `_wait`, where a commit or a stop wakes it); a link
that went silent is noticed within `puback_s`. What it refuses to know: where records come from, and what is in them.

Errors of the network are states, in words. Anything else ends `run` by its exception: the supervisor must see it.
"""

from __future__ import annotations

import select
import socket
from collections import deque
from typing import TYPE_CHECKING, Any, Literal

from agent.uplink.complaints import Complaints
from agent.uplink.dial import Deadline, Resolver, connect, in_words, secure, tls_context
from agent.uplink.endings import Cause, EndedError
from agent.uplink.mqtt import Connection, Introduction, Will
from agent.uplink.retry import Dialect, Retry
from agent.uplink.sender import Sender
from agent.uplink.status import Snapshot, payload
from agent.uplink.topics import Topics
from agent.uplink.tuning import Tuning

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from random import Random

    from agent.uplink.dial import Waiter
    from agent.uplink.lanes import Row
    from agent.uplink.mqtt import Terms
    from agent.uplink.status import About
    from agent.uplink.store import Reader, Store
    from config.site import MqttUplink
    from drivers.reading import Clock

_PARTING_SHARE = 0.6
"""Of the time allowed for stopping, how much may go into delivering what is new."""

_CLONE_SUSPECTED = 5
"""So many young connections closed in a row look like two boxes throwing each other out."""


class Publisher:
    """One uplink. `run` is its thread's body; `wake`, `stop`, `progress`, `snapshot`, `set_meta` are for others."""

    name = "publisher"

    def __init__(
        self,
        uplink: MqttUplink,
        gw: str,
        outbox: Store,
        *,
        clock: Clock,
        random: Random,
        report: Callable[[dict[str, Any]], None],
        about: About,
        tuning: Tuning | None = None,
        nobody_listens: Literal["hold", "deliver"] = "hold",
        rotten: Callable[[list[int]], None] = lambda _seqs: None,
    ) -> None:
        """`report` gets event drafts, `rotten` the numbers of records that decayed on disk. Neither may block."""
        self._uplink = uplink
        self._gw = gw
        self._outbox = outbox
        self._clock = clock
        self._random = random
        self._about = about
        self._tuning = tuning or Tuning()
        self._nobody_listens = nobody_listens
        self._rotten = rotten
        self._complaints = Complaints(report, self._tuning.report_every_s)
        self._topics = Topics(uplink.prefix, gw)
        self._retry = Retry(self._tuning, random)
        self._dialect = Dialect()
        self._retain = True
        self._mailbox: deque[Sequence[Row]] = deque()
        self._listening = False
        self._meta: bytes | None = None
        self._meta_sent: bytes | None = None
        self._code: Mapping[str, Any] | None = None
        self._code_sent: Mapping[str, Any] | None = None
        self._online_ms = 0
        self._stop_by_ns: int | None = None
        self._wake_out, self._wake_in = socket.socketpair()
        self._wake_out.setblocking(False)
        self._wake_in.setblocking(False)
        self._resolver = Resolver(uplink.host, uplink.port, wake=self.wake)
        self._progress_ns = clock.mono_ns()
        self._state, self._since_ns = "starting", self._progress_ns
        self._connections = 0
        self._closed_young = 0
        self._lost_ns: int | None = None
        self._reason: str | None = None
        self._sender: Sender
        self._reader: Reader
        self._snapshot = Snapshot(state="starting", connected=False, since_ns=self._since_ns)

    # --- for other threads ---

    def wake(self) -> None:
        """Make the publisher look around now."""
        try:
            self._wake_in.send(b"w")
        except OSError:  # full: it is awake already; closed: it has ended
            return

    def stop(self, deadline_s: float) -> None:
        """Ask for the end: `run` returns within `deadline_s`, with what is new delivered if the broker plays along."""
        self._stop_by_ns = self._clock.mono_ns() + int(deadline_s * 1e9)
        self.wake()

    def progress(self) -> int:
        """Return when the thread last went round its loop, monotonic nanoseconds; it does so every second or sooner."""
        return self._progress_ns

    def snapshot(self) -> Snapshot:
        """Return how things are, at most a second old."""
        return self._snapshot

    def set_meta(self, payload: bytes) -> None:
        """Publish this, retained, on `…/meta`: now and after every reconnection."""
        self._meta = payload
        self.wake()

    def set_code(self, code: Mapping[str, Any]) -> None:
        """Publish this health code in the retained `…/status`: now, after every reconnection, and when it changes."""
        if code != self._code:
            self._code = code
            self.wake()

    def _committed(self, rows: Sequence[Row]) -> None:
        if self._listening:
            self._mailbox.append(rows)
            self.wake()

    # --- the thread ---

    def run(self) -> None:
        """Serve until `stop`. Raises whatever is not an expected failure of the network."""
        self._reader = self._outbox.reader()
        self._sender = Sender(
            store=self._outbox,
            reader=self._reader,
            topics=self._topics,
            tuning=self._tuning,
            random=self._random,
            complaints=self._complaints,
            deliver_unheard=self._nobody_listens == "deliver",
        )
        self._outbox.listen(self._committed)
        try:
            self._pause(self._random.uniform(0.0, self._tuning.start_within_s))
            while True:
                self._pause(self._one_connection())
        except EndedError as ending:
            if ending.cause is not Cause.STOPPED:
                raise
        finally:
            self._enter("stopped", connected=False)
            self._reader.close()
            self._wake_in.close()
            self._wake_out.close()

    def _one_connection(self) -> float:
        """Connect and serve; return how long to wait before the next time, seconds."""
        started_ns = self._clock.mono_ns()
        served_ns: int | None = None
        connection: Connection | None = None
        try:
            connection = self._open()
            terms = self._await_connack(connection)
            served_ns = self._clock.mono_ns()
            self._serve(connection, terms)
        except EndedError as ending:
            if ending.cause is Cause.STOPPED:
                raise
            return self._ended(ending, connection, started_ns, served_ns)
        finally:
            self._listening = False
            if connection is not None:
                connection.close()
        raise AssertionError("serving ends by an exception only")

    def _ended(
        self, ending: EndedError, connection: Connection | None, started_ns: int, served_ns: int | None
    ) -> float:
        now_ns = self._clock.mono_ns()
        lived_s = 0.0 if served_ns is None else (now_ns - served_ns) / 1e9
        if served_ns is not None:
            self._sender.disconnected(ending, now_ns)
            self._lost_ns = now_ns
            self._complaints.tell("uplink-lost", reason=str(ending), connected_s=round(lived_s, 1))
        else:
            self._dialect.refused(ending, connack_awaited=connection is not None)
        if ending.cause is Cause.NO_RETAIN:
            self._retain = False
        self._suspect_a_clone(ending, lived_s, now_ns)
        delay_s = self._retry.after(ending, lived_s=lived_s, spent_s=(now_ns - started_ns) / 1e9)
        self._reason = str(ending)
        self._enter(f"waiting {delay_s:.1f} s: {ending}", connected=False)
        return delay_s

    def _suspect_a_clone(self, ending: EndedError, lived_s: float, now_ns: int) -> None:
        """Tell of a box with our id: the broker says so (0x8E), or keeps closing young connections without a word.

        Not every broker says it: mosquitto 2.0 and all of MQTT 3.1.1 just close.
        """
        young = ending.cause is Cause.CLOSED and 0 < lived_s < self._tuning.healthy_s
        self._closed_young = self._closed_young + 1 if young else 0
        if ending.cause is Cause.TAKEN_OVER or self._closed_young >= _CLONE_SUSPECTED:
            suspected = ending.cause is not Cause.TAKEN_OVER
            self._complaints.complain("session-taken-over", "taken over", now_ns, client=self._gw, suspected=suspected)

    # --- connecting ---

    def _open(self) -> Connection:
        uplink, tuning = self._uplink, self._tuning
        name = f"{uplink.host}:{uplink.port}"
        introduction = self._introduction()
        context = tls_context(uplink, clock_known=self._about.clock_known()) if uplink.tls else None
        self._enter(f"resolving {uplink.host}", connected=False)
        addresses = self._resolver.addresses(self._wait_or_stop, Deadline(self._clock, tuning.resolve_s))
        self._enter(f"connecting to {name}", connected=False)
        sock = connect(addresses, name, self._wait_or_stop, Deadline(self._clock, tuning.connect_s))
        if context is not None:
            self._enter(f"securing the connection to {name}", connected=False)
            sock = secure(sock, context, uplink.host, self._wait_or_stop, Deadline(self._clock, tuning.handshake_s))
        self._enter(f"introducing ourselves to {name}", connected=False)
        return Connection(sock, introduction)

    def _introduction(self) -> Introduction:
        return Introduction(
            client_id=self._gw,
            protocol=self._dialect.level,
            keepalive_s=int(self._uplink.keepalive_s),
            will=Will(
                topic=self._topics.status,
                payload=self._status(online=False, reason="connection lost"),
                retain=self._retain,
                delay_s=self._tuning.will_delay_s,
            ),
            username=self._uplink.username,
            password=self._password(),
        )

    def _password(self) -> str | None:
        """Read the password anew for every connection, so that it can be changed under us."""
        path = self._uplink.password_file
        if path is None:
            return None
        try:
            return path.read_text("utf-8").rstrip("\r\n")
        except (OSError, UnicodeError) as error:
            raise EndedError(Cause.LOCAL, f"cannot read the password file {path}: {in_words(error)}") from None

    def _await_connack(self, connection: Connection) -> Terms:
        deadline = Deadline(self._clock, self._tuning.connack_s)
        while connection.terms is None:
            if connection.over is not None:
                raise connection.over
            if deadline.left_s() == 0:
                raise EndedError(Cause.SILENT, f"no CONNACK within {self._tuning.connack_s:g} s")
            self._exchange(connection, self._wait_or_stop, deadline.left_s())
        self._dialect.worked()
        if connection.terms.maximum_qos == 0:
            words = "the broker offers QoS 0 only: it would acknowledge nothing"
            self._complaints.complain("publish-refused", "qos 0", self._clock.mono_ns(), reason=words)
            raise EndedError(Cause.MISFIT, words)
        return connection.terms

    # --- serving ---

    def _serve(self, connection: Connection, terms: Terms) -> None:
        """Publish until the connection ends, which it does by an exception."""
        now_ns = self._clock.mono_ns()
        self._mailbox.clear()
        self._listening = True
        self._sender.connected(connection, terms.receive_maximum, terms.largest_packet, now_ns)
        self._connections += 1
        self._meta_sent = None
        retain = self._retain and terms.retain_available
        self._online_ms, self._code_sent = self._clock.wall_ms(), self._code
        self._sender.announce(self._topics.status, self._status(online=True), retain=retain)
        self._enter("connected", connected=True)
        self._tell_back(now_ns)
        chores_ns = now_ns
        while self._stop_by_ns is None:
            self._turn(connection, retain=retain)
            if self._clock.mono_ns() >= chores_ns:
                chores_ns = self._chores(connection)
        self._part(connection, self._stop_by_ns, retain=retain)

    def _turn(self, connection: Connection, *, retain: bool) -> None:
        while self._mailbox:
            self._sender.offer(self._mailbox.popleft())
        if self._meta is not self._meta_sent and self._meta is not None:
            self._meta_sent = self._meta
            self._sender.announce(self._topics.meta, self._meta, retain=retain)
        if self._code is not self._code_sent:
            self._code_sent = self._code
            self._sender.announce(self._topics.status, self._status(online=True), retain=retain)
        now_ns = self._clock.mono_ns()
        self._sender.fill(now_ns)
        connection.flush()
        self._exchange(connection, self._wait, self._sender.patience_s(now_ns))
        self._sender.settle(self._clock.mono_ns())
        if connection.over is not None:
            raise connection.over

    def _chores(self, connection: Connection) -> int:
        """Do what is due about once a second; return when the next time is."""
        now_ns = self._clock.mono_ns()
        connection.misc()
        if connection.over is not None:
            raise connection.over
        self._sender.housekeeping(now_ns)
        if decayed := self._reader.rotten():
            self._rotten(decayed)
        if (words := self._sender.stuck(now_ns)) is not None:
            raise EndedError(Cause.SILENT, words)
        self._show(connected=True)
        return now_ns + int(self._tuning.turn_s * 1e9)

    def _tell_back(self, now_ns: int) -> None:
        if self._lost_ns is not None:
            away_s = round((now_ns - self._lost_ns) / 1e9, 1)
            self._complaints.tell("uplink-back", away_s=away_s, backlog=self._outbox.usage().waiting)
        self._lost_ns = None

    def _part(self, connection: Connection, stop_by_ns: int, *, retain: bool) -> None:
        """Deliver what is new as far as time allows, say goodbye, and end."""
        self._enter("stopping", connected=True)
        now_ns = self._clock.mono_ns()
        new_by_ns = now_ns + int((stop_by_ns - now_ns) * _PARTING_SHARE)
        try:
            while self._clock.mono_ns() < new_by_ns and (self._mailbox or not self._sender.nothing_new):
                self._turn(connection, retain=retain)
            farewell = self._status(online=False, reason="stopped")
            self._sender.announce(self._topics.status, farewell, retain=retain)
            self._flush_out(connection, stop_by_ns)
            connection.goodbye()
        except EndedError as ending:
            self._reason = str(ending)
        raise EndedError(Cause.STOPPED, "stopped")

    def _flush_out(self, connection: Connection, stop_by_ns: int) -> None:
        """Wait for the last PUBACKs, handing over nothing more."""
        margin_ns = 50_000_000
        while self._sender.busy and (left_ns := stop_by_ns - margin_ns - self._clock.mono_ns()) > 0:
            self._sender.send_announcements(self._clock.mono_ns())
            connection.flush()
            self._exchange(connection, self._wait, left_ns / 1e9)
            self._sender.settle(self._clock.mono_ns())
            if connection.over is not None:
                raise connection.over

    # --- waiting ---

    def _wait(self, interest: Mapping[int, int], timeout_s: float) -> Mapping[int, int]:
        """Wait for sockets, a wake-up or the time: the only place where the thread rests."""
        poll = select.poll()
        wake_fd = self._wake_out.fileno()
        poll.register(wake_fd, select.POLLIN)
        for fd, mask in interest.items():
            poll.register(fd, mask)
        ready = dict(poll.poll(1000.0 * min(timeout_s, self._tuning.turn_s)))
        if ready.pop(wake_fd, 0):
            self._wake_out.recv(4096)
        self._progress_ns = self._clock.mono_ns()
        return ready

    @staticmethod
    def _exchange(connection: Connection, wait: Waiter, timeout_s: float) -> None:
        """Wait for the connection's socket, then receive what came (or the error) and send what waits."""
        interest = connection.interest
        ready = wait(interest, timeout_s)
        connection.turn(readable=any(ready.get(fd, 0) & ~select.POLLOUT for fd in interest))

    def _wait_or_stop(self, interest: Mapping[int, int], timeout_s: float) -> Mapping[int, int]:
        if self._stop_by_ns is not None:
            raise EndedError(Cause.STOPPED, "stopped")
        return self._wait(interest, timeout_s)

    def _pause(self, seconds: float) -> None:
        deadline = Deadline(self._clock, seconds)
        while (left_s := deadline.left_s()) > 0:
            self._wait_or_stop({}, left_s)

    # --- telling ---

    def _status(self, *, online: bool, reason: str | None = None) -> bytes:
        return payload(
            self._gw,
            self._about,
            online=online,
            wall_ms=self._online_ms if online else self._clock.wall_ms(),
            connection=self._connections,
            reason=reason,
            code=self._code if online else None,
        )

    def _enter(self, state: str, *, connected: bool) -> None:
        self._state, self._since_ns = state, self._clock.mono_ns()
        self._show(connected=connected)

    def _show(self, *, connected: bool) -> None:
        sender = self._sender
        self._snapshot = Snapshot(
            state=self._state,
            connected=connected,
            since_ns=self._since_ns,
            protocol=self._dialect.level,
            published=sender.totals.published,
            acked=sender.totals.acked,
            refused=sender.totals.refused,
            too_large=sender.totals.too_large,
            strays=sender.totals.strays,
            undelivered=self._outbox.usage().waiting,
            outstanding=sender.outstanding,
            parked=sender.parked,
            held=sender.held,
            connections=self._connections,
            reconnects=max(0, self._connections - 1),
            rtt_s=sender.rtt_s,
            reason=self._reason,
        )
