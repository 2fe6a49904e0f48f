# client: openapi-python-client
# pins: python/tools/openapi-python-client
# python: tools
# targets: serve, host
# models: typed, chat
import json
import os
import subprocess
import sys
import tempfile
from urllib.parse import urljoin

import httpx

from rows import KEY, MODELS, row, same

BIN = os.path.dirname(sys.executable)
HEADERS = {"authorization": f"Bearer {KEY}"}

for name, kind in (("typed", "a typed model"), ("chat", "an untyped model")):

    @row(f"openapi-python-client generate, {kind}", "a client whose parts can be imported, with all but bodies in msgpack")
    def _(name=name):
        document = httpx.get(MODELS[name]["root"] + "/openapi.json", headers=HEADERS).json()
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "openapi.json")
            with open(path, "w") as file:
                json.dump(document, file)
            command = [os.path.join(BIN, "openapi-python-client"), "generate", "--path", path, "--meta", "none"]
            environment = {**os.environ, "PATH": BIN + os.pathsep + os.environ["PATH"]}
            options = {"cwd": folder, "capture_output": True, "text": True, "timeout": 120, "env": environment}
            run = subprocess.run([*command, "--output-path", os.path.join(folder, "made")], **options)
            assert run.returncode == 0, run.stdout + run.stderr
            said = run.stdout + run.stderr
            # The generator knows no msgpack, and says so once for each such body.
            warnings = [each.strip() for each in said.split("WARNING")[1:]]
            others = [each for each in warnings if "Unsupported content type application/msgpack" not in each]
            same(others, [])
            walk = "import pkgutil, importlib, made\nfor each in pkgutil.walk_packages(made.__path__, 'made.'): importlib.import_module(each.name)"
            tried = subprocess.run([sys.executable, "-c", walk], **options)
            assert tried.returncode == 0, tried.stderr


@row("the document's server and security", "a server at which POST /predict answers; bearer on a host")
def _():
    url = MODELS["typed"]["root"] + "/openapi.json"
    document = httpx.get(url, headers=HEADERS).json()
    base = urljoin(url, document["servers"][0]["url"]) if document.get("servers") else MODELS["typed"]["root"]
    body = {"customer": "a", "parts": [{"kind": "beam", "length": 2}]}
    answer = httpx.post(base.rstrip("/") + "/predict", json=body, headers=HEADERS)
    same((answer.status_code, answer.json()["size"]), (200, 2))
