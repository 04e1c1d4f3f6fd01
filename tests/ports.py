"""A port for a server that a test starts."""

from __future__ import annotations

import random
import socket


def free_port() -> int:
    """A port that nothing listens on, and that no kernel or client is given meanwhile.

    Systems hand out ports above these to whoever asks for any (Linux from 32768 on, others from 49152), and kernels
    ask for five each.
    """
    luck = random.SystemRandom()
    for _ in range(100):
        port = luck.randrange(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is free between 20000 and 32000")
