"""The client against a real server: ``CALLBOARD_PROGRAM`` names the binary."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import tempfile
import unittest
import urllib.request
from typing import Any

from callboard_client import Channels, Event, Refused, retry_ceiling_s

WITHIN_S = 60


class Server:
    """A server in a process of its own, on a data directory that outlives it."""

    def __init__(self, folder: str, listen: str = "127.0.0.1:0") -> None:
        env = {**os.environ, "CALLBOARD_ADMIN_TOKEN": "test-admin-token-0123456789abcdef"}
        command = [os.environ["CALLBOARD_PROGRAM"], "serve", "--listen", listen, "--data-dir", folder]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env)
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        self.address = line.removeprefix("listening on http://")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def post(self, path: str, body: Any) -> Any:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"http://{self.address}{path}", json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=WITHIN_S) as answer:
            return json.load(answer)

    def project(self) -> str:
        return self.post("/api/projects", {"name": "t", "brief": "Notes with title and text"})["id"]

    def say(self, project: str, seq: int, body: Event) -> None:
        self.post(f"/api/projects/{project}/events", {**body, "producer": "w", "epoch": 1, "seq": seq})


def agent(n: int) -> Event:
    return {"type": "agent_update", "agent": "render", "status": "progress", "message": f"frame {n}"}


BEGIN: Event = {"type": "status_update", "status": "running", "message": "on it", "lease_ms": 60000}


class ChannelsTest(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.server = Server(self.folder)
        self.addCleanup(lambda: self.server.kill())

    async def test_events_go_on_where_they_were_when_the_server_was_killed(self) -> None:
        answers: list[Event] = []
        url = f"ws://{self.server.address}/ws"
        heard: list[Event] = []
        async with asyncio.timeout(WITHIN_S):
            async with Channels(url, ["jobs"], client_type="gui", on_subscribed=answers.append, rand=lambda: 0.05) as channels:
                events = channels.__aiter__()
                first = asyncio.ensure_future(events.__anext__())
                while not answers:
                    await asyncio.sleep(0.01)
                project = await asyncio.to_thread(self.server.project)
                await asyncio.to_thread(self.server.say, project, 1, BEGIN)
                heard.append(await first)
                for _ in range(2):
                    heard.append(await events.__anext__())
                for n in range(3):
                    await asyncio.to_thread(self.server.say, project, 2 + n, agent(n))
                heard.append(await events.__anext__())
                address = self.server.address
                self.server.kill()
                self.server = await asyncio.to_thread(Server, self.folder, address)
                await asyncio.to_thread(self.server.say, project, 5, agent(3))
                for _ in range(3):
                    heard.append(await events.__anext__())
        expected = ["on it", "on it", "on it", "frame 0", "frame 1", "frame 2", "frame 3"]
        self.assertEqual([event["message"] for event in heard], expected)
        self.assertEqual([event["type"] for event in heard[:3]], ["job_created", "job_started", "job_progress"])
        self.assertEqual([answer["resumed"] for answer in answers], [False, True])

    async def test_a_broken_handshake_is_tried_again(self) -> None:
        host, port = self.server.address.split(":")
        answers = [
            b"",
            b"no HTTP at all\r\n\r\n",
            b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        ]
        tries = 0

        async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while data := await reader.read(4096):
                writer.write(data)
                await writer.drain()
            writer.close()

        async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal tries
            tries += 1
            if tries <= len(answers):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(answers[tries - 1])
                writer.close()
                return
            behind_reader, behind_writer = await asyncio.open_connection(host, int(port))
            await asyncio.gather(pipe(reader, behind_writer), pipe(behind_reader, writer), return_exceptions=True)

        async with asyncio.timeout(WITHIN_S), await asyncio.start_server(meet, "127.0.0.1", 0) as proxy:
            here = proxy.sockets[0].getsockname()[1]
            subscribed = asyncio.Event()
            url = f"ws://127.0.0.1:{here}/ws"
            channels = Channels(url, ["jobs"], on_subscribed=lambda _: subscribed.set(), rand=lambda: 0.01)
            reading = asyncio.ensure_future(channels.__aiter__().__anext__())
            answered = asyncio.ensure_future(subscribed.wait())
            await asyncio.wait([reading, answered], return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                self.fail(f"it gave up: {reading.exception()!r}")
            self.assertEqual(tries, len(answers) + 1)
            await channels.close()
            with self.assertRaises(StopAsyncIteration):
                await reading

    async def test_where_it_stands_goes_on_while_there_is_nothing_to_hear(self) -> None:
        url = f"ws://{self.server.address}/ws"
        answers: list[Event] = []
        async with asyncio.timeout(WITHIN_S):
            options: Any = {"on_subscribed": answers.append, "ping_every_s": 0.05}
            async with Channels(url, ["export"], **options) as channels:
                reading = asyncio.ensure_future(channels.__aiter__().__anext__())
                while not answers:
                    await asyncio.sleep(0.01)
                project = await asyncio.to_thread(self.server.project)
                await asyncio.to_thread(self.server.say, project, 1, BEGIN)
                before = answers[0]["position"]
                while channels.position == before:
                    await asyncio.sleep(0.01)
                self.assertFalse(reading.done(), "nothing of it is of interest")
                # What is said afterwards comes after where it stands.
                async with Channels(url, ["jobs"], position=channels.position, on_subscribed=answers.append) as later:
                    events = later.__aiter__()
                    heard = asyncio.ensure_future(events.__anext__())
                    while len(answers) < 2:
                        await asyncio.sleep(0.01)
                    await asyncio.to_thread(self.server.say, project, 2, agent(7))
                    self.assertEqual((await heard)["message"], "frame 7")
                self.assertTrue(answers[1]["resumed"])
            with self.assertRaises(StopAsyncIteration):
                await reading

    async def test_what_cannot_be_is_said(self) -> None:
        url = f"ws://{self.server.address}/ws"
        async with asyncio.timeout(WITHIN_S):
            with self.assertRaises(Refused):
                async for _ in Channels(url, ["jobs"], token="wrong"):
                    pass
            with self.assertRaises(ValueError):
                async for _ in Channels(url, ["weather"]):
                    pass
        with self.assertRaises(ValueError):
            Channels(url, [])

    def test_waits_grow_up_to_a_ceiling(self) -> None:
        self.assertEqual([retry_ceiling_s(n) for n in (0, 1, 2, 100)], [2.0, 3.0, 4.5, 30.0])


if __name__ == "__main__":
    unittest.main()
