# SPDX-License-Identifier: GPL-3.0-or-later
"""A server of one file over TLS on this machine, for tests of downloads. It counts what it sends."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

CHUNK = 1 << 14


class Server:
    """What the server is, does and did. The tests alter it between two requests.

    breaks_at: the byte of the file at which the connection is closed, once. holds_at: the byte before which it waits
    for `go_on`. asked: the headers of each request. sent: bytes of files.
    """

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.ranges = True
        self.tag = '"one"'
        self.status = 0
        self.leads_to = ""
        self.breaks_at = -1
        self.holds_at = -1
        self.go_on = threading.Event()
        self.held = threading.Event()
        self.asked: list[dict[str, str]] = []
        self.sent = 0
        self.port = 0

    @property
    def address(self) -> str:
        return f"https://localhost:{self.port}/model.onnx"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@contextlib.contextmanager
def serve(folder: Path, content: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Serve on a free port with a certificate that this process trusts meanwhile."""
    certificate, key = _certificate(folder)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setenv("no_proxy", "localhost")
    server = Server(content)
    listener = ThreadingHTTPServer(("localhost", 0), _handler(server))
    listener.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener.socket = context.wrap_socket(listener.socket, server_side=True)
    server.port = listener.server_address[1]
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.go_on.set()
        listener.shutdown()
        listener.server_close()
        thread.join()


def _certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost that signs itself, and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        missing = "there is no openssl to make a certificate with"
        if os.environ.get("CI") == "true":  # there nothing that is missing is passed over (.ci/run)
            pytest.fail(missing)
        pytest.skip(missing)
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    # A broken configuration of the machine's is not asked.
    environment = {**os.environ, "OPENSSL_CONF": os.devnull}
    command = [openssl, *words.split(), "-keyout", str(key), "-out", str(certificate)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return certificate, key


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.asked.append(dict(self.headers.items()))
            if server.leads_to:
                self._begin(302, {"Location": server.leads_to})
                server.leads_to = ""
            elif server.status:
                self._begin(server.status, {})
            else:
                self._send()

        def _send(self) -> None:
            size = len(server.content)
            match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            same = self.headers.get("If-Range", server.tag) == server.tag
            start = int(match[1]) if match and server.ranges and same else 0
            headers = {"Content-Length": str(size - start)}
            if server.tag:
                headers["ETag"] = server.tag
            if start:
                headers["Content-Range"] = f"bytes {start}-{size - 1}/{size}"
            self._begin(206 if start else 200, headers)
            with contextlib.suppress(OSError):  # the other side went away
                self._pour(start)

        def _pour(self, start: int) -> None:
            end = len(server.content)
            if server.breaks_at >= 0:
                end, server.breaks_at = server.breaks_at, -1
            while start < end:
                if server.holds_at >= 0 and start >= server.holds_at:
                    server.held.set()
                    server.go_on.wait(20)
                chunk = server.content[start : min(start + CHUNK, end)]
                self.wfile.write(chunk)
                start += len(chunk)
                server.sent += len(chunk)

        def _begin(self, status: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  its name in http.server
            """Nothing on the terminal."""

    return Handler
