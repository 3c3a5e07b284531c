"""The Kubernetes objects: of the API's strict schemas, and of one mind with each other.

What a cluster does with them is not tested here.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from router import config as routers
from service import config as services
from specialists.engines.vllm_flags import VllmSettings, command

Edited = Callable[[Any, Callable[[Any], object]], Any]
Objects = list[dict[str, Any]]

VERSIONS = ("1.32", "1.37")
"""Of Kubernetes: one that many run, and the newest that schemas are here for."""


def check(objects: Objects, version: str = VERSIONS[-1]) -> None:
    """Raises ValidationError where an object is not as the API has it, unknown fields included."""
    for each in objects:
        kubernetes_validate.validate(each, version, strict=True)


def find(objects: Objects, kind: str, name: str) -> dict[str, Any]:
    [found] = [o for o in objects if (o["kind"], o["metadata"]["name"]) == (kind, name)]
    return found


def unrestricted(pod: dict[str, Any]) -> list[str]:
    """Where a pod's spec asks for more than the Pod Security Standard `restricted` gives."""
    found: list[str] = []
    shared = pod.get("securityContext", {})
    if shared.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        found.append("seccompProfile")
    if shared.get("runAsNonRoot") is not True or shared.get("runAsUser", 1) == 0:
        found.append("runAsNonRoot")
    for container in pod["containers"]:
        own = container.get("securityContext", {})
        if own.get("allowPrivilegeEscalation") is not False:
            found.append("allowPrivilegeEscalation")
        if own.get("capabilities", {}).get("drop") != ["ALL"]:
            found.append("capabilities")
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_manifests_fit_the_api(manifests: Objects, version: str) -> None:
    check(manifests, version)
    kinds = {each["kind"] for each in manifests}
    assert kinds == {
        "Namespace",
        "PersistentVolumeClaim",
        "Job",
        "StatefulSet",
        "Service",
        "PodDisruptionBudget",
        "HorizontalPodAutoscaler",
        "NetworkPolicy",
    }


@pytest.mark.parametrize(
    ("kind", "name", "edit"),
    [
        ("Job", "finroute-weights-0-1-0", lambda o: o["spec"].update(backofLimit=1)),
        ("PersistentVolumeClaim", "finroute-weights", lambda o: o["spec"].update(accessModes="x")),
        ("StatefulSet", "finroute", lambda o: o["spec"].pop("selector")),
        ("StatefulSet", "finroute", lambda o: _container(o)["readinessProbe"].update(path="/")),
        ("Service", "finroute", lambda o: o["spec"]["ports"][0].update(port="http")),
        ("HorizontalPodAutoscaler", "finroute", lambda o: o["spec"].pop("maxReplicas")),
        ("Service", "vllm-replicas", lambda o: o["spec"].update(headless=True)),
        ("PodDisruptionBudget", "vllm-replicas", lambda o: o["spec"].update(maxUnavailable=[])),
        ("NetworkPolicy", "finroute", lambda o: o["spec"].update(egress={})),
        ("Namespace", "finroute", lambda o: o["metadata"].update(labels=[])),
    ],
)
def test_broken_manifest_is_found(
    manifests: Objects, edited: Edited, kind: str, name: str, edit: Callable[[Any], object]
) -> None:
    with pytest.raises(kubernetes_validate.ValidationError):
        check([edited(find(manifests, kind, name), edit)])


def test_pods_ask_for_no_rights(manifests: Objects, values: dict[str, Any]) -> None:
    pods = [_pod(each) for each in manifests if each["kind"] in ("StatefulSet", "Job")]
    for pod in (*pods, _chart_pod(values)["spec"]):
        assert unrestricted(pod) == []
    for pod in pods:
        assert pod["automountServiceAccountToken"] is False
        assert pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True
        assert pod["containers"][0]["resources"].keys() == {"requests", "limits"}


@pytest.mark.parametrize(
    "edit",
    [
        lambda p: p["securityContext"].pop("seccompProfile"),
        lambda p: p["securityContext"].update(runAsUser=0),
        lambda p: p["containers"][0].pop("securityContext"),
        lambda p: p["containers"][0]["securityContext"]["capabilities"].update(drop=["KILL"]),
    ],
)
def test_rights_are_found(
    manifests: Objects, edited: Edited, edit: Callable[[Any], object]
) -> None:
    assert unrestricted(edited(_pod(find(manifests, "StatefulSet", "finroute")), edit))


