"""deploy/kubernetes: what Kubernetes' own schemas take, and what agrees with the settings and the image."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import kubernetes_validate
import pytest
from ruamel.yaml import YAML

from bridge.admin.app import Watched, build_admin
from bridge.admin.metrics import Metrics
from bridge.settings import Settings, load_settings, variables

REPOSITORY = Path(__file__).parents[2]
DIRECTORY = REPOSITORY / "deploy" / "kubernetes"
VERSIONS: Final = ("1.31", "1.35")
EXTENSIONS: Final = ("kustomization.yaml", "servicemonitor.yaml")
"""Of kinds that Kubernetes itself does not know."""


def documents(path: Path) -> list[Mapping[str, Any]]:
    return list(YAML(typ="safe").load_all(path))


def objects() -> Iterator[Mapping[str, Any]]:
    for path in sorted(DIRECTORY.glob("*.yaml")):
        if path.name not in EXTENSIONS:
            yield from documents(path)


def one(kind: str, name: str = "mef-bridge") -> Mapping[str, Any]:
    (found,) = (each for each in objects() if (each["kind"], each["metadata"]["name"]) == (kind, name))
    return found


@pytest.fixture
def container() -> Mapping[str, Any]:
    (found,) = pod()["containers"]
    return dict(found)


def pod() -> Mapping[str, Any]:
    found: Mapping[str, Any] = one("StatefulSet")["spec"]["template"]["spec"]
    return found


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, container: Mapping[str, Any]) -> Settings:
    """The settings of a pod."""
    monkeypatch.chdir(REPOSITORY)
    given = dict(one("ConfigMap")["data"]) | {
        "BRIDGE_INSTANCE": "mef-bridge-0",
        "BRIDGE_BROKER_URL": "amqps://u:p@rabbitmq/",
        "BRIDGE_DATABASE_URL": "postgresql://u:p@postgres/bridge",
    }
    assert {each["name"] for each in container["env"]} == given.keys() - one("ConfigMap")["data"].keys()
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    return load_settings()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("manifest", list(objects()), ids=lambda each: f"{each['kind']} {each['metadata']['name']}")
def test_kubernetes_takes_every_object_and_knows_every_key(manifest: dict[str, Any], version: str) -> None:
    assert kubernetes_validate.validate(manifest, version, strict=True)


def test_every_file_is_applied_or_said_to_be_an_extension() -> None:
    (kustomization,) = documents(DIRECTORY / "kustomization.yaml")
    files = {path.name for path in DIRECTORY.glob("*.yaml")}
    assert set(kustomization["resources"]) == files - set(EXTENSIONS)


def test_every_variable_is_a_setting_and_the_bridge_starts_with_them(settings: Settings) -> None:
    assert set(one("ConfigMap")["data"]) <= variables().keys()
    assert settings.instance == "mef-bridge-0"
    assert settings.wfm.partitions >= one("StatefulSet")["spec"]["replicas"]


def test_probes_ask_what_the_admin_port_answers(container: Mapping[str, Any], settings: Settings) -> None:
    served = {resource.canonical for resource in admin().router.resources()}
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["path"] in served
        assert container[probe]["httpGet"]["port"] == "admin"
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    assert ports == {"http": settings.http.port, "admin": settings.admin.port}


def test_the_grace_is_longer_than_a_polite_end_takes(settings: Settings) -> None:
    grace = pod()["terminationGracePeriodSeconds"]
    assert grace > settings.http.drain_seconds + settings.commands.timeout_seconds + 10


def test_a_pod_is_left_out_before_its_door_closes(container: Mapping[str, Any], settings: Settings) -> None:
    probe = container["readinessProbe"]
    assert settings.http.drain_seconds > probe["periodSeconds"] * probe["failureThreshold"]


def test_selectors_find_the_pods_and_the_monitor_finds_the_service() -> None:
    labels = one("StatefulSet")["spec"]["template"]["metadata"]["labels"]
    selectors = [
        one("StatefulSet")["spec"]["selector"]["matchLabels"],
        one("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        one("NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        one("Service")["spec"]["selector"],
        one("Service", "mef-bridge-pods")["spec"]["selector"],
    ]
    assert all(selector.items() <= labels.items() for selector in selectors)
    (monitor,) = documents(DIRECTORY / "servicemonitor.yaml")
    wanted = monitor["spec"]["selector"]["matchLabels"]
    assert wanted.items() <= one("Service", "mef-bridge-pods")["metadata"]["labels"].items()
    assert not wanted.items() <= one("Service")["metadata"]["labels"].items()


def admin() -> Any:
    async def observe() -> Any:
        raise AssertionError

    return build_admin(Watched(Metrics("1", "test"), observe, dict, list, list))
