"""A place that lines are forwarded to over OTLP/HTTP, which counts each of them, and which fails when it is told to."""

from __future__ import annotations

import http.server
import re
import socketserver
import threading
import zlib

#: What a line of `emit` begins with, wherever it stands in a request.
LINE = re.compile(rb"(\d{12}) (?:INFO|WARN|ERROR)")


class Collector:
    def __init__(self, lines: int) -> None:
        #: How often each line has come.
        self.seen = bytearray(lines)
        self.came = self.most = 0
        self.server: Server | None = None
        self.port = 0

    def open(self) -> None:
        """Listens, on the same port each time."""
        self.server = Server(("127.0.0.1", self.port), Request)
        self.server.collector = self
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        """Nobody listens any more; what has come and is not answered never will be."""
        server, self.server = self.server, None
        if server:
            server.closing = True
            server.shutdown()
            server.server_close()

    def count(self, body: bytes) -> None:
        numbers = [int(number) for number in LINE.findall(body)]
        for number in numbers:
            self.seen[number] += 1
        self.came += len(numbers)
        self.most = max(self.most, len(numbers))

    def missing(self) -> int:
        return self.seen.count(0)

    def twice(self) -> int:
        return self.came - (len(self.seen) - self.missing())


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    closing = False
    collector: Collector

    def handle_error(self, *_: object) -> None:
        """The other side was killed; that is the point."""


class Request(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Content-Encoding") == "gzip":
            body = zlib.decompress(body, 31)
        self.server.collector.count(body)
        if self.server.closing:
            # Taken, but the other side will never know.
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass
