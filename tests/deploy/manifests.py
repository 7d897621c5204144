"""The manifests for operators of Kubernetes against what they point to.

What they are is defined by operators that are not here, so what each names is compared with the
deployment, the service and the rules.
"""

import re
import sys
from pathlib import Path
from urllib.parse import urlparse

import yaml

ROOT = Path(__file__).resolve().parents[2]
KUBERNETES = ROOT / "deploy/kubernetes"
RULES = ROOT / "deploy/prometheus/coffer.rules.yml"


def read(name):
    """The objects of a file, by kind and name."""
    whole = list(yaml.safe_load_all((KUBERNETES / name).read_text()))
    found = {(each["kind"], each["metadata"]["name"]): each for each in whole}
    assert len(found) == len(whole), f"{name}: two objects of one name"
    return found


def fits(selector, labels):
    """Whether a selector chooses what has these labels."""
    wanted = selector["matchLabels"] if "matchLabels" in selector else selector
    return bool(wanted) and wanted.items() <= labels.items()


def of_coffer(all_of_it):
    """The deployment and what chooses its pods."""
    deployment = all_of_it["Deployment", "coffer"]
    service = all_of_it["Service", "coffer"]
    template = deployment["spec"]["template"]
    labels = template["metadata"]["labels"]
    for selector in [deployment["spec"]["selector"], service["spec"]["selector"],
                     all_of_it["PodDisruptionBudget", "coffer"]["spec"]["selector"],
                     all_of_it["NetworkPolicy", "coffer"]["spec"]["podSelector"]]:
        assert fits(selector, labels), selector
    container = template["spec"]["containers"][0]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    for port in service["spec"]["ports"]:
        assert port["port"] == ports[port["targetPort"]], port
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["port"] in ports, probe
    for rule in all_of_it["NetworkPolicy", "coffer"]["spec"]["ingress"]:
        assert all(port["port"] in ports for port in rule["ports"]), rule
    tag = container["image"].rpartition(":")[2]
    assert re.fullmatch(r"\d+\.\d+\.\d+", tag), container["image"]
    return service


def monitored(monitors, service):
    """The Prometheus operator scrapes the service, under the name that the rules ask for."""
    (kind, _), monitor = monitors.popitem()
    assert kind == "ServiceMonitor" and not monitors, kind
    assert monitor["apiVersion"] == "monitoring.coreos.com/v1"
    assert monitor["metadata"]["namespace"] == service["metadata"]["namespace"]
    assert fits(monitor["spec"]["selector"], service["metadata"]["labels"])
    names = [port["name"] for port in service["spec"]["ports"]]
    assert [end["port"] for end in monitor["spec"]["endpoints"]] == ["metrics"]
    assert "metrics" in names
    job = service["metadata"]["labels"][monitor["spec"]["jobLabel"]]
    assert f'up{{job="{job}"}}' in RULES.read_text(), job


def secrets(objects, service):
    """External Secrets asks the service's own port, by stores that are there."""
    assert {kind for kind, _ in objects} == {"SecretStore", "ExternalSecret", "PushSecret"}
    api = next(port["port"] for port in service["spec"]["ports"] if port["name"] == "api")
    host = f"{service['metadata']['name']}.{service['metadata']['namespace']}"
    head = (KUBERNETES / "external-secrets.yml").read_text()
    for (kind, name), each in objects.items():
        spec = each["spec"]
        if kind == "SecretStore":
            webhook = spec["provider"]["webhook"]
            url = urlparse(webhook["url"])
            assert (url.hostname, url.port) == (host, api), webhook["url"]
            names = {one["name"] for one in webhook["secrets"]}
            used = set(re.findall(r"{{ \.(\w+)\.token }}", str(webhook["headers"])))
            assert used == names, (used, names)
            for one in webhook["secrets"]:
                made = f"kubectl create secret generic {one['secretRef']['name']} "
                assert made in head, made
            continue
        stores = spec.get("secretStoreRefs", [spec.get("secretStoreRef")])
        for store in stores:
            assert (store["kind"], store["name"]) in objects, (name, store)
    assert "kubectl label namespace external-secrets coffer.client=true" in head


def main():
    service = of_coffer(read("coffer.yml"))
    monitored(read("service-monitor.yml"), service)
    secrets(read("external-secrets.yml"), service)
    policy = read("coffer.yml")["NetworkPolicy", "coffer"]["spec"]["ingress"]
    assert policy[0]["from"][0]["namespaceSelector"] == {"matchLabels": {"coffer.client": "true"}}
    print("what operators of Kubernetes are told is there")


if __name__ == "__main__":
    sys.exit(main())
