"""A container for the moment, when a Docker engine runs here. testcontainers removes it even if we are killed."""

import importlib
import logging
import os
import socket
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

from bridge.localenv.service import NotHere

DEFAULT_ENGINE = "unix:///var/run/docker.sock"
ENGINE_TIMEOUT_S = 3.0


def start_container(stack: ExitStack, image: str, port: int, environ: Mapping[str, str]) -> tuple[str, int]:
    """Start `image`, leave its end to `stack`, and give the host and port where its `port` is reached.

    Raises `NotHere` when no engine answers or the image does not start.
    """
    require_engine(os.environ.get("DOCKER_HOST") or DEFAULT_ENGINE)
    container = _new_container(image).with_exposed_ports(port)
    for name, value in environ.items():
        container.with_env(name, value)
    try:
        stack.callback(container.start().stop)
        return str(container.get_container_host_ip()), int(container.get_exposed_port(port))
    except _failures() as failure:
        raise NotHere(f"Docker runs, but {image} did not start: {_in_one_line(failure)}") from failure


def require_engine(address: str) -> None:
    """Raise `NotHere` at once when nothing takes a connection at `address` (`unix://…` or `tcp://…`)."""
    parts = urlsplit(address)
    family, target = (socket.AF_UNIX, parts.path) if parts.scheme == "unix" else (socket.AF_INET, _host_and_port(parts))
    with socket.socket(family) as probe:
        probe.settimeout(ENGINE_TIMEOUT_S)
        try:
            probe.connect(target)
        except OSError as silence:
            raise NotHere("no Docker engine answers") from silence


def _host_and_port(parts: Any) -> tuple[str, int]:
    return parts.hostname or "localhost", parts.port or 2375


def _new_container(image: str) -> Any:
    """Import testcontainers only now: it is a tool for development, not a dependency of the service."""
    try:
        module = importlib.import_module("testcontainers.core.container")
    except ImportError as absence:
        raise NotHere("Docker runs, but testcontainers is not installed") from absence
    logging.getLogger("testcontainers").setLevel(logging.WARNING)
    try:
        return module.DockerContainer(image)
    except _failures() as failure:
        raise NotHere(f"a Docker socket is there, but its engine fails: {_in_one_line(failure)}") from failure


def _failures() -> tuple[type[Exception], ...]:
    """Give what docker, requests and testcontainers raise when an engine or an image fails."""
    docker = importlib.import_module("docker.errors")
    containers = importlib.import_module("testcontainers.core.exceptions")
    return (
        docker.DockerException,
        containers.ContainerStartException,
        containers.ContainerConnectException,
        OSError,  # also the root of everything in requests
    )


def _in_one_line(failure: Exception) -> str:
    return " ".join(str(failure).split())[:200] or type(failure).__name__
