"""Follow the channels of a Callboard server from asyncio.

One socket, events as an async iterator. When the connection is lost it comes back by itself, with full jitter, and goes on
after the last event that was handed out: none twice, none left out; what the server has removed meanwhile is said.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable, Sequence
from types import TracebackType
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

__all__ = ["Channels", "Event", "Refused", "retry_ceiling_s"]

Event = dict[str, Any]
"""A message of the server: ``type``, ``timestamp``, ``channel``, ``position`` and what its type has besides."""

BASE_S: Final = 2.0
FACTOR: Final = 1.5
CAP_S: Final = 30.0
#: An answer that does not come within this is as good as a lost connection.
ANSWER_WITHIN_S: Final = 15.0
#: Nobody is kept away for longer than this.
SLOT_MAX_S: Final = 600.0
#: How often the server is asked where this client stands, which goes on while there is nothing to hear.
PING_EVERY_S: Final = 30.0
#: A connection that held for so long was a good one: the next trouble starts at the shortest wait.
STABLE_S: Final = 10.0


class Refused(Exception):
    """The server does not want this client back: a bad token, or one that was revoked or has expired."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{reason or 'refused'} ({code})")
        self.code = code
        self.reason = reason


def retry_ceiling_s(failures: int) -> float:
    """The longest wait before a retry; the wait itself is anything below it."""
    return min(CAP_S, BASE_S * FACTOR ** min(failures, 32))


class Channels:
    """A subscription to channels of one server."""

    def __init__(
        self,
        url: str,
        channels: Sequence[str],
        *,
        client_type: str = "unknown",
        client_name: str = "",
        token: str | None = None,
        position: str | None = None,
        on_subscribed: Callable[[Event], None] | None = None,
        rand: Callable[[], float] = random.random,
        ping_every_s: float = PING_EVERY_S,
    ) -> None:
        if not channels:
            raise ValueError("at least one channel must be named")
        self.url = url
        self.channels = tuple(channels)
        #: After the last event that was handed out, and what was of no interest since.
        self.position = position
        #: As the server knows this connection; none while there is none.
        self.client_id: str | None = None
        self._register = {"type": "register", "client_type": client_type, "client_name": client_name}
        self._token = token
        self._on_subscribed = on_subscribed
        self._rand = rand
        self._ping_every_s = ping_every_s
        self._socket: ClientConnection | None = None
        self._failures = 0
        self._slot_s: float | None = None
        self._closed = False

    async def __aenter__(self) -> Channels:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends the connection; the iterator ends with it."""
        self._closed = True
        if self._socket is not None:
            await self._socket.close()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self._events()

    async def _events(self) -> AsyncIterator[Event]:
        loop = asyncio.get_running_loop()
        while not self._closed:
            began: float | None = None
            pinging: asyncio.Task[None] | None = None
            try:
                async with connect(self.url, max_size=None, open_timeout=ANSWER_WITHIN_S) as socket:
                    self._socket = socket
                    await asyncio.wait_for(self._begin(socket), ANSWER_WITHIN_S)
                    began = loop.time()
                    pinging = asyncio.create_task(self._ping(socket))
                    async for text in socket:
                        message = json.loads(text)
                        if message.get("type") == "shutdown":
                            self._slot_s = min(message["reconnect_in_ms"] / 1000, SLOT_MAX_S)
                        elif message.get("type") == "pong":
                            # Everything up to there was sent before, so it was handed out before.
                            self.position = message.get("position") or self.position
                        elif "channel" in message:
                            self.position = message["position"]
                            yield message
            except InvalidStatus as error:
                status = error.response.status_code
                if status in (400, 401, 403, 404, 421):
                    raise Refused(status, error.response.body.decode(errors="replace")) from error
            except (ConnectionClosed, InvalidHandshake):
                # Also a server that goes down while it answers, and a proxy that has none behind it.
                pass
            except (OSError, asyncio.TimeoutError):
                pass
            finally:
                if pinging is not None:
                    pinging.cancel()
                closed, self._socket, self.client_id = self._socket, None, None
            if self._closed:
                return
            if closed is not None and 4500 <= (closed.close_code or 0) <= 4999:
                raise Refused(closed.close_code or 0, closed.close_reason or "")
            await asyncio.sleep(self._wait_s(began is not None and loop.time() - began >= STABLE_S))

    async def _ping(self, socket: ClientConnection) -> None:
        try:
            while True:
                await asyncio.sleep(self._ping_every_s)
                await socket.send('{"type":"ping"}')
        except ConnectionClosed:
            # Whoever reads is told so.
            pass

    async def _begin(self, socket: ClientConnection) -> None:
        """Says who this is and what it wants; back once that is answered. Events only come after the answer."""
        if self._token is not None:
            await socket.send(json.dumps({"type": "auth", "token": self._token}))
        hello = await self._answer(socket, "connection")
        self.client_id = hello["client_id"]
        await socket.send(json.dumps(self._register))
        await self._answer(socket, "registered")
        subscribe: Event = {"type": "subscribe", "channels": list(self.channels)}
        if self.position is not None:
            subscribe["since"] = self.position
        await socket.send(json.dumps(subscribe))
        answer = await self._answer(socket, "subscribed")
        self.position = answer["position"]
        if self._on_subscribed is not None:
            self._on_subscribed(answer)

    async def _answer(self, socket: ClientConnection, kind: str) -> Event:
        while True:
            message: Event = json.loads(await socket.recv())
            if message["type"] == kind:
                return message
            if message["type"] == "error":
                raise ValueError(f"the server refused: {message['message']}")

    def _wait_s(self, was_stable: bool) -> float:
        if was_stable:
            self._failures = 0
        slot, self._slot_s = self._slot_s, None
        wait = self._rand() * retry_ceiling_s(self._failures) if slot is None else slot
        self._failures += 1
        return wait
