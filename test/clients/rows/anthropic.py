# client: Anthropic SDK for Python
# pins: python/sdk/anthropic
# targets: serve, host
# models: chat
import time

import anthropic

from rows import KEY, KIND, MODELS, raised, row, same

client = anthropic.Anthropic(base_url=MODELS["chat"]["anthropic"], api_key=KEY, max_retries=0, timeout=30)
TOOLS = [{"name": "weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}]


def body(text, **more):
    return {"model": "chat", "max_tokens": 9, "messages": [{"role": "user", "content": text}], **more}


@row("messages.create", "the text in capitals and a request id")
def _():
    answer = client.messages.create(**body("grüezi ✓"))
    same((answer.content[0].text, answer.usage.output_tokens), ("GRÜEZI ✓", 2))
    assert answer._request_id


@row("messages.stream", "the whole text and the final message")
def _():
    with client.messages.stream(**body("a b c")) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    same((text, final.stop_reason), ("A B C", "end_turn"))


@row("messages.create, stream", "events from message_start to message_stop")
def _():
    types = [event.type for event in client.messages.create(**body("a b"), stream=True)]
    same((types[0], types[-1]), ("message_start", "message_stop"))


@row("messages.create, tools", "the call with its input")
def _():
    answer = client.messages.create(**body("weather?", tools=TOOLS))
    same((answer.content[0].input, answer.stop_reason), ({"city": "Bern"}, "tool_use"))


@row("messages.stream, tools", "the call, put together of its pieces")
def _():
    with client.messages.stream(**body("weather?", tools=TOOLS)) as stream:
        same(stream.get_final_message().content[0].input, {"city": "Bern"})


@row("429 twice, with max_retries", "the third answer")
def _():
    order = body(f"do fail anthropic-py-{KIND}-{time.time_ns()} 429 2")
    same(client.with_options(max_retries=3).messages.create(**order).content[0].text, "ok at try 3")


@row("timeout of the client", "APITimeoutError")
def _():
    order = body(f"do wait anthropic-py-{KIND}-{time.time_ns()} 30000")
    raised(anthropic.APITimeoutError, client.with_options(timeout=1).messages.create, **order)


@row("an answer left after ten pieces", "the next call is answered")
def _():
    with client.messages.stream(**body(f"endless anthropic-py-{KIND}")) as stream:
        for count, _piece in enumerate(stream.text_stream):
            if count == 10:
                break
    same(client.messages.create(**body("a")).content[0].text, "A")
