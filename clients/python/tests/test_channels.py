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