def test_service_is_probed_where_it_listens(manifests: Objects, deploy: Path) -> None:
    stateful = find(manifests, "StatefulSet", "finroute")
    container, service = _container(stateful), services.load(deploy / "config/service.toml")
    assert container["ports"] == [{"name": "http", "containerPort": service.port}]
    paths = {
        name: container[name]["httpGet"]["path"]
        for name in ("startupProbe", "livenessProbe", "readinessProbe")
    }
    assert paths == {
        "startupProbe": "/healthz",
        "livenessProbe": "/healthz",
        "readinessProbe": "/readyz",
    }
    assert _pod(stateful)["terminationGracePeriodSeconds"] > service.stop_s


def test_selectors_find_their_pods(manifests: Objects, values: dict[str, Any]) -> None:
    own = _template(find(manifests, "StatefulSet", "finroute"))["metadata"]["labels"]
    charts = _chart_pod(values)["metadata"]["labels"]
    for kind, path in (
        ("Service", ("selector",)),
        ("PodDisruptionBudget", ("selector", "matchLabels")),
        ("NetworkPolicy", ("podSelector", "matchLabels")),
    ):
        for name, labels in (("finroute", own), ("vllm-replicas", charts)):
            chosen = find(manifests, kind, name)["spec"]
            for key in path:
                chosen = chosen[key]
            assert chosen == labels, (kind, name)


def test_router_finds_each_replica(
    manifests: Objects, values: dict[str, Any], deploy: Path
) -> None:
    settings = routers.load(deploy / "config/router.kubernetes.toml").specialists
    headless = find(manifests, "Service", "vllm-replicas")["spec"]
    namespace = find(manifests, "Namespace", "finroute")["metadata"]["name"]
    port = values["servingEngineSpec"]["containerPort"]
    assert headless["clusterIP"] == "None"
    assert headless["ports"][0]["targetPort"] == port
    assert settings.servers.discover == f"vllm-replicas.{namespace}.svc:{port}"
    assert not settings.servers.balanced


def test_keys_come_from_one_secret(
    manifests: Objects, values: dict[str, Any], deploy: Path
) -> None:
    named = {
        each["name"]: each["valueFrom"]["secretKeyRef"]
        for each in _container(find(manifests, "StatefulSet", "finroute"))["env"]
    }
    servers = routers.load(deploy / "config/router.kubernetes.toml").specialists.servers
    assert named.keys() == {servers.key_env, servers.salt_env}
    assert all(ref == {"name": "finroute-keys", "key": name} for name, ref in named.items())
    key = values["servingEngineSpec"]["vllmApiKey"]
    assert key == {"secretName": "finroute-keys", "secretKey": servers.key_env}
    assert not [each for each in manifests if each["kind"] == "Secret"]


def test_model_servers_reach_nothing(manifests: Objects) -> None:
    policy = find(manifests, "NetworkPolicy", "vllm-replicas")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert "egress" not in policy
    nobody = find(manifests, "NetworkPolicy", "nobody")["spec"]
    assert nobody == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


# --- the production stack -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def schema() -> Any:
    return json.loads(Path(__file__).with_name("production_stack.schema.json").read_text("utf-8"))


def test_values_are_the_charts(schema: Any, values: dict[str, Any]) -> None:
    jsonschema.validate(values, schema)


@pytest.mark.parametrize(
    "edit",
    [
        lambda v: v["servingEngineSpec"].update(modelSpecs=[]),
        lambda v: _model(v).update(enableLora=True),
        lambda v: _model(v).update(requestCPU="4"),
        lambda v: _model(v)["vllmConfig"].update(maxLora=5),
        lambda v: _model(v)["vllmConfig"]["extraArgs"].append(16),
        lambda v: v["routerSpec"].update(enabled=False),
    ],
)
def test_broken_values_are_found(
    schema: Any, values: dict[str, Any], edited: Edited, edit: Callable[[Any], object]
) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(edited(values, edit), schema)


def test_what_the_chart_passes_on_fits_the_api(values: dict[str, Any], edited: Edited) -> None:
    check([_chart_pod(values)])
    broken = edited(values, lambda v: _model(v)["extraVolumeMounts"][0].update(readonly=True))
    with pytest.raises(kubernetes_validate.ValidationError):
        check([_chart_pod(broken)])


