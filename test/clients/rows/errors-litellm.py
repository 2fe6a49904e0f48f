# client: litellm
# pins: python/litellm/litellm
# python: litellm
# targets: serve, host
# models: chat, open
import os

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm

from rows import KEY, KIND, MODELS, raised, row

litellm.suppress_debug_info = True


def ask(text, provider, model="chat", key=KEY, name=None):
    api_base = MODELS[model][provider]
    messages = [{"role": "user", "content": text}]
    named = f"{provider}/{name or model}"
    return litellm.completion(model=named, api_base=api_base, api_key=key, messages=messages, max_retries=0)


for provider in ("openai", "anthropic"):

    @row(f"completion, {provider}/, a text of HttpError", "RateLimitError with the text")
    def _(provider=provider):
        error = raised(litellm.RateLimitError, ask, "do text 429", provider)
        assert "a sentence of the model" in str(error), str(error)

    @row(f"completion, {provider}/, a model without the method", "NotFoundError that names the method")
    def _(provider=provider):
        error = raised(litellm.NotFoundError, ask, "x", provider, model="open")
        assert "The model has no" in str(error), str(error)

    if KIND == "host":

        @row(f"completion, {provider}/, a model that is not there", "NotFoundError that names the model")
        def _(provider=provider):
            assert "nosuch" in str(raised(litellm.NotFoundError, ask, "x", provider, name="nosuch"))

        @row(f"completion, {provider}/, a wrong key", "AuthenticationError about the key")
        def _(provider=provider):
            error = raised(litellm.AuthenticationError, ask, "x", provider, key="wrong")
            assert "The key is not one of this host" in str(error), str(error)
