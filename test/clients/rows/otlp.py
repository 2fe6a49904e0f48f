# client: OTLP collector (opentelemetry-proto)
# pins: python/sdk/opentelemetry-proto
# targets: own
import base64
import gzip
import http.server
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time

import requests
from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from rows import row, same

got = {"traces": [], "metrics": []}
refused = []
KINDS = {"/v1/traces": ("traces", ExportTraceServiceRequest), "/v1/metrics": ("metrics", ExportMetricsServiceRequest)}
HEX = ("traceId", "spanId", "parentSpanId")


def plain(value):
    """OTLP in JSON has ids in hex, JSON of protobuf has them in base64."""
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {
            key: base64.b64encode(bytes.fromhex(each)).decode() if key in HEX else plain(each)
            for key, each in value.items()
        }
    return value


class Collector(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        kind, message = KINDS.get(self.path, ("", None))
        try:
            parsed = message()
            if self.headers["content-type"].startswith("application/json"):
                json_format.ParseDict(plain(json.loads(body)), parsed, ignore_unknown_fields=False)
            else:
                parsed.ParseFromString(body)
            got[kind].append(parsed)
        except Exception as error:
            refused.append(f"{self.path}: {error}")
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


def until(ask, what):
    deadline = time.time() + 40
    while not ask():
        assert time.time() < deadline, f"waited for {what}; refused: {refused}"
        time.sleep(0.05)


collector = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
threading.Thread(target=collector.serve_forever, daemon=True).start()
folder = tempfile.mkdtemp()
project = os.path.join(folder, "spans")
os.makedirs(os.path.join(project, "model"))
with open(os.path.join(project, "config.yaml"), "w") as file:
    file.write("model_name: spans\n")
with open(os.path.join(project, "model", "model.ts"), "w") as file:
    file.write("export class Model {\n  predict(input: { fail?: boolean }) {\n")
    file.write('    if (input.fail) throw new Error("as asked");\n    return input;\n  }\n}\n')
environment = {
    **os.environ,
    "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server_port}",
    "OTEL_METRIC_EXPORT_INTERVAL": "1000",
    "OTEL_BSP_SCHEDULE_DELAY": "200",
}
log = open(os.path.join(folder, "log"), "w+")
model = subprocess.Popen(
    ["node", os.environ["PURLIN_BIN"], "serve", project, "--port", "0"], env=environment, stdout=log, stderr=log
)


def said():
    with open(log.name) as file:
        return file.read()


try:
    until(lambda: re.search(r"^ready$", said(), re.M), "the model")
    url = re.search(r"listening on (\S+)", said()).group(1)
    TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
    parent = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    requests.post(url + "/predict", json={}, headers=parent, timeout=30)
    requests.post(url + "/predict", json={"fail": True}, timeout=30)

    def spans():
        return [
            span
            for each in got["traces"]
            for resource in each.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    @row("traces", "messages that the strict parser takes; a span of the caller's trace, and one that failed")
    def _():
        until(lambda: any(span.trace_id.hex() == TRACE for span in spans()), "a span of the trace")
        until(lambda: any(span.status.code == 2 for span in spans()), "a span with status ERROR")
        assert all(span.end_time_unix_nano >= span.start_time_unix_nano > 0 for span in spans())
        same(refused, [])

    @row("metrics", "messages that the strict parser takes, with names")
    def _():
        until(lambda: got["metrics"], "metrics")
        metrics = [
            metric.name
            for each in got["metrics"]
            for resource in each.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        ]
        assert metrics and all(metrics), metrics
        same(refused, [])

finally:
    model.terminate()
    model.wait(20)
    log.close()
    shutil.rmtree(folder)
