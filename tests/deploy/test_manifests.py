"""What the rendered manifests mean, held against the code that they start."""

import re
import subprocess
from pathlib import Path
from textwrap import dedent

import pytest
import yaml

from deploy.manifests import (
    Combination,
    all_combinations,
    components,
    main,
    newest_versions,
    overlays,
    render,
    validate,
)
from tests.deploy.objects import Objects, component, environment, label_selectors, selects, server
from visum_client.channels import parse_addresses
from visum_client.credentials import VARIABLES
from visum_client.kube.job import CREDENTIALS_FOLDER, Order, Placement, class_run_job
from visum_client.local import MODULES
from visum_client.scheduler import IN_FLIGHT_FACTOR
from visum_clustering.server import ClusteringSettings
from visum_mask.server import MaskServerSettings
from visum_runtime.server import LIVENESS, READINESS
from visum_runtime.settings import ServerSettings
from visum_specializer.server import SpecializerSettings

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = {
    "mask": MaskServerSettings,
    "proposals": ServerSettings,
    "clustering": ClusteringSettings,
    "specializer": SpecializerSettings,
}
RECOMMENDED = {f"app.kubernetes.io/{name}" for name in ("name", "instance", "version", "component", "part-of")}
MARGIN_SECONDS = 10


def settings_of(deployment, tmp_path) -> ServerSettings:
    """The settings that a container starts with, read as the server reads them."""
    variables = {name: value for name, value in environment(server(deployment)).items() if name.startswith("VISUM_")}
    if "VISUM_SERVER_MODEL_DIR" in variables:
        variables["VISUM_SERVER_MODEL_DIR"] = str(tmp_path)
    kind = SETTINGS[component(deployment)]
    settings = kind.parse("test", [], variables)
    read = {f"VISUM_SERVER_{name.upper()}" for name in kind.__dataclass_fields__}
    assert set(variables) <= read, "a variable that no server reads"
    return settings


def test_one_object_of_each_kind_is_valid(full, with_keda):
    """The long test below validates them all."""
    kinds = {manifest["kind"]: manifest for manifest in [*full.all, *with_keda.all]}
    newest = newest_versions()[-1:]
    assert [problem for manifest in kinds.values() for problem in validate(manifest, newest)] == []


