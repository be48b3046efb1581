"""An idle connection is given up by the client, never by the server just as the next request is on its way."""

import httpx

from bidding.settings import KEEP_ALIVE_SECONDS


def test_servers_keep_idle_connections_longer_than_our_clients_use_them() -> None:
    client_seconds = httpx.Limits().keepalive_expiry
    assert client_seconds is not None
    assert client_seconds * 2 < KEEP_ALIVE_SECONDS
