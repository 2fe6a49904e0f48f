# client: Truss's serialization, by requests
# pins: python/truss/truss
# python: truss
# targets: serve, host
# models: tensors
import datetime
import decimal
import uuid

import numpy
import requests
from truss.templates.shared.serialization import truss_msgpack_deserialize, truss_msgpack_serialize

from rows import KEY, MODELS, row, same

ROOT = MODELS["tensors"]["root"]
HEADERS = {"authorization": f"Bearer {KEY}"}
ROUTES = ["/v1/models/model:predict", "/v1/models/model:predict_binary", "/predict"]


def equal(sent, got):
    if isinstance(sent, numpy.ndarray):
        alike = isinstance(got, numpy.ndarray) and (sent.dtype, sent.shape) == (got.dtype, got.shape)
        return alike and sent.tobytes() == got.tobytes()
    if isinstance(sent, dict):
        return isinstance(got, dict) and sent.keys() == got.keys() and all(equal(sent[key], got[key]) for key in sent)
    return type(sent) is type(got) and sent == got


def comes_back(value, route=ROUTES[1]):
    headers = {**HEADERS, "content-type": "application/octet-stream"}
    answer = requests.post(ROOT + route, data=truss_msgpack_serialize(value), headers=headers, timeout=30)
    same(answer.status_code, 200)
    got = truss_msgpack_deserialize(answer.content)
    assert equal(value, got), f"sent {value!r}, got {got!r}"


for path in ("/", "/v1/models/model", "/v1/models/model/loaded"):

    @row(f"GET {path}", "200")
    def _():
        same(requests.get(ROOT + path, headers=HEADERS, timeout=30).status_code, 200)


for path in ROUTES:

    @row(f"POST {path}, JSON", "the answer as JSON")
    def _():
        same(requests.post(ROOT + path, json={"a": 1}, headers=HEADERS, timeout=30).json(), {"a": 1})

    @row(f"POST {path}, msgpack", "the same values: text, numbers, bytes, lists, nothing")
    def _():
        comes_back({"s": "ü", "i": 1, "f": 1.5, "n": None, "t": True, "l": [1, [2]], "b": b"\x00\xff"}, path)


VALUES = {
    "integers of 64 bits": {"u": 2**63 + 5, "i": -(2**62) + 1},
    "datetime of a zone": {"at": datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)},
    "array of no dimension": {"x": numpy.array(3.5)},
    "array with nothing in it": {"x": numpy.zeros((0, 4), numpy.float32)},
}
KINDS = ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "float32"]
for kind in [*KINDS, "float64"]:
    VALUES[f"array of {kind}"] = {"x": numpy.arange(6).reshape(2, 3).astype(kind)}
for what, value in VALUES.items():

    @row(f"msgpack, {what}", "the same value")
    def _():
        comes_back(value)


DURATION = datetime.timedelta(days=1, seconds=2, microseconds=3)
TEXTS = {
    "date": (datetime.date(2026, 1, 2), "2026-01-02"),
    "time": (datetime.time(1, 2, 3), "01:02:03"),
    "timedelta": (DURATION, "P1DT2.000003S"),
    "Decimal": (decimal.Decimal("1.10"), "1.10"),
    "UUID": (uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
}
for what, (value, text) in TEXTS.items():

    @row(f"msgpack, {what}", f"its text, as the model sees it: {text}")
    def _():
        headers = {**HEADERS, "content-type": "application/octet-stream"}
        body = truss_msgpack_serialize({"x": value})
        answer = requests.post(ROOT + ROUTES[0], data=body, headers=headers, timeout=30)
        same(truss_msgpack_deserialize(answer.content), {"x": text})
