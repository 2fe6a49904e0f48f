# client: OpenAI and Anthropic SDKs for Python, LangChain
# pins: python/sdk/openai, python/sdk/anthropic, python/sdk/langchain-openai
# targets: serve, host
# models: chat, open
import anthropic
import openai
from langchain_openai import ChatOpenAI

from rows import KEY, KIND, MODELS, raised, row, same

FAILED = "The model failed on this request; its log has the reason."


def user(text):
    return [{"role": "user", "content": text}]


def ask_openai(text, model="chat", key=KEY, **more):
    client = openai.OpenAI(base_url=MODELS[model]["openai"], api_key=key, max_retries=0, timeout=30)
    name = more.pop("name", model)
    return list(client.chat.completions.create(model=name, messages=user(text), **more))


def ask_anthropic(text, model="chat", key=KEY, **more):
    client = anthropic.Anthropic(base_url=MODELS[model]["anthropic"], api_key=key, max_retries=0, timeout=30)
    name = more.pop("name", model)
    return list(client.messages.create(model=name, max_tokens=9, messages=user(text), **more))


def ask_langchain(text, model="chat", key=KEY, **more):
    name = more.pop("name", model)
    return ChatOpenAI(model=name, base_url=MODELS[model]["openai"], api_key=key, max_retries=0).invoke(text)


def told(error):
    """The sentence that a person sees, without what stands around it."""
    body = getattr(error, "body", None) or {}
    inner = body.get("error", body) if isinstance(body, dict) else {}
    assert inner.get("message", "?") in str(error), str(error)
    return inner.get("message")


CALLS = {"openai": ask_openai, "anthropic": ask_anthropic, "langchain": ask_langchain}

for client, ask in CALLS.items():
    base = anthropic.APIStatusError if client == "anthropic" else openai.APIStatusError

    @row(f"{client}, a text of HttpError", "the text, and the type of its status")
    def _(ask=ask, base=base):
        error = raised(base, ask, "do text 429")
        same((told(error), error.status_code, error.type), ("a sentence of the model", 429, "rate_limit_error"))

    @row(f"{client}, a throw of the model", "that the log has the reason")
    def _(ask=ask, base=base):
        error = raised(base, ask, "do throw")
        assert error.type in ("api_error", "server_error"), error.type
        same((told(error), error.status_code), (FAILED, 500))

    @row(f"{client}, a model without the method", "the method's name, as not found")
    def _(ask=ask, base=base):
        error = raised(base, ask, "x", model="open")
        same((error.status_code, error.type), (404, "not_found_error"))
        assert "The model has no" in told(error), told(error)

    if KIND == "host":

        @row(f"{client}, a model that is not there", "its name, as not found")
        def _(ask=ask, base=base):
            error = raised(base, ask, "x", name="nosuch")
            same((error.status_code, error.type), (404, "not_found_error"))
            assert "nosuch" in told(error), told(error)

        @row(f"{client}, a wrong key", "what is wrong with the key")
        def _(ask=ask, base=base):
            error = raised(base, ask, "x", key="wrong")
            same((error.status_code, error.type), (401, "authentication_error"))
            assert "key" in told(error), told(error)
