"""A small HTTPS server that answers everything alike and remembers who came."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.certificates import Pair


@dataclass
class Visits:
    """Where the server is, and what it saw: paths, and the names on clients' certificates."""

    port: int
    paths: list[str] = field(default_factory=list)
    clients: list[str] = field(default_factory=list)


@contextmanager
def https_server(pair: Pair, status: int, body: bytes = b"", client_ca: Path | None = None) -> Iterator[Visits]:
    """Run it; with `client_ca`, for clients alone whose certificate that authority signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.chain, pair.key)
    if client_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_ca)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            certificate: Any = self.connection.getpeercert()
            visits.paths.append(self.path)
            visits.clients += [value for part in (certificate or {}).get("subject", ()) for name, value in part if name == "commonName"]
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body if self.command != "HEAD" else b"")

        do_GET = do_POST = do_PUT = do_HEAD = answer  # noqa: N815  the base class's names

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
            """Keep quiet."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """Keep quiet about clients that did not trust us."""

    server = Server(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    visits = Visits(server.server_port)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield visits
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
