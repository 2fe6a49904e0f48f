# client: Prometheus's parsers for Python
# pins: python/sdk/prometheus-client
# targets: serve
# models: metered
import requests
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from rows import KEY, MODELS, row, same

ROOT = MODELS["metered"]["root"]
HEADERS = {"authorization": f"Bearer {KEY}"}
requests.post(ROOT + "/predict", json={}, headers=HEADERS, timeout=30)


def samples(families):
    return {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for each in families for sample in each.samples}


def scraped(accept):
    answer = requests.get(ROOT + "/metrics", headers={**HEADERS, "accept": accept}, timeout=30)
    same(answer.status_code, 200)
    return answer



@row("scrape, text", "every family, parsed; labels unescaped; infinity")
def _():
    got = samples(text_string_to_metric_families(scraped("text/plain").text))
    orders = [dict(labels) for (name, labels) in got if name == "orders_total"]
    same([each["who"] for each in orders], ['a "b" \\ c\nd ü'])
    same([value for (name, _labels), value in got.items() if name == "heat"], [float("inf")])
    same([value for (name, _labels), value in got.items() if name == "size_metres_count"], [1])


@row("scrape, OpenMetrics", "a text that the strict parser takes, and the same counter")
def _():
    answer = scraped("application/openmetrics-text; version=1.0.0")
    assert answer.headers["content-type"].startswith("application/openmetrics-text"), answer.headers["content-type"]
    got = samples(openmetrics.text_string_to_metric_families(answer.text))
    same([dict(labels)["who"] for (name, labels) in got if name == "orders_total"], ['a "b" \\ c\nd ü'])
