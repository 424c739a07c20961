"""ClickHouse's HTTP interface over chdb, enough of it for clickhouse-connect's network client: a server for tests without Docker.

    python -m loadtest.chaos.clickhouse_server --path DIR --port PORT

As the server does: the statement comes in the body or as `query`, settings and `param_…` as URL parameters, inserts as Native blocks after
the statement, either compressed by Content-Encoding; errors carry their code in X-ClickHouse-Exception-Code. An insert whose body
does not arrive whole is not carried out.
"""

import argparse
import queue
import re
import signal
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

import chdb
import cramjam
import zstandard

HANDLES = 12
NOT_SETTINGS = frozenset(
    {
        *("query", "database", "session_id", "session_timeout", "session_check", "query_id", "quota_key", "compress", "decompress"),
        *("wait_end_of_query", "client_protocol_version", "role", "send_progress_in_http_headers", "enable_http_compression"),
        *("http_headers_progress_interval_ms", "buffer_size", "default_format", "user", "password"),
        *("cancel_http_readonly_queries_on_client_close",),
    }
)
SETTING = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
FORMAT = re.compile(rb"\bFORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
INSERT = re.compile(rb"\s*(INSERT\s+INTO\s+.+?)\s+FORMAT\s+(\w+)[ \t]*(?:\n|$)", re.IGNORECASE | re.DOTALL)
CODE = re.compile(r"Code: (\d+)")
UNKNOWN_CODE = "1000"


class Handle:
    """One chdb connection: database and settings are its state, as with a session, and set before each statement."""

    def __init__(self, path: str) -> None:
        self._connection: Any = chdb.connect(path)
        self._database = "default"
        self._settings: dict[str, str] = {}

    def run(
        self, sql: str | bytes, parameters: Mapping[str, str], database: str, settings: Mapping[str, str], default_format: str
    ) -> bytes:
        """Run one statement."""
        self._prepare(database, settings)
        result = self._connection.query(sql, default_format, params=dict(parameters))
        return bytes(result.bytes() or b"")

    def _prepare(self, database: str, settings: Mapping[str, str]) -> None:
        if database != self._database:
            self._connection.query(f"USE `{database}`", "TabSeparated")
            self._database = database
        for name in self._settings.keys() - settings.keys():
            self._connection.query(f"SET {name} = DEFAULT", "TabSeparated")
            del self._settings[name]
        for name, value in settings.items():
            if self._settings.get(name) != value:
                quoted = value.replace("\\", "\\\\").replace("'", "\\'")
                self._connection.query(f"SET {name} = '{quoted}'", "TabSeparated")
                self._settings[name] = value


class Engine:
    """The engine of this process and its handles."""

    def __init__(self, path: Path) -> None:
        self._folder = path / "incoming"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._handles: queue.SimpleQueue[Handle] = queue.SimpleQueue()
        for _ in range(HANDLES):
            self._handles.put(Handle(str(path)))

    @contextmanager
    def handle(self) -> Iterator[Handle]:
        """Lend a handle."""
        handle = self._handles.get()
        try:
            yield handle
        finally:
            self._handles.put(handle)

    def answer(self, url_parameters: Mapping[str, str], body: bytes) -> tuple[bytes, str]:
        """Carry out one request; return the result and its format."""
        statement = url_parameters.get("query", "").encode()
        text = statement + b"\n" + body if statement and body else statement or body
        database = url_parameters.get("database") or "default"
        parameters = {name.removeprefix("param_"): value for name, value in url_parameters.items() if name.startswith("param_")}
        settings = {
            name: value
            for name, value in url_parameters.items()
            if name not in NOT_SETTINGS and not name.startswith("param_") and SETTING.fullmatch(name)
        }
        insert = INSERT.match(text)
        with self.handle() as handle:
            if insert is not None and insert[2].lower() != b"values":
                return self._insert(handle, insert, text[insert.end() :], database, settings), ""
            named = FORMAT.search(text)
            return handle.run(text.decode(), parameters, database, settings, "TabSeparated"), named[1].decode() if named else "TabSeparated"

    def _insert(self, handle: Handle, insert: "re.Match[bytes]", data: bytes, database: str, settings: Mapping[str, str]) -> bytes:
        with tempfile.NamedTemporaryFile(dir=self._folder, suffix=".native") as file:
            file.write(data)
            file.flush()
            into, name = insert[1].decode(), insert[2].decode()
            return handle.run(f"{into} FROM INFILE '{file.name}' FORMAT {name}", {}, database, settings, "TabSeparated")


class Requests(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    engine: ClassVar[Engine]

    def do_GET(self) -> None:
        """Answer a ping or a statement in the URL."""
        self._answer()

    def do_POST(self) -> None:
        """Answer a statement in the body."""
        self._answer()

    def _answer(self) -> None:
        split = urlsplit(self.path)
        body = _decompressed(self._body(), self.headers.get("Content-Encoding", ""))
        if split.path == "/ping":
            self._send(200, b"Ok.\n", {})
            return
        try:
            result, named = self.engine.answer(dict(parse_qsl(split.query, keep_blank_values=True)), body)
        except Exception as error:  # noqa: BLE001  chdb raises RuntimeError for whatever the engine refuses
            found = CODE.search(str(error))
            self._send(500, f"{error}\n".encode(), {"X-ClickHouse-Exception-Code": found[1] if found else UNKNOWN_CODE})
            return
        self._send(200, result, {"X-ClickHouse-Format": named} if named else {})

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self._whole(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self._whole(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _whole(self, size: int) -> bytes:
        data = self.rfile.read(size)
        if len(data) != size:
            raise ConnectionResetError("the request ended early")
        return data

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        if body and "zstd" in self.headers.get("Accept-Encoding", ""):
            headers = {**headers, "Content-Encoding": "zstd"}
            body = zstandard.ZstdCompressor().compress(body)
        self.send_response(status)
        for name, value in {"Content-Type": "application/octet-stream", "X-ClickHouse-Timezone": "UTC", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class names it so
        """Log nothing: errors go to the client."""


def _decompressed(body: bytes, encoding: str) -> bytes:
    match encoding:
        case "lz4":
            return bytes(cramjam.lz4.decompress(body))
        case "zstd":
            return zstandard.ZstdDecompressor().decompressobj().decompress(body)
        case "":
            return body
        case unknown:
            raise ValueError(f"Content-Encoding {unknown} is not known here")


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--path", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    Requests.engine = Engine(given.path.resolve())
    server = ThreadingHTTPServer(("127.0.0.1", given.port), Requests)
    server.daemon_threads = True
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever(poll_interval=0.1)


if __name__ == "__main__":
    main()
