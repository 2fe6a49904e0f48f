"""For rows in Python: `@row(call, must)` runs the function below it at once and prints one result."""

import json
import os
import sys

TARGET = json.loads(os.environ.get("PURLIN_TARGET", "{}"))
KIND = TARGET.get("kind", "")
KEY = TARGET.get("key", "")
MODELS = TARGET.get("models", {})


def show(call, must, ok, detail, **more):
    text = detail if isinstance(detail, str) else repr(detail)
    line = json.dumps({"row": {"call": call, "must": must, "ok": ok, "detail": text[:800], **more}})
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def row(call, must):
    def run(check):
        try:
            show(call, must, True, check())
        except Exception as error:  # every failure of a client is a result
            show(call, must, False, f"{type(error).__name__}: {error}")
        return check

    return run


def skip(call, must, why):
    show(call, must, False, "", skipped=why)


def same(got, wanted):
    """An assertion that shows both sides."""
    assert got == wanted, f"got {got!r}, wanted {wanted!r}"


def raised(kind, call, *args, **named):
    """What the call raised, which must be of that class."""
    try:
        value = call(*args, **named)
    except kind as error:
        return error
    raise AssertionError(f"it did not fail: {value!r}")
