"""What the guide for other languages shows, against a real server: ``CALLBOARD_LUA`` names the interpreter."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

from test_channels import BEGIN, WITHIN_S, Server, agent

CLIENTS = Path(__file__).resolve().parents[2]


class Follower:
    """A program that prints one event a line, and what is no event after a ``#``."""

    def __init__(self, *command: str) -> None:
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))

    def until(self, word: str) -> list[str]:
        """All lines up to the one that has the word."""
        heard: list[str] = []
        deadline = time.monotonic() + WITHIN_S
        while not (heard and word in heard[-1]):
            try:
                heard.append(self.lines.get(timeout=deadline - time.monotonic()))
            except (queue.Empty, ValueError):
                raise AssertionError(f"{word!r} did not come; came: {heard}") from None
        return heard

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


class OtherLanguagesTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.server = Server(self.folder)
        self.addCleanup(lambda: self.server.kill())

    def follow(self, *command: str) -> Follower:
        follower = Follower(*command)
        self.addCleanup(follower.end)
        return follower

    def lua(self, *arguments: str) -> Follower:
        return self.follow(os.environ.get("CALLBOARD_LUA", "lua5.4"), str(CLIENTS / "lua" / "follow.lua"), *arguments)

    def test_lua_goes_on_where_it_was_when_the_server_was_killed(self) -> None:
        host, port = self.server.address.split(":")
        follower = self.lua(host, port, "jobs")
        follower.until("live")
        project = self.server.project()
        self.server.say(project, 1, BEGIN)
        for n in range(300):
            self.server.say(project, 2 + n, agent(n))
        heard = follower.until("frame 299")
        address = self.server.address
        self.server.kill()
        self.server = Server(self.folder, address)
        self.server.say(project, 302, agent(300))
        heard += follower.until("frame 300")
        events = [line.split("\t") for line in heard if not line.startswith("#")]
        frames = [message for _, _, message in events if message.startswith("frame")]
        self.assertEqual(frames, [f"frame {n}" for n in range(301)])
        self.assertEqual(len({position for position, _, _ in events}), len(events))
        # Another process with the position of the last but one hears the last alone.
        again = self.lua(host, port, "jobs", events[-2][0])
        self.assertEqual([line for line in again.until("frame 300") if not line.startswith("#")], ["\t".join(events[-1])])

    def test_lua_ends_when_the_server_does_not_want_it(self) -> None:
        host, port = self.server.address.split(":")
        os.environ["CALLBOARD_TOKEN"] = "cb_wrong"
        self.addCleanup(os.environ.pop, "CALLBOARD_TOKEN")
        follower = self.lua(host, port, "jobs")
        self.assertEqual(follower.process.wait(WITHIN_S), 1)
        assert follower.process.stderr is not None
        self.assertRegex(follower.process.stderr.read(), r"^refused: .*\(4\d\d\d\)")

    def test_the_plain_socket_shows_events(self) -> None:
        host, port = self.server.address.split(":")
        follower = self.follow(sys.executable, str(CLIENTS / "examples" / "plain_socket.py"), host, port)
        follower.until("subscribed")
        project = self.server.project()
        self.server.say(project, 1, BEGIN)
        self.server.say(project, 2, agent(7))
        self.assertIn("job_progress", follower.until("frame 7")[-1])


if __name__ == "__main__":
    unittest.main()
