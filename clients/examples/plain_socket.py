"""Follows channels with nothing but a TCP socket: what a client in any language has to do.

    python3 plain_socket.py HOST PORT [POSITION]

Prints one event a line. Give the last position back and it goes on from there.
"""

import base64
import json
import os
import socket
import sys

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA


def read(stream, count):
    data = b""
    while len(data) < count:
        piece = stream.recv(count - len(data))
        if not piece:
            raise ConnectionError("the server is gone")
        data += piece
    return data


def handshake(host, port):
    stream = socket.create_connection((host, port), timeout=60)
    key = base64.b64encode(os.urandom(16)).decode()
    stream.sendall(
        (
            f"GET /ws HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
        ).encode()
    )
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += read(stream, 1)
    if not head.startswith(b"HTTP/1.1 101"):
        raise ConnectionError(head.split(b"\r\n")[0].decode())
    return stream


def send(stream, opcode, payload):
    # What a client sends is masked (RFC 6455 section 5.3), and here never fragmented.
    mask = os.urandom(4)
    length = len(payload)
    size = bytes([0x80 | length]) if length < 126 else bytes([0x80 | 126]) + length.to_bytes(2, "big")
    masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
    stream.sendall(bytes([0x80 | opcode]) + size + mask + masked)


def receive(stream):
    first, second = read(stream, 2)
    length = second & 0x7F
    if length == 126:
        length = int.from_bytes(read(stream, 2), "big")
    elif length == 127:
        length = int.from_bytes(read(stream, 8), "big")
    return first & 0x0F, read(stream, length)


def say(stream, message):
    send(stream, TEXT, json.dumps(message).encode())


def main(host, port, position=None):
    stream = handshake(host, int(port))
    say(stream, {"type": "register", "client_type": "unknown", "client_name": "plain socket"})
    say(stream, {"type": "subscribe", "channels": ["jobs", "approval"], "since": position})
    while True:
        opcode, payload = receive(stream)
        if opcode == PING:
            send(stream, PONG, payload)
        elif opcode == CLOSE:
            # 4000 to 4499: come back with the position. 4500 to 4999: do not.
            sys.exit(f"closed with {int.from_bytes(payload[:2], 'big')}: {payload[2:].decode()}")
        elif opcode == TEXT:
            message = json.loads(payload)
            if "channel" in message:
                print(message["position"], message["type"], message.get("message", ""), flush=True)
            elif message["type"] in ("error", "subscribed"):
                print("#", json.dumps(message), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
