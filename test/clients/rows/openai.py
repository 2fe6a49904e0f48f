# client: OpenAI SDK for Python
# pins: python/sdk/openai
# targets: serve, host
# models: chat
import asyncio
import base64
import json
import struct
import time

import httpx
import openai
from pydantic import BaseModel

from rows import KEY, KIND, MODELS, raised, row, same

BASE = MODELS["chat"]["openai"]
client = openai.OpenAI(base_url=BASE, api_key=KEY, max_retries=0, timeout=30)
WEATHER = {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}
TOOLS = [{"type": "function", "function": WEATHER}]


def user(text):
    return [{"role": "user", "content": text}]


def ask(text, **more):
    return client.chat.completions.create(model="chat", messages=user(text), **more)


def text_of(stream):
    return "".join(chunk.choices[0].delta.content or "" for chunk in stream)


def seen(name, wanted):
    """What the model has told under a name: see orders.ts of the model."""
    deadline = time.time() + 20
    while True:
        answer = httpx.post(
            MODELS["chat"]["root"] + "/predict", json={"seen": name}, headers={"authorization": f"Bearer {KEY}"}
        )
        events = answer.json()["seen"]
        if any(wanted in event for event in events):
            return
        assert time.time() < deadline, f"the model has seen {events}, not {wanted}"
        time.sleep(0.05)


def unique(what):
    return f"py-{what}-{KIND}-{time.time_ns()}"


@row("chat.completions.create", "the text in capitals and a request id")
def _():
    answer = ask("grüezi ✓")
    same(answer.choices[0].message.content, "GRÜEZI ✓")
    same(answer.usage.total_tokens, 5)
    assert answer._request_id


@row("chat.completions.create, stream", "each piece, in order")
def _():
    pieces = [chunk.choices[0].delta.content for chunk in ask("a b c", stream=True)]
    same([piece for piece in pieces if piece], ["A ", "B ", "C"])


@row("chat.completions.create, stream with include_usage", "the usage in a last chunk")
def _():
    last = list(ask("a b", stream=True, stream_options={"include_usage": True}))[-1]
    same((last.choices, last.usage.total_tokens), ([], 5))


@row("chat.completions.stream, tools", "the call, put together of its pieces")
def _():
    with client.chat.completions.stream(model="chat", messages=user("weather?"), tools=TOOLS) as stream:
        final = stream.get_final_completion()
    same(final.choices[0].message.tool_calls[0].function.arguments, '{"city":"Bern"}')


@row("chat.completions.create, tools and their result", "the call, then the result in capitals")
def _():
    first = ask("weather?", tools=TOOLS).choices[0].message
    call = first.tool_calls[0]
    same(json.loads(call.function.arguments), {"city": "Bern"})
    result = {"role": "tool", "tool_call_id": call.id, "content": "sunny"}
    messages = [*user("weather?"), first, result]
    second = client.chat.completions.create(model="chat", tools=TOOLS, messages=messages)
    same(second.choices[0].message.content, "SUNNY")


@row("chat.completions.parse, a pydantic class", "an object of that class")
def _():
    class Answer(BaseModel):
        answer: int

    parsed = client.chat.completions.parse(model="chat", messages=user("x"), response_format=Answer)
    same(parsed.choices[0].message.parsed.answer, 42)


@row("chat.completions.create, an image of 4 MB", "an answer that has seen all of it")
def _():
    image = "data:image/png;base64," + base64.b64encode(bytes(3_000_000)).decode()
    parts = [{"type": "text", "text": "see "}, {"type": "image_url", "image_url": {"url": image}}]
    answer = client.chat.completions.create(model="chat", messages=[{"role": "user", "content": parts}])
    same(answer.choices[0].message.content, f"SEE [IMAGE OF {len(image)}]")


@row("completions.create, stream", "each piece")
def _():
    stream = client.completions.create(model="chat", prompt="a b c", stream=True)
    same("".join(chunk.choices[0].text for chunk in stream), "A B C")


@row("embeddings.create", "vectors out of the base64 that it asks for")
def _():
    answer = client.embeddings.create(model="chat", input=["one", "three"])
    single = struct.unpack("f", struct.pack("f", 0.1))[0]
    same([each.embedding for each in answer.data], [[3.0, 0.25, single], [5.0, 0.25, single]])


