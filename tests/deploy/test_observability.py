"""Alerts and panels ask for metrics that exist, and the autoscalers too."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import promql_parser
import pytest

from tests.deploy.objects import selects
from visum_runtime.metrics import Metrics

ROOT = Path(__file__).resolve().parents[2]
OF_THE_CLUSTER = {
    "up",
    "container_memory_working_set_bytes",
    "kube_pod_container_resource_limits",
    "kube_horizontalpodautoscaler_status_current_replicas",
    "kube_horizontalpodautoscaler_spec_max_replicas",
    "kube_job_status_failed",
}
"""Metrics of Prometheus itself, of the kubelet and of kube-state-metrics."""
_METRIC = re.compile(r"\b([a-z_]+)\{")


@pytest.fixture(scope="module")
def exported() -> set[str]:
    """Names of the series that every server exports."""
    metrics = Metrics()
    metrics.calls.labels("method", "OK")
    metrics.call_seconds.labels("method")
    return {sample.name for family in metrics.registry.collect() for sample in family.samples}


def expressions(full) -> Iterator[str]:
    (rule,) = full.of("PrometheusRule")
    for group in rule["spec"]["groups"]:
        for alert in group["rules"]:
            yield alert["expr"]
    (dashboard,) = [manifest for manifest in full.of("ConfigMap") if manifest["metadata"]["name"] == "visum-dashboard"]
    for panel in json.loads(dashboard["data"]["dashboard.json"])["panels"]:
        for target in panel["targets"]:
            yield target["expr"]


def test_every_expression_is_promql_over_metrics_that_exist(full, exported):
    seen = set()
    for expression in expressions(full):
        promql_parser.parse(expression)
        seen |= set(_METRIC.findall(expression))
    assert seen - OF_THE_CLUSTER <= exported
    assert seen >= OF_THE_CLUSTER


def test_what_is_not_promql_is_seen():
    with pytest.raises(ValueError, match="unclosed left parenthesis"):
        promql_parser.parse("sum by (rate(visum_calls_total[5m])")


def test_autoscalers_look_at_metrics_that_servers_export(full, with_keda, exported):
    for autoscaler in full.of("HorizontalPodAutoscaler"):
        names = {metric["pods"]["metric"]["name"] for metric in autoscaler["spec"]["metrics"]}
        assert names == {"visum_queue_depth"} <= exported
    (scaled,) = with_keda.of("ScaledObject")
    (trigger,) = scaled["spec"]["triggers"]
    promql_parser.parse(trigger["metadata"]["query"])
    assert set(_METRIC.findall(trigger["metadata"]["query"])) <= exported


def test_prometheus_scrapes_every_service(full):
    (monitor,) = full.of("ServiceMonitor")
    (endpoint,) = monitor["spec"]["endpoints"]
    scraped = [
        service
        for service in full.of("Service")
        if selects(monitor["spec"]["selector"], service["metadata"]["labels"])
        and endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
    ]
    assert len(scraped) == len(full.of("Deployment"))


def test_the_alert_of_services_that_are_down_knows_every_service(full):
    (rule,) = full.of("PrometheusRule")
    (down,) = [alert for alert in rule["spec"]["groups"][0]["rules"] if alert["alert"] == "VisumServiceDown"]
    named = re.findall(r'service="([\w-]+)"} == 1\), "service", "([\w-]+)"', down["expr"])
    services = {service["metadata"]["name"] for service in full.of("Service")}
    assert sorted(named) == sorted((name, name) for name in services)


def test_every_alert_is_explained(full):
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    (rule,) = full.of("PrometheusRule")
    alerts = [alert["alert"] for group in rule["spec"]["groups"] for alert in group["rules"]]
    assert [name for name in alerts if f"`{name}`" not in text] == []
    assert set(re.findall(r"`(Visum[A-Z]\w+)`", text)) == set(alerts)
