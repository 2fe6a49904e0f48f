# client: LlamaIndex for Python
# pins: python/tools/llama-index-llms-openai-like, python/tools/llama-index-embeddings-openai
# python: tools
# targets: serve, host
# models: chat
from llama_index.embeddings.openai import OpenAIEmbedding
from llama_index.llms.openai_like import OpenAILike

from rows import KEY, MODELS, row, same

BASE = {"api_base": MODELS["chat"]["openai"], "api_key": KEY, "max_retries": 0}
chat = OpenAILike(model="chat", is_chat_model=True, **BASE)


@row("OpenAILike.complete", "the text in capitals")
def _():
    same(chat.complete("hello").text, "HELLO")


@row("OpenAILike.stream_complete", "each piece")
def _():
    same("".join(piece.delta or "" for piece in chat.stream_complete("a b c")), "A B C")


@row("OpenAIEmbedding.get_text_embedding_batch", "the vectors")
def _():
    embedding = OpenAIEmbedding(model_name="chat", **BASE)
    same([each[0] for each in embedding.get_text_embedding_batch(["one", "three"])], [3, 5])