@row("embeddings.create, encoding_format base64", "the base64 as it is")
def _():
    answer = client.embeddings.create(model="chat", input="one", encoding_format="base64")
    same(struct.unpack("<3f", base64.b64decode(answer.data[0].embedding))[:2], (3.0, 0.25))


@row("embeddings.create, encoding_format float", "vectors as numbers")
def _():
    answer = client.embeddings.create(model="chat", input="one", encoding_format="float")
    same(answer.data[0].embedding[:2], [3, 0.25])


@row("responses.create", "output_text")
def _():
    same(client.responses.create(model="chat", input="hello").output_text, "HELLO")


@row("responses.stream", "the final response of its events")
def _():
    with client.responses.stream(model="chat", input="a b") as stream:
        types = [event.type for event in stream]
        same(stream.get_final_response().output_text, "A B")
    same((types[0], types[-1]), ("response.created", "response.completed"))


CLASSES = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    409: openai.ConflictError,
    422: openai.UnprocessableEntityError,
    429: openai.RateLimitError,
    500: openai.InternalServerError,
    503: openai.InternalServerError,
}
for status, kind in CLASSES.items():

    @row(f"HttpError({status}, {{message, type, code, param}})", f"{kind.__name__} with these fields")
    def _():
        error = raised(kind, ask, f"do status {status}")
        same((error.status_code, error.code, error.type, error.param), (status, "asked_code", "asked_type", "asked_param"))
        assert f"status {status} was asked for" in str(error), str(error)
        assert error.request_id


@row("a stream that fails before its first piece", "RateLimitError with Retry-After")
def _():
    error = raised(openai.RateLimitError, lambda: list(ask("do status 429 7", stream=True)))
    same((error.response.headers["retry-after"], error.code), ("7", "asked_code"))


@row("timeout of the client", "APITimeoutError; the model's signal aborts")
def _():
    name = unique("timeout")
    raised(openai.APITimeoutError, ask, f"do wait {name} 30000", timeout=1.5)
    seen(name, "aborted")


for status in (408, 409, 429, 500, 503):

    @row(f"{status} twice, with max_retries", "the third answer, after Retry-After")
    def _():
        start = time.time()
        retrying = client.with_options(max_retries=3)
        order = f"do fail {unique(status)} {status} 2"
        answer = retrying.chat.completions.create(model="chat", messages=user(order))
        same(answer.choices[0].message.content, "ok at try 3")
        assert time.time() - start > 1.9, "it has not waited as Retry-After says"


@row("stream, closed after ten chunks", "the model's generator ends")
def _():
    name = unique("left")
    stream = ask(f"endless {name}", stream=True)
    for count, _chunk in enumerate(stream):
        if count == 10:
            stream.close()
            break
    seen(name, "stopped")


@row("a cancelled asyncio task", "CancelledError; the model's signal aborts")
def _():
    name = unique("cancel")

    async def run():
        async with openai.AsyncOpenAI(base_url=BASE, api_key=KEY, max_retries=0) as several:
            order = several.chat.completions.create(model="chat", messages=user(f"do wait {name} 30000"))
            task = asyncio.create_task(order)
            await asyncio.to_thread(seen, name, "began")
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                return True

    assert asyncio.run(run())
    seen(name, "aborted")


@row("20 streams at a time, asyncio", "each its own text")
def _():
    async def run():
        async with openai.AsyncOpenAI(base_url=BASE, api_key=KEY, max_retries=0) as several:

            async def one(index):
                stream = await several.chat.completions.create(
                    model="chat", messages=user(f"a b {index}"), stream=True
                )
                return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

            return await asyncio.gather(*[one(index) for index in range(20)])

    same(asyncio.run(run()), [f"A B {index}" for index in range(20)])


@row("with_streaming_response", "lines of server-sent events, [DONE] as the last one")
def _():
    with client.chat.completions.with_streaming_response.create(
        model="chat", messages=user("a b"), stream=True
    ) as response:
        lines = [line for line in response.iter_lines() if line]
        assert response.headers["content-type"].startswith("text/event-stream")
    assert lines[0].startswith("data: {"), lines[0]
    same(lines[-1], "data: [DONE]")
