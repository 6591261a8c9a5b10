"""What a Flask application does with a channel in Redis, in Python's standard library: follows it, and publishes to it.

Prints each message as the event that its clients get, and publishes each line of JSON that it reads. What it cannot make a
message of ends it, as it ends a subscriber there.
"""

import json
import socket
import sys
import threading


class Message:
    def __init__(self, data, type=None, id=None, retry=None):
        self.data, self.type, self.id, self.retry = data, type, id, retry

    def published(self):
        fields = {"data": self.data, "type": self.type, "id": self.id, "retry": self.retry}
        return json.dumps({name: value for name, value in fields.items() if value}, sort_keys=True)

    def event(self):
        text = self.data if isinstance(self.data, str) else json.dumps(self.data)
        named = [("event", self.type), ("id", self.id), ("retry", self.retry)]
        lines = [f"{name}:{value}" for name, value in named if value is not None]
        return "\n".join(lines + [f"data:{line}" for line in text.splitlines()]) + "\n\n"


def command(connection, *words):
    parts = [word.encode() for word in words]
    connection.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))


def reply(stream):
    kind, rest = (line := stream.readline())[:1], line[1:-2]
    if kind == b"*":
        return [reply(stream) for _ in range(int(rest))]
    if kind == b"$":
        return stream.read(int(rest) + 2)[:-2].decode()
    return rest.decode()


def publish(port, channel):
    connection = socket.create_connection(("127.0.0.1", port))
    stream = connection.makefile("rb")
    for line in sys.stdin:
        command(connection, "PUBLISH", channel, Message(**json.loads(line)).published())
        reply(stream)


def follow(port, channel):
    connection = socket.create_connection(("127.0.0.1", port))
    stream = connection.makefile("rb")
    command(connection, "SUBSCRIBE", channel)
    while True:
        kind, _, payload = reply(stream)
        print(Message(**json.loads(payload)).event() if kind == "message" else ":\n", end="", flush=True)


port, channel = int(sys.argv[1]), sys.argv[2]
threading.Thread(target=publish, args=(port, channel), daemon=True).start()
follow(port, channel)
