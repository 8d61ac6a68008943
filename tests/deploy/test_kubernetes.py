"""The manifests are what Kubernetes takes, and start what there is."""

from collections.abc import Iterator
from typing import Any

import kubernetes_validate
import pytest
import yaml

from canary.cli.harness import DRAIN
from canary.gateway.config import load
from canary.workers.supervisor import FLUSH
from tests.docs.commands import ROOT, parsed

FOLDER = ROOT / "deploy" / "kubernetes"
KUSTOMIZATION: dict[str, Any] = yaml.safe_load((FOLDER / "kustomization.yaml").read_text(encoding="utf-8"))
OBJECTS: list[dict[str, Any]] = [
    found
    for name in KUSTOMIZATION["resources"]
    for found in yaml.safe_load_all((FOLDER / name).read_text(encoding="utf-8"))
]
DEPLOYMENTS = [one for one in OBJECTS if one["kind"] == "Deployment"]


def name_of(one: dict[str, Any]) -> str:
    return f"{one['kind']}/{one['metadata']['name']}"


def pod_of(deployment: dict[str, Any]) -> dict[str, Any]:
    pod: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return pod


def container_of(deployment: dict[str, Any]) -> dict[str, Any]:
    [container] = pod_of(deployment)["containers"]
    found: dict[str, Any] = container
    return found


def kind_of(kind: str) -> Iterator[dict[str, Any]]:
    return (one for one in OBJECTS if one["kind"] == kind)


@pytest.mark.parametrize("one", OBJECTS, ids=name_of)
def test_kubernetes_understands_an_object(one: dict[str, Any]) -> None:
    """Each is whole by the schema of its kind, without a key that the schema does not know."""
    kubernetes_validate.validate(one, kubernetes_validate.latest_version(), strict=True)


def test_what_the_pods_mount_is_made() -> None:
    """The kustomization makes the policy's map out of a file beside it."""
    [made] = KUSTOMIZATION["configMapGenerator"]
    mounted = {volume["configMap"]["name"] for one in DEPLOYMENTS for volume in pod_of(one)["volumes"]}
    assert mounted == {made["name"]}


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=name_of)
def test_a_container_starts_a_command_that_there_is(deployment: dict[str, Any]) -> None:
    """Its options are options of ``canary``, its policy is the one that is mounted, its secrets come from a Secret."""
    container = container_of(deployment)
    context = parsed(container["args"])
    [mount] = container["volumeMounts"]
    [file] = KUSTOMIZATION["configMapGenerator"][0]["files"]
    assert str(context.params["policy"]) == f"{mount['mountPath']}/{file}"
    assert all("secretKeyRef" in one["valueFrom"] for one in container["env"])


def test_ports_are_those_that_the_command_listens_at() -> None:
    """Container, probes, services and the scrape annotation name what ``--listen`` and ``--admin`` say."""
    [proxy] = [one for one in DEPLOYMENTS if name_of(one).endswith("proxy")]
    container = container_of(proxy)
    told = parsed(container["args"]).params
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"proxy": told["listen"].port, "admin": told["admin"].port}
    targets = {port["targetPort"] for one in kind_of("Service") for port in one["spec"]["ports"]}
    assert targets == ports.keys()
    annotations = proxy["spec"]["template"]["metadata"]["annotations"]
    assert int(annotations["prometheus.io/port"]) == ports["admin"]
    probes = [container[probe] for probe in ("startupProbe", "livenessProbe", "readinessProbe")]
    asked = {next(iter(probe.values()))["port"] for probe in probes}
    assert asked <= ports.keys()


def test_keys_are_those_of_the_ready_policies() -> None:
    """A policy that is shipped finds its keys in the environment of the proxy; the controller is given none."""
    proxy, controller = sorted(DEPLOYMENTS, key=name_of, reverse=True)
    names = {one["name"] for one in container_of(proxy)["env"]}
    policy = load(ROOT / "policies" / "canary-5pct.yaml").policy
    assert {arm.api_key.env for arm in (policy.arms.old, policy.arms.new)} <= names
    assert {one["name"] for one in container_of(controller)["env"]} == {"PGPASSWORD"}


def test_a_stop_may_take_as_long_as_calls_in_flight() -> None:
    """Kubernetes kills no pod that waits for its last answers, the pause before the stop included."""
    pod = next(pod_of(one) for one in DEPLOYMENTS if name_of(one).endswith("proxy"))
    [container] = pod["containers"]
    pause = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod["terminationGracePeriodSeconds"] > pause + DRAIN + FLUSH


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=name_of)
def test_a_pod_may_do_nothing_that_it_need_not(deployment: dict[str, Any]) -> None:
    """No root, no capability, no writable image, no token of the cluster; and a limit to its memory."""
    pod, container = pod_of(deployment), container_of(deployment)
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    own = container["securityContext"]
    assert (own["readOnlyRootFilesystem"], own["allowPrivilegeEscalation"]) == (True, False)
    assert own["capabilities"] == {"drop": ["ALL"]}
    assert container["resources"]["limits"]["memory"]


def test_selectors_meet_their_pods() -> None:
    """Services and the budget select the pods of the proxy, each Deployment its own."""
    labels = {name_of(one): one["spec"]["template"]["metadata"]["labels"] for one in DEPLOYMENTS}
    for one in DEPLOYMENTS:
        assert one["spec"]["selector"]["matchLabels"] == labels[name_of(one)]
    proxy = labels["Deployment/canary-proxy"]
    assert all(one["spec"]["selector"] == proxy for one in kind_of("Service"))
    assert all(one["spec"]["selector"]["matchLabels"] == proxy for one in kind_of("PodDisruptionBudget"))