def test_flags_are_those_of_finroute_up(values: dict[str, Any], deploy: Path) -> None:
    model = _model(values)
    config = model["vllmConfig"]
    settings = VllmSettings(
        device="cuda",
        dtype=config["dtype"],
        host="0.0.0.0",
        port=values["servingEngineSpec"]["containerPort"],
        context=config["maxModelLen"],
        sequences=config["maxNumSeqs"],
        max_loras=config["maxLoras"],
        api_key_env="VLLM_API_KEY",
    )
    wanted = command(settings, model["modelURL"], name="finroute-base")
    charts = [  # what the chart's template makes of its own fields
        *("serve", model["modelURL"], "--host", "0.0.0.0", "--port", "8000"),
        *("--enable-lora", "--enable-prefix-caching"),
        *("--max-model-len", str(config["maxModelLen"]), "--dtype", config["dtype"]),
        *("--max-num-seqs", str(config["maxNumSeqs"]), "--max-loras", str(config["maxLoras"])),
        *config["extraArgs"],
    ]
    assert sorted(charts) == sorted(wanted[wanted.index("serve") :])
    router = routers.load(deploy / "config/router.kubernetes.toml").specialists.servers
    assert model["modelURL"] == f"{router.folder}/base"
    assert config["maxNumSeqs"] == router.pool.concurrency
    assert config["dtype"] == router.format


def test_weights_are_copied_where_they_are_looked_for(
    manifests: Objects, values: dict[str, Any], deploy: Path
) -> None:
    job = find(manifests, "Job", "finroute-weights-0-1-0")
    folder = routers.load(deploy / "config/router.kubernetes.toml").specialists.servers.folder
    assert f"test -e {folder} " in _container(job)["args"][0]
    claim = find(manifests, "PersistentVolumeClaim", "finroute-weights")["metadata"]["name"]
    [volume], [mount] = _model(values)["extraVolumes"], _model(values)["extraVolumeMounts"]
    assert volume["persistentVolumeClaim"] == {"claimName": claim, "readOnly": True}
    assert mount["readOnly"] is True
    assert folder.startswith(f"{mount['mountPath']}/")


# --- kustomize ----------------------------------------------------------------------------------


def test_every_manifest_is_a_resource(deploy: Path) -> None:
    folder = deploy / "kubernetes"
    named = yaml.safe_load((folder / "kustomization.yaml").read_text("utf-8"))["resources"]
    there = {path.name for path in folder.glob("*.yaml")}
    assert {*named, "kustomization.yaml", "production-stack.values.yaml"} == {*there, "../config"}


def test_config_map_has_the_files_that_the_service_is_started_with(
    deploy: Path, manifests: Objects
) -> None:
    made = yaml.safe_load((deploy / "config/kustomization.yaml").read_text("utf-8"))
    [generated] = made["configMapGenerator"]
    pairs = [entry.rpartition("=")[::2] for entry in generated["files"]]
    assert {key or file for key, file in pairs} == {"router.toml", "service.toml"}
    assert all((deploy / "config" / file).is_file() for _, file in pairs)
    volumes = _pod(find(manifests, "StatefulSet", "finroute"))["volumes"]
    assert {"name": "config", "configMap": {"name": generated["name"]}} in volumes


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed here")
def test_kustomize_puts_them_together(deploy: Path, tmp_path: Path) -> None:
    ran = subprocess.run(
        ["kubectl", "kustomize", deploy / "kubernetes"], capture_output=True, text=True, check=True
    )
    objects = list(yaml.safe_load_all(ran.stdout))
    check(objects)
    assert {o["metadata"].get("namespace", "finroute") for o in objects} == {"finroute"}
    [config] = [each for each in objects if each["kind"] == "ConfigMap"]
    for name, load in (("router.toml", routers.load), ("service.toml", services.load)):
        (tmp_path / name).write_text(config["data"][name], "utf-8")
        load(tmp_path / name)
    stateful = find(objects, "StatefulSet", "finroute")
    assert _pod(stateful)["volumes"][0]["configMap"]["name"] == config["metadata"]["name"]
    assert _container(stateful)["image"] == "finroute:0.1.0"


def _template(workload: Any) -> Any:
    return workload["spec"]["template"]


def _pod(workload: Any) -> Any:
    return _template(workload)["spec"]


def _container(workload: Any) -> Any:
    return _pod(workload)["containers"][0]


def _model(values: Any) -> Any:
    return values["servingEngineSpec"]["modelSpec"][0]


def _chart_pod(values: Any) -> dict[str, Any]:
    """A pod with what the chart takes over from the values as it stands, and its labels."""
    spec, model = values["servingEngineSpec"], _model(values)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "replica",
            "labels": {"model": model["name"], "helm-release-name": "vllm"},
        },
        "spec": {
            "securityContext": spec["securityContext"],
            "affinity": model["affinity"],
            "volumes": model["extraVolumes"],
            "containers": [
                {
                    "name": "vllm",
                    "image": f"{model['repository']}:{model['tag']}",
                    "securityContext": spec["containerSecurityContext"],
                    "volumeMounts": model["extraVolumeMounts"],
                }
            ],
        },
    }
