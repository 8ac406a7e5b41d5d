"""docker-compose.yml and the Dockerfile say only what the command line, the settings and the locks really have."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from ruamel.yaml import YAML

REPOSITORY = Path(__file__).parents[2]
COMPOSE: Mapping[str, Any] = YAML(typ="safe").load(REPOSITORY / "docker-compose.yml")
SERVICES: Mapping[str, Mapping[str, Any]] = COMPOSE["services"]
OURS = sorted(name for name, service in SERVICES.items() if "build" in service)
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text()

# The keys of the Compose specification that this file may use; a misspelt one would otherwise be silently ignored.
TOP_KEYS = {"name", "services", "volumes"}
SERVICE_KEYS = {
    "image", "build", "entrypoint", "command", "environment", "ports", "healthcheck", "depends_on", "volumes",
    "restart", "hostname",
}  # fmt: skip
HEALTHCHECK_KEYS = {"test", "interval", "timeout", "retries", "start_period"}
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}
PORT = re.compile(r"127\.0\.0\.1:(\d+):(\d+)")
DURATION = re.compile(r"\d+(ms|s|m)")


def test_the_laboratory_has_all_its_parts() -> None:
    assert set(SERVICES) == {"bridge", "proxy", "wfm", "buyer", "rabbitmq", "postgres"}


def test_there_may_be_as_many_bridges_as_one_likes() -> None:
    """Nothing of one is in the way of another one (`--scale bridge=3`): no port, no name; and each has its instance."""
    assert not {"ports", "hostname", "container_name"} & set(SERVICES["bridge"])
    assert "BRIDGE_INSTANCE" not in environment(SERVICES["bridge"])


def test_each_bridge_is_an_instance_by_the_name_of_its_container(tmp_path: Path) -> None:
    say(tmp_path / "hostname", "echo 3f2a")
    say(tmp_path / "mef-bridge", 'echo "$BRIDGE_INSTANCE $*"')
    words = [word.replace("$$", "$") for word in SERVICES["bridge"]["entrypoint"]] + SERVICES["bridge"]["command"]
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = subprocess.run(words, env={"PATH": path}, capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout == "3f2a serve --workers 2\n"


def say(program: Path, script: str) -> None:
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def test_the_proxy_leads_to_the_bridges_and_listens_where_it_is_published() -> None:
    (mount,) = SERVICES["proxy"]["volumes"]
    file, _, rest = mount.partition(":")
    assert rest == "/etc/nginx/conf.d/default.conf:ro"
    said = (REPOSITORY / file).read_text()
    assert "set $bridge bridge;" in said
    assert f"proxy_pass http://$bridge:{environment(SERVICES['bridge'])['BRIDGE_HTTP_PORT']};" in said
    match = PORT.fullmatch(SERVICES["proxy"]["ports"][0])
    assert match
    assert f"listen {match[2]};" in said
    assert environment(SERVICES["bridge"])["BRIDGE_HTTP_BASE_URL"] == f"http://localhost:{match[1]}"


def test_only_keys_of_the_compose_specification_are_used() -> None:
    assert set(COMPOSE) <= TOP_KEYS
    for name, service in SERVICES.items():
        assert set(service) <= SERVICE_KEYS, name


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_has_an_image_and_a_health_check(name: str) -> None:
    service = SERVICES[name]
    assert service["image"]
    check = service["healthcheck"]
    assert set(check) <= HEALTHCHECK_KEYS
    assert check["test"][0] in {"CMD", "CMD-SHELL"}
    assert all(isinstance(word, str) for word in check["test"])
    assert DURATION.fullmatch(check["interval"])
    assert DURATION.fullmatch(check["timeout"])
    assert check["retries"] > 0


@pytest.mark.parametrize("name", SERVICES)
def test_every_dependency_is_a_service_with_a_known_condition(name: str) -> None:
    for target, options in SERVICES[name].get("depends_on", {}).items():
        assert target in SERVICES
        assert target != name
        assert options["condition"] in CONDITIONS


def test_every_service_that_a_command_or_a_setting_names_is_waited_for() -> None:
    """An address such as amqp://rabbitmq:5672/ names a service, and that service is healthy first."""
    for name in OURS:
        service = SERVICES[name]
        texts = [str(word) for word in service["command"]] + [str(value) for value in environment(service).values()]
        named = {host for text in texts for host in hosts_in(text) if host in SERVICES and host != name}
        assert named <= set(service["depends_on"]), name


def hosts_in(text: str) -> list[str]:
    address = text.partition("=")[2] if text.startswith("--") else text
    return [urlsplit(address).hostname or ""] if "://" in address else []


