# client: litellm
# pins: python/litellm/litellm
# python: litellm
# targets: serve, host
# models: chat
import os

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm

from rows import KEY, MODELS, row, same

litellm.suppress_debug_info = True
OPENAI = {"model": "openai/chat", "api_base": MODELS["chat"]["openai"], "api_key": KEY}
ANTHROPIC = {"model": "anthropic/chat", "api_base": MODELS["chat"]["anthropic"], "api_key": KEY}


def user(text):
    return [{"role": "user", "content": text}]


for name, options in {"openai/": OPENAI, "anthropic/": ANTHROPIC}.items():

    @row(f"completion, {name}", "the text in capitals")
    def _():
        same(litellm.completion(messages=user("hello"), max_retries=0, **options).choices[0].message.content, "HELLO")

    @row(f"completion, stream, {name}", "each piece")
    def _():
        stream = litellm.completion(messages=user("a b c"), stream=True, max_retries=0, **options)
        same("".join(chunk.choices[0].delta.content or "" for chunk in stream), "A B C")


@row("embedding", "the vectors")
def _():
    same(litellm.embedding(input=["one", "three"], **OPENAI).data[1]["embedding"][0], 5)


@row("responses", "the text in capitals")
def _():
    same(litellm.responses(input="hello", **OPENAI).output[0].content[0].text, "HELLO")
