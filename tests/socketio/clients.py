"""python-socketio against the echo example and Callboard: synchronous and asynchronous, on every transport.

clients.py ECHO_URL CALLBOARD_URL
"""

import asyncio
import queue
import sys

import socketio

PATIENCE_S = 60
WAYS = {"polling": ["polling"], "websocket": ["websocket"], "upgrade": None}
BRIEF = "A reading list: books with title, author and rating 1 to 5; search by title"


def check(what, got, expected):
    assert got == expected, f"{what}: {got!r} is not {expected!r}"


def echo_sync(url, way, transports):
    client = socketio.Client(reconnection=False)
    heard = queue.Queue()
    client.on("*", lambda name, *args: heard.put((name, list(args))))
    client.on("question", lambda text: ("answered " + text, b"\x09"))
    client.connect(url, transports=transports, auth={"token": "abc"})
    check("auth", heard.get(timeout=PATIENCE_S), ("auth", [{"token": "abc"}]))
    client.emit("message", (1, "zwei äöü €", {"drei": [True, None]}))
    check("text", heard.get(timeout=PATIENCE_S), ("message-back", [1, "zwei äöü €", {"drei": [True, None]}]))
    client.emit("message", ({"deep": [b"\x00\x1e\xff"]}, b"two"))
    check("bytes", heard.get(timeout=PATIENCE_S), ("message-back", [{"deep": [b"\x00\x1e\xff"]}, b"two"]))
    check("ack", client.call("message-with-ack", {"a": b"\x01"}, timeout=PATIENCE_S), {"a": b"\x01"})
    client.emit("message-to-answer", "really")
    check("question", heard.get(timeout=PATIENCE_S), ("answer", ["answered really", b"\x09"]))
    # Its names are escaped beyond ASCII.
    client.emit("größe", 1)
    check("alive", client.call("message-with-ack", "still", timeout=PATIENCE_S), "still")
    client.disconnect()


async def echo_async(url, way, transports):
    client = socketio.AsyncClient(reconnection=False)
    heard = asyncio.Queue()

    @client.on("*")
    async def any_event(name, *args):
        await heard.put((name, list(args)))

    async def hear():
        return await asyncio.wait_for(heard.get(), PATIENCE_S)

    await client.connect(url, transports=transports, namespaces=["/", "/custom"])
    check("auth", await hear(), ("auth", [{}]))
    await client.emit("message", (1, b"\x00", "ä"))
    check("message", await hear(), ("message-back", [1, b"\x00", "ä"]))
    check("ack", await client.call("message-with-ack", "ü", timeout=PATIENCE_S), "ü")
    check("custom", await client.call("message-with-ack", 5, namespace="/custom", timeout=PATIENCE_S), 5)
    await client.disconnect()


def refused(url):
    client = socketio.Client(reconnection=False)
    try:
        client.connect(url, namespaces=["/random"])
    except socketio.exceptions.ConnectionError:
        return
    raise AssertionError("a namespace that is not there must be refused")


def task(url):
    import requests

    project = requests.post(f"{url}/api/projects", json={"name": "Books", "brief": BRIEF}).json()["id"]
    return requests.post(f"{url}/api/projects/{project}/generate", json={}).json()["run_id"]


def follow(url, run, transports, since=None):
    """Follows a task to its end; answers the positions of what was heard of it."""
    client = socketio.Client(reconnection=False)
    heard, ended = [], queue.Queue()
    client.on("progress_update", lambda update: heard.append(update["position"]))
    client.on("task_completed", ended.put)
    client.connect(url, transports=transports)
    answer = client.call("join_task", {"task_id": run, "since": since}, timeout=PATIENCE_S)
    check("resumed", answer["resumed"], since is not None)
    check("results", ended.get(timeout=PATIENCE_S * 2)["results"]["status"], "completed")
    client.disconnect()
    return heard


def main():
    echo, house = sys.argv[1:]
    passed = 0
    for way, transports in WAYS.items():
        echo_sync(echo, way, transports)
        asyncio.run(echo_async(echo, way, transports))
        run = task(house)
        heard = follow(house, run, transports)
        assert len(heard) > 5, heard
        # Whoever comes back hears what it has missed, and nothing twice.
        middle = heard[len(heard) // 2]
        check("recovery", follow(house, run, transports, middle), heard[len(heard) // 2 + 1 :])
        passed += 3
        print(f"ok: python-socketio, {way}")
    refused(echo)
    passed += 1
    print(f"{passed} passed, 0 failed")


main()