def test_ports_are_published_on_this_machine_only_and_once() -> None:
    published = [PORT.fullmatch(port) for service in SERVICES.values() for port in service.get("ports", ())]
    assert all(published)
    outside = [match[1] for match in published if match]
    assert len(outside) == len(set(outside))


def test_every_named_volume_is_declared_and_used() -> None:
    mounts = {mount.partition(":")[0] for service in SERVICES.values() for mount in service.get("volumes", ())}
    assert {mount for mount in mounts if not mount.startswith(".")} == set(COMPOSE["volumes"])


@pytest.mark.parametrize("name", OURS)
def test_every_command_is_a_verb_of_the_command_line_with_its_own_options(name: str) -> None:
    """The words are parsed by the real command line, which knows every verb, option and type."""
    import typer

    from bridge.cli import app

    command: Any = typer.main.get_command(app)
    words = [str(word) for word in SERVICES[name]["command"]]
    context = command.make_context("mef-bridge", words)
    while hasattr(command, "resolve_command"):
        verb, command, words = command.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(verb, words, parent=context)
    assert not context.args


@pytest.mark.parametrize("name", [name for name in OURS if "ports" in SERVICES[name]])
def test_a_service_listens_on_the_port_that_it_publishes_and_checks(name: str) -> None:
    service = SERVICES[name]
    match = PORT.fullmatch(service["ports"][0])
    assert match
    told = " ".join([*map(str, service["command"]), *(f"{key}={value}" for key, value in environment(service).items())])
    assert re.search(rf"port[= ]{match[2]}\b", told, re.IGNORECASE)
    assert f"http://127.0.0.1:{match[2]}/" in " ".join(service["healthcheck"]["test"])


def environment(service: Mapping[str, Any]) -> Mapping[str, str]:
    return {name: str(value) for name, value in service.get("environment", {}).items()}


def test_our_services_are_set_up_by_bridge_variables_only() -> None:
    for name in OURS:
        assert all(variable.startswith("BRIDGE_") for variable in environment(SERVICES[name])), name


def test_every_bridge_variable_names_a_setting_and_holds_a_value_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over the shipped config/bridge.yaml, as in the image; the well-known development keys are accepted too."""
    from bridge.settings import load_buyers, load_settings

    for variable, value in environment(SERVICES["bridge"]).items():
        monkeypatch.setenv(variable, value)
    monkeypatch.chdir(REPOSITORY)
    settings = load_settings()
    assert settings.broker.url.get_secret_value() == "amqp://bridge:bridge@rabbitmq:5672/"
    assert urlsplit(settings.database.url.get_secret_value()).hostname == "postgres"
    assert (settings.http.host, settings.http.port) == ("0.0.0.0", 8137)  # noqa: S104  inside its container
    assert settings.delivery.allow_private_callbacks
    assert [entity.name for entity in load_buyers(settings.buyers, settings.mode).requesting_entities]


def test_the_databases_name_user_and_password_are_those_of_the_bridges_url() -> None:
    postgres = environment(SERVICES["postgres"])
    parts = urlsplit(environment(SERVICES["bridge"])["BRIDGE_DATABASE_URL"])
    assert (parts.username, parts.password) == (postgres["POSTGRES_USER"], postgres["POSTGRES_PASSWORD"])
    assert parts.path == f"/{postgres['POSTGRES_DB']}"


def test_rabbitmqs_user_and_password_are_those_of_the_urls() -> None:
    rabbitmq = environment(SERVICES["rabbitmq"])
    user = f"{rabbitmq['RABBITMQ_DEFAULT_USER']}:{rabbitmq['RABBITMQ_DEFAULT_PASS']}"
    assert environment(SERVICES["bridge"])["BRIDGE_BROKER_URL"].startswith(f"amqp://{user}@rabbitmq:")
    assert f"amqp://{user}@rabbitmq:5672/" in SERVICES["wfm"]["command"]


def test_the_image_copies_only_what_is_there_and_let_through() -> None:
    """Each source of a COPY exists, and .dockerignore (which shuts everything out first) lets it in."""
    let_in = {line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        word for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE) for word in line.split()[:-1]
    }
    assert copied == let_in
    assert all((REPOSITORY / path).exists() for path in copied)


def test_the_image_runs_the_service_without_being_root() -> None:
    final = DOCKERFILE.rpartition("FROM ")[2]
    assert re.search(r"^USER bridge$", final, re.MULTILINE)
    assert 'ENTRYPOINT ["mef-bridge"]' in final
    assert 'CMD ["serve"]' in final
