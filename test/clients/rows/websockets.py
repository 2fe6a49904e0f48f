# client: websockets and websocket-client for Python
# pins: python/sdk/websockets, python/sdk/websocket-client
# targets: serve, host
# models: sock
import asyncio
import os

import websocket
from websockets.asyncio.client import connect

from rows import KEY, MODELS, raised, row, same

URL = MODELS["sock"]["websocket"]
LOGIN = {"authorization": f"Bearer {KEY}"}


def opened():
    return websocket.create_connection(URL, header=[f"authorization: Bearer {KEY}"], timeout=30)


def run(talk, **options):
    async def go():
        async with connect(URL, additional_headers=LOGIN, max_size=None, **options) as socket:
            return await talk(socket)

    return asyncio.run(go())


@row("websocket-client, text and bytes", "the same back")
def _():
    socket = opened()
    socket.send("grüezi")
    same(socket.recv(), "grüezi")
    socket.send_binary(b"\0\xff")
    same(socket.recv(), b"\0\xff")
    socket.close()


@row("websocket-client, the model closes with 4001", "code and reason")
def _():
    socket = opened()
    socket.send("close")
    _kind, data = socket.recv_data(control_frame=True)
    same((int.from_bytes(data[:2], "big"), data[2:]), (4001, b"as asked"))


@row("websocket-client, an unknown route", "404")
def _():
    error = raised(
        websocket.WebSocketBadStatusException,
        websocket.create_connection,
        URL + "/nothing",
        header=[f"authorization: Bearer {KEY}"],
        timeout=30,
    )
    same(error.status_code, 404)


@row("websockets, 20 MB", "the same bytes")
def _():
    async def talk(socket):
        sent = os.urandom(20_000_000)
        await socket.send(sent)
        assert await socket.recv() == sent

    run(talk, compression=None)


@row("websockets, a message in three fragments", "the message whole")
def _():
    async def talk(socket):
        await socket.send(["a", "b", "c"])
        same(await socket.recv(), "abc")

    run(talk)


@row("websockets, 1000 messages under way", "each, in order")
def _():
    async def talk(socket):
        async def send():
            for number in range(1000):
                await socket.send(str(number))

        sending = asyncio.create_task(send())
        got = [await socket.recv() for _ in range(1000)]
        await sending
        same(got, [str(number) for number in range(1000)])

    run(talk)


@row("websockets, the connection is cut while the model sends", "the next socket is served")
def _():
    async def cut(socket):
        await socket.send("endless")
        await socket.recv()
        socket.transport.abort()

    async def talk(socket):
        await socket.send("still here")
        same(await socket.recv(), "still here")

    run(cut)
    run(talk)
