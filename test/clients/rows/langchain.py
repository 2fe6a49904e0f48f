# client: LangChain for Python
# pins: python/sdk/langchain-openai
# targets: serve, host
# models: chat
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAI, OpenAIEmbeddings
from pydantic import BaseModel

from rows import KEY, MODELS, row, same

OPTIONS = {"model": "chat", "base_url": MODELS["chat"]["openai"], "api_key": KEY, "max_retries": 0}
chat = ChatOpenAI(**OPTIONS, stream_usage=True)


@row("ChatOpenAI.invoke", "the text in capitals and its usage")
def _():
    answer = chat.invoke("hello")
    same((answer.content, answer.usage_metadata["total_tokens"]), ("HELLO", 5))


@row("ChatOpenAI.stream", "each piece")
def _():
    same("".join(chunk.content for chunk in chat.stream("a b c")), "A B C")


@row("ChatOpenAI.invoke, use_responses_api", "the text in capitals")
def _():
    same(ChatOpenAI(**OPTIONS, use_responses_api=True).invoke("hello").text, "HELLO")


@row("ChatOpenAI.bind_tools", "the call with its arguments")
def _():
    @tool
    def weather(city: str) -> str:
        "The weather of a city."
        return "sunny"

    same(chat.bind_tools([weather]).invoke("weather?").tool_calls[0]["args"], {"city": "Bern"})


@row("ChatOpenAI.with_structured_output", "an object of the class")
def _():
    class Answer(BaseModel):
        answer: int

    same(chat.with_structured_output(Answer, method="json_schema").invoke("x"), Answer(answer=42))


@row("OpenAIEmbeddings.embed_documents", "the vectors")
def _():
    plain = OpenAIEmbeddings(**OPTIONS, check_embedding_ctx_length=False)
    same([each[0] for each in plain.embed_documents(["one", "three"])], [3, 5])


@row("OpenAI.invoke", "the text in capitals")
def _():
    same(OpenAI(**OPTIONS).invoke("abc"), "ABC")
