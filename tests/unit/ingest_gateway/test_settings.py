"""What the gateway makes of its environment beyond single variables."""

import pytest

from contract.errors import SettingsError
from contract.settings import load
from ingest_gateway.settings import GatewaySettings


def test_origins() -> None:
    """Several, with or without a port; none unless they are set."""
    settings = load(GatewaySettings, {"CORS_ALLOWED_ORIGINS": "https://app.example, http://localhost:3000"})

    assert "access-control-allow-origin" in settings.origins().shared({"origin": "http://localhost:3000"})
    assert not load(GatewaySettings, {}).origins()


def test_what_is_no_origin_is_named() -> None:
    """It would match nothing, which nobody would notice before a user does."""
    settings = load(GatewaySettings, {"CORS_ALLOWED_ORIGINS": "https://app.example,https://app.example/path"})

    with pytest.raises(SettingsError, match=r"CORS_ALLOWED_ORIGINS: https://app\.example/path"):
        settings.origins()
