# client: tritonclient
# pins: python/sdk/tritonclient[http]
# targets: serve, host
# models: tensors
import numpy
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from rows import KEY, MODELS, raised, row, same

client = triton.InferenceServerClient(MODELS["tensors"]["oip"].split("//")[1], network_timeout=30)
NAME = "tensors"
TYPES = {
    "BOOL": numpy.bool_,
    "UINT8": numpy.uint8,
    "UINT16": numpy.uint16,
    "UINT32": numpy.uint32,
    "UINT64": numpy.uint64,
    "INT8": numpy.int8,
    "INT16": numpy.int16,
    "INT32": numpy.int32,
    "INT64": numpy.int64,
    "FP16": numpy.float16,
    "FP32": numpy.float32,
    "FP64": numpy.float64,
}


def headers():
    # The client changes what it is given.
    return {"authorization": f"Bearer {KEY}"}


def infer(array, datatype, binary_in=True, binary_out=True, **more):
    given = triton.InferInput("x", list(array.shape), datatype)
    given.set_data_from_numpy(array, binary_data=binary_in)
    wanted = [triton.InferRequestedOutput("x", binary_data=binary_out)]
    return client.infer(NAME, [given], outputs=wanted, headers=headers(), **more)


def comes_back(array, datatype, **more):
    got = infer(array, datatype, **more).as_numpy("x")
    same((got.dtype, got.shape), (array.dtype, array.shape))
    assert (got == array).all(), f"got {got}, sent {array}"


@row("is_server_live, is_server_ready, is_model_ready", "true")
def _():
    same(client.is_server_live(headers=headers()), True)
    same(client.is_server_ready(headers=headers()), True)
    same(client.is_model_ready(NAME, headers=headers()), True)


@row("is_model_ready, an unknown model", "false")
def _():
    same(client.is_model_ready("nobody", headers=headers()), False)


@row("get_server_metadata, get_model_metadata", "names")
def _():
    assert client.get_server_metadata(headers=headers())["name"]
    same(client.get_model_metadata(NAME, headers=headers())["name"], NAME)


for datatype, kind in TYPES.items():

    @row(f"infer, {datatype}", "the same array, as bytes and as JSON in either direction")
    def _():
        array = numpy.array([[0, 1, 2], [3, 4, 5]]).astype(kind)
        for binary_in in (True, False):
            for binary_out in (True, False):
                # The client itself refuses FP16 in JSON.
                if datatype != "FP16" or (binary_in and binary_out):
                    comes_back(array, datatype, binary_in=binary_in, binary_out=binary_out)


@row("infer, INT64 and UINT64 beyond 2**53, as bytes", "the same numbers")
def _():
    comes_back(numpy.array([-(2**62) + 1]), "INT64")
    comes_back(numpy.array([2**63 + 5], dtype=numpy.uint64), "UINT64")


@row("infer, INT64 beyond 2**53, as JSON", "400 that says why, never another number")
def _():
    error = raised(InferenceServerException, infer, numpy.array([-(2**62) + 1]), "INT64", binary_in=False)
    assert "no INT64 that a JSON number holds exactly" in error.message(), error.message()


@row("infer, BYTES", "the same bytes, also those that are not UTF-8")
def _():
    comes_back(numpy.array([["grüezi".encode(), b"b"]], dtype=numpy.object_), "BYTES")
    comes_back(numpy.array([b"\xff\x00\x01", b""], dtype=numpy.object_), "BYTES")


@row("infer, 20 MB", "the same array")
def _():
    comes_back(numpy.arange(5_000_000, dtype=numpy.float32), "FP32")


@row("infer, request_id", "the id in the answer")
def _():
    answer = infer(numpy.ones(2, numpy.float32), "FP32", request_id="number-7")
    same(answer.get_response()["id"], "number-7")


for algorithm in ("gzip", "deflate"):

    @row(f"infer, request_compression_algorithm {algorithm}", "the same array")
    def _():
        comes_back(numpy.ones((200, 200), numpy.float32), "FP32", request_compression_algorithm=algorithm)

    @row(f"infer, response_compression_algorithm {algorithm}", "the same array")
    def _():
        comes_back(numpy.ones((200, 200), numpy.float32), "FP32", response_compression_algorithm=algorithm)


@row("async_infer, five at a time", "five answers")
def _():
    given = triton.InferInput("x", [4], "FP32")
    given.set_data_from_numpy(numpy.ones(4, numpy.float32))
    calls = [client.async_infer(NAME, [given], headers=headers()) for _ in range(5)]
    same([call.get_result().as_numpy("x").shape for call in calls], [(4,)] * 5)


@row("infer, an output that is not there", "InferenceServerException that names it")
def _():
    given = triton.InferInput("x", [1], "FP32")
    given.set_data_from_numpy(numpy.ones(1, numpy.float32))
    wanted = [triton.InferRequestedOutput("nothing")]
    error = raised(InferenceServerException, client.infer, NAME, [given], outputs=wanted, headers=headers())
    assert "nothing" in error.message(), error.message()