@pytest.mark.long
def test_every_object_of_every_combination_is_valid(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("deploy.manifests.OUT", tmp_path)
    assert main() == 0
    assert f"{len(list(all_combinations()))} combinations" in capsys.readouterr().out


def test_the_validation_sees_mistakes(full):
    service = full.one("Service", "visum-mask") | {"replicas": 3}
    problems = validate(service)
    assert len(problems) == len(newest_versions()) == 3
    assert "was unexpected" in problems[0]


def test_every_combination_is_tried():
    names = [combination.name for combination in all_combinations()]
    free = len(components()) - 4
    assert len(names) == len(set(names)) == len(overlays()) * 3 * 3 * 2**free


def test_there_is_a_deployment_a_service_and_a_budget_for_each_service(objects):
    for kind in ("Deployment", "Service", "PodDisruptionBudget"):
        assert {component(manifest) for manifest in objects.of(kind)} == set(MODULES)


def test_all_have_the_recommended_labels_and_one_namespace(objects):
    for manifest in objects.all:
        if manifest["kind"] == "Namespace":
            assert manifest["metadata"]["name"] == "visum"
            continue
        assert manifest["metadata"]["namespace"] == "visum"
        expected = RECOMMENDED - ({"app.kubernetes.io/name", "app.kubernetes.io/component"} & _unnamed(manifest))
        assert expected <= set(manifest["metadata"]["labels"]), manifest["metadata"]["name"]


def _unnamed(manifest) -> set[str]:
    """Policies are about several components and belong to none."""
    return RECOMMENDED if manifest["kind"] == "NetworkPolicy" else set()


def test_selectors_match_the_pods_of_their_own_service_alone(objects):
    pods = objects.pods()
    for kind in ("Deployment", "Service", "PodDisruptionBudget"):
        for manifest in objects.of(kind):
            selectors = list(label_selectors(manifest["spec"]))
            assert len(selectors) == (3 if kind == "Deployment" else 1)
            for selector in selectors:
                matched = {name for name, labels in pods.items() if selects(selector, labels)}
                assert matched == {manifest["metadata"]["name"]}


def test_probes_ask_the_health_port_for_names_that_servers_know(objects, tmp_path):
    for deployment in objects.of("Deployment"):
        container, settings = server(deployment), settings_of(deployment, tmp_path)
        asked = {
            name: container[name]["grpc"]["service"] for name in ("startupProbe", "readinessProbe", "livenessProbe")
        }
        assert asked == {"startupProbe": READINESS, "readinessProbe": READINESS, "livenessProbe": LIVENESS}
        assert {container[name]["grpc"]["port"] for name in asked} == {settings.health_port}


def test_ports_of_settings_containers_and_services_agree(objects, tmp_path):
    for deployment in objects.of("Deployment"):
        settings = settings_of(deployment, tmp_path)
        ports = {port["name"]: port["containerPort"] for port in server(deployment)["ports"]}
        assert ports == {"grpc": settings.port, "health": settings.health_port, "metrics": settings.metrics_port}
        service = objects.one("Service", deployment["metadata"]["name"])
        assert service["spec"]["clusterIP"] == "None"
        offered = {port["name"]: (port["targetPort"], port["port"]) for port in service["spec"]["ports"]}
        assert offered == {"grpc": ("grpc", settings.port), "metrics": ("metrics", settings.metrics_port)}
        assert settings.host == "0.0.0.0"


def test_settings_fit_what_a_container_gets(objects, tmp_path):
    for deployment in objects.of("Deployment"):
        container, settings = server(deployment), settings_of(deployment, tmp_path)
        resources = container["resources"]
        assert settings.threads == int(resources["limits"]["cpu"])
        assert {"cpu", "memory", "ephemeral-storage"} <= set(resources["requests"]) & set(resources["limits"])
        gpu = "nvidia.com/gpu" in resources["limits"]
        if component(deployment) in ("mask", "specializer"):
            assert settings.device == ("cuda" if gpu else "cpu")
            assert container["image"].endswith("-cuda" if gpu else "-cpu")
        else:
            assert not gpu


def test_the_gpu_overlay_puts_mask_workers_on_gpu_nodes_and_asks_for_no_spare_gpu(with_keda):
    deployment = with_keda.one("Deployment", "visum-mask")
    pod = deployment["spec"]["template"]["spec"]
    assert server(deployment)["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert pod["nodeSelector"] == {"nvidia.com/gpu.present": "true"}
    assert {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"} in pod["tolerations"]
    assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}


def test_grace_covers_the_pause_and_the_drain(objects, tmp_path):
    for deployment in objects.of("Deployment"):
        pause = server(deployment)["lifecycle"]["preStop"]["sleep"]["seconds"]
        grace = deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
        assert grace >= pause + settings_of(deployment, tmp_path).drain_seconds + MARGIN_SECONDS
        readiness = server(deployment)["readinessProbe"]
        assert pause >= readiness["periodSeconds"]


def test_containers_may_nothing(objects):
    for deployment in objects.of("Deployment"):
        pod = deployment["spec"]["template"]["spec"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert server(deployment)["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        writable = {mount["mountPath"] for mount in server(deployment)["volumeMounts"] if not mount.get("readOnly")}
        assert writable == {"/tmp"}


def test_networks_are_read_from_one_volume(objects):
    (claim,) = objects.of("PersistentVolumeClaim")
    for deployment in objects.of("Deployment"):
        claims = [
            volume["persistentVolumeClaim"]["claimName"]
            for volume in deployment["spec"]["template"]["spec"]["volumes"]
            if "persistentVolumeClaim" in volume
        ]
        reads = component(deployment) in ("mask", "specializer")
        assert claims == ([claim["metadata"]["name"]] if reads else [])
        assert ("VISUM_SERVER_MODEL_DIR" in environment(server(deployment))) is reads


def test_class_runs_find_every_service(objects, tmp_path):
    text = objects.one("ConfigMap", "visum-services")["data"]["VISUM_SERVICES"]
    addresses = parse_addresses(text)
    assert set(addresses) == set(MODULES)
    for name, address in addresses.items():
        host, port = re.fullmatch(r"dns:///([a-z-]+):(\d+)", address).groups()
        deployment = objects.one("Deployment", host)
        assert component(deployment) == name
        assert int(port) == settings_of(deployment, tmp_path).port


def test_servers_ask_for_certificates_or_say_that_they_let_in_anybody(objects, tmp_path):
    by_certificate = "VISUM_TLS_CA" in objects.one("ConfigMap", "visum-services")["data"]
    for deployment in objects.of("Deployment"):
        settings = settings_of(deployment, tmp_path)
        assert bool(settings.tls_client_ca) is by_certificate
        assert settings.insecure_listen_without_authentication is not by_certificate
        secrets = [volume for volume in deployment["spec"]["template"]["spec"]["volumes"] if "secret" in volume]
        assert bool(secrets) is by_certificate
        for volume in secrets:
            (mount,) = [found for found in server(deployment)["volumeMounts"] if found["name"] == volume["name"]]
            assert volume["secret"] == {"secretName": "visum-server-tls", "defaultMode": 0o440}
            files = (settings.tls_certificate, settings.tls_key, settings.tls_client_ca)
            assert files == tuple(f"{mount['mountPath']}/{name}" for name in ("tls.crt", "tls.key", "ca.crt"))


def test_class_runs_show_the_certificate_that_servers_ask_for(full):
    variables = full.one("ConfigMap", "visum-services")["data"]
    files = {field: variables.get(variable) for field, variable in VARIABLES.items()}
    assert files == {
        "tls_ca": f"{CREDENTIALS_FOLDER}/ca.crt",
        "tls_certificate": f"{CREDENTIALS_FOLDER}/tls.crt",
        "tls_key": f"{CREDENTIALS_FOLDER}/tls.key",
        "token_file": None,
    }
    job = class_run_job("birds", Order(model="m", targets=("a",), images="s3://a/b", out="s3://a/c"), Placement())
    pod = job["spec"]["template"]["spec"]
    (mount,) = [found for found in pod["containers"][0]["volumeMounts"] if found["mountPath"] == CREDENTIALS_FOLDER]
    (volume,) = [found["projected"] for found in pod["volumes"] if found["name"] == mount["name"]]
    names = [source["secret"]["name"] for source in volume["sources"]]
    assert names == ["visum-client-tls", "visum-client-token"]
    assert all(source["secret"]["optional"] for source in volume["sources"]), "they are there with TLS alone"
    assert validate(job) == []


def test_cert_manager_makes_what_servers_and_class_runs_mount_for_the_names_that_are_dialled(full):
    made = {found["spec"]["secretName"]: found["spec"] for found in full.of("Certificate")}
    assert set(made) == {"visum-authority", "visum-server-tls", "visum-client-tls"}
    addresses = parse_addresses(full.one("ConfigMap", "visum-services")["data"]["VISUM_SERVICES"])
    dialled = {re.fullmatch(r"dns:///(.+):\d+", address).group(1) for address in addresses.values()}
    assert dialled <= set(made["visum-server-tls"]["dnsNames"])
    assert made["visum-server-tls"]["usages"] == ["server auth"]
    assert made["visum-client-tls"]["usages"] == ["client auth"]
    issuers = {found["metadata"]["name"]: found["spec"] for found in full.of("Issuer")}
    for certificate in made.values():
        signed_by = issuers[certificate["issuerRef"]["name"]]
        assert signed_by == (
            {"selfSigned": {}} if certificate.get("isCA") else {"ca": {"secretName": "visum-authority"}}
        )


def test_the_patch_of_the_documents_gives_servers_and_class_runs_tokens(rendered, tmp_path):
    rendered(Combination("cpu"))  # skips where nothing can be rendered
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    (block,) = [dedent(found) for found in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if "TOKEN_FILE" in found]
    objects = Objects(render(Combination("cpu", ("tls",)), tmp_path, yaml.safe_load(block)))
    for deployment in objects.of("Deployment"):
        assert validate(deployment) == []
        settings = settings_of(deployment, tmp_path)
        (mount,) = [found for found in server(deployment)["volumeMounts"] if found["name"] == "tokens"]
        assert Path(settings.token_file).parent == Path(mount["mountPath"])
        assert settings.tls_client_ca
    shown = objects.one("ConfigMap", "visum-services")["data"]["VISUM_TOKEN_FILE"]
    assert shown == f"{CREDENTIALS_FOLDER}/token"


def test_images_are_those_that_make_builds(objects):
    built = subprocess.run(["make", "-n", "images"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    tags = set(re.findall(r"--tag (\S+)", built))
    used = {server(deployment)["image"] for deployment in objects.of("Deployment")}
    assert used <= tags
    assert all((ROOT / file).is_file() for file in re.findall(r"--file (\S+)", built))


def targets(objects: Objects) -> set[str]:
    return {
        manifest["spec"]["scaleTargetRef"]["name"]
        for kind in ("HorizontalPodAutoscaler", "ScaledObject")
        for manifest in objects.of(kind)
    }


def test_what_is_scaled_exists_and_its_replicas_are_left_to_the_autoscaler(objects):
    scaled = targets(objects)
    assert scaled <= set(objects.pods())
    for deployment in objects.of("Deployment"):
        assert ("replicas" in deployment["spec"]) is (deployment["metadata"]["name"] not in scaled)


def test_a_busy_client_makes_more_calls_wait_than_the_autoscaler_admits(full):
    """Else a replica would be busy, its queue as full as a client makes it, and no other be asked for."""
    assert targets(full) == {"visum-mask", "visum-proposals", "visum-specializer"}
    for autoscaler in full.of("HorizontalPodAutoscaler"):
        (metric,) = autoscaler["spec"]["metrics"]
        container = server(full.one("Deployment", autoscaler["spec"]["scaleTargetRef"]["name"]))
        waiting = int(container["resources"]["limits"]["cpu"]) * (IN_FLIGHT_FACTOR - 1)
        assert float(metric["pods"]["target"]["averageValue"]) < waiting


@pytest.mark.parametrize("overlay", overlays())
def test_the_dry_run_of_make_names_the_overlay(overlay):
    assert f"deploy/kubernetes/overlays/{overlay}" in (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
