# client: schemathesis
# pins: python/tools/schemathesis
# python: tools
# targets: serve, host
# models: open, checked
# minutes: 8
import os
import subprocess
import sys
import tempfile

from rows import KEY, MODELS, row

PROGRAM = os.path.join(os.path.dirname(sys.executable), "schemathesis")
CONFIG = os.path.join(os.path.dirname(os.path.abspath(sys.modules["rows"].__file__)), "schemathesis.toml")
EXAMPLES = "200"


def finds_nothing(model):
    document = MODELS[model]["root"] + "/openapi.json"
    options = ["--max-examples", EXAMPLES, "--no-color", "--header", f"Authorization: Bearer {KEY}"]
    with tempfile.TemporaryDirectory() as folder:
        command = [PROGRAM, "--config-file", CONFIG, "run", document, *options]
        run = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=400)
    found = run.stdout[run.stdout.find("= FAILURES =") + 12 :].strip("= \n")
    assert run.returncode == 0, f"{found}\n{run.stderr[-500:]}"
    return run.stdout.strip().splitlines()[-1]


for model, kind in (("open", "an untyped model"), ("checked", "a typed model with OpenAI's routes")):

    @row(f"schemathesis run, {EXAMPLES} examples a route, {kind}", "nothing to find")
    def _(model=model):
        return finds_nothing(model)
