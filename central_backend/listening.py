"""A socket that is bound and does not listen yet: its address is ours, callers are refused."""

from __future__ import annotations

import socket


def bound(host: str, port: int) -> socket.socket:
    """Bind; `port` 0 takes a free one. Raises OSError when the address is taken."""
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
    except BaseException:
        made.close()
        raise
    return made
