from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from luthier.web import connections
from luthier.web.connections import HEAD_BYTES, Connection


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@contextmanager
def listening() -> Iterator[socket.socket]:
    config = uvicorn.Config(hello, port=0, http=Connection, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    bound = config.bind_socket()
    bound.listen()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    try:
        with socket.create_connection(bound.getsockname(), timeout=10) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()


def said(client: socket.socket) -> bytes:
    parts: list[bytes] = []
    while part := client.recv(4096):
        parts.append(part)
    return b"".join(parts)


@pytest.fixture
def hurried(monkeypatch: Any) -> None:
    monkeypatch.setattr(connections, "HEAD_S", 0.3)


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nhost: here\r\nx-"])
def test_a_client_that_does_not_finish_its_headers_is_hung_up_on(sent: bytes) -> None:
    with listening() as client:
        client.sendall(sent)
        assert said(client) == b""


@pytest.mark.usefixtures("hurried")
def test_a_client_that_asked_once_must_finish_its_next_request_too() -> None:
    with listening() as client:
        client.sendall(b"GET / HTTP/1.1\r\nhost: here\r\n\r\nGET ")
        client.sendall(b"/ HTTP/1.1\r\n")
        assert said(client).count(b"200 OK") == 1


@pytest.mark.usefixtures("hurried")
def test_a_body_has_more_time_than_the_headers() -> None:
    with listening() as client:
        client.sendall(b"POST / HTTP/1.1\r\nhost: here\r\ncontent-length: 2\r\nconnection: close\r\n\r\na")
        time.sleep(0.5)
        client.sendall(b"b")
        assert said(client).endswith(b"ok")


def test_headers_that_go_on_and_on_are_refused() -> None:
    with listening() as client:
        client.sendall(b"GET / HTTP/1.1\r\nx-a: ")
        try:
            for _ in range(2 * HEAD_BYTES // 4096 + 64):
                client.sendall(b"a" * 4096)
                time.sleep(0.001)
        except OSError:  # hung up on while we sent
            return
        assert b" 400 " in said(client)
