"""The Buyer's side as the settings have it by default, but for what a test is about."""

from dataclasses import replace
from typing import Any

from bridge.api.config import ApiConfig, Limits
from bridge.app.buyer_side import config_of, limits_of
from bridge.settings import HttpSettings

BASE_URL = "https://bridge.example.com"


def usual_config(**changes: Any) -> ApiConfig:
    return replace(config_of(HttpSettings(), BASE_URL), **changes)


def usual_limits(**changes: Any) -> Limits:
    return replace(limits_of(HttpSettings()), **changes)
