"""As much of ClickHouse's HTTP interface as a client that inserts needs, before the real engine.

    clickhouse.py FOLDER PORT [USER PASSWORD]

Whatever is asked is asked of the engine; only the transport is ours. Prints "ready" when it listens, and ends when its
standard input closes.
"""

from __future__ import annotations

import http.server
import os
import pathlib
import re
import sys
import tempfile
import threading
import urllib.parse

from chdb import session

FOLDER, PORT = pathlib.Path(sys.argv[1]), int(sys.argv[2])
LOGIN = tuple(sys.argv[3:5]) or None
ENGINE = session.Session(str(FOLDER / "data"))
LOCK = threading.Lock()
# By parameter, what is said of the transport alone.
TRANSPORT = {"query", "database", "wait_end_of_query", "default_format"}
CODINGS = {"gzip": "gzip", "zstd": "zstd", "": "none"}


def run(query: str, settings: dict[str, str], database: str, coding: str, body: bytes) -> bytes:
    with LOCK:
        ENGINE.query(f"USE {database}")
        for name, value in settings.items():
            ENGINE.query(f"SET {name} = '{value}'")
        if not body:
            return ENGINE.query(query, "TabSeparated").bytes()
        into, form = re.fullmatch(r"(INSERT INTO .*?) FORMAT (\w+)\s*", query, re.S).groups()
        with tempfile.NamedTemporaryFile(dir=FOLDER) as file:
            file.write(body)
            file.flush()
            ENGINE.query(f"{into} FROM INFILE '{file.name}' COMPRESSION '{CODINGS[coding]}' FORMAT {form}")
        return b""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
        settings = {name: value for name, value in asked.items() if name not in TRANSPORT}
        coding = self.headers.get("Content-Encoding", "")
        given = (self.headers.get("X-ClickHouse-User"), self.headers.get("X-ClickHouse-Key"))
        query = asked.get("query", "")
        if not query:
            query, body = body.decode(), b""
        if LOGIN and given != LOGIN:
            self.answer(403, b"Code: 516. DB::Exception: Authentication failed. (AUTHENTICATION_FAILED)\n", "516")
            return
        try:
            self.answer(200, run(query, settings, asked.get("database", "default"), coding, body))
        except Exception as error:  # noqa: BLE001: what the engine says is passed on
            text = str(error)
            code = re.search(r"Code: (\d+)", text)
            status = 404 if code and code[1] in ("60", "81") else 500
            self.answer(status, text.encode() + b"\n", code[1] if code else None)

    def answer(self, status: int, body: bytes, code: str | None = None) -> None:
        self.send_response(status)
        if code:
            self.send_header("X-ClickHouse-Exception-Code", code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print("ready", server.server_address[1], flush=True)
sys.stdin.read()
# The engine has threads that wait for nobody.
os._exit(0)
