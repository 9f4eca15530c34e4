"""Take part without a lab around: for `compose/compose.yaml`. Standard library only, but for the program it becomes.

`python -m lab.clients.playground publisher|subscriber` mints its own token from LIVEKIT_KEY and LIVEKIT_SECRET (a JWT
as LiveKit takes it, RFC 7519 with HS256), writes the orders that `lab run` would give for a clean call of a minute, and
becomes the participant.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import sys
import time
from pathlib import Path

ROOM = "playground"
FRAMES = 3_000
VALID_S = 24 * 3600


def token(key: str, secret: str, identity: str, now_s: int) -> str:
    """Return an access token with which `identity` may join the room."""
    grants = {"roomJoin": True, "room": ROOM}
    claims = {"iss": key, "sub": identity, "nbf": now_s, "exp": now_s + VALID_S, "video": grants}
    signed = f"{_encode({'alg': 'HS256', 'typ': 'JWT'})}.{_encode(claims)}"
    digest = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def _encode(part: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def orders(role: str) -> dict[str, object]:
    """Return the config.json of a clean call between `publisher` and `subscriber`."""
    heard = ["publisher"] if role == "subscriber" else []
    return {
        "format": 1,
        "role": role,
        "audio": None,
        "frame_ms": 20,
        "sample_rate": 48_000,
        "frames_total": FRAMES,
        "media_frame": 0,
        "media_frames": FRAMES,
        "bitrate_bps": 48_000,
        "red": True,
        "dtx": False,
        "queue_ms": 200,
        "ahead_ms": 60,
        "inject": [],
        "peers": heard,
        "audible": heard,
    }


def main(role: str) -> None:
    """Prepare LAB_DIR and become the participant."""
    folder = Path(os.environ["LAB_DIR"])
    (folder / "config.json").write_text(json.dumps(orders(role)), encoding="utf-8")
    (folder / "join").touch()
    (folder / "go").write_text(json.dumps({"start_monotonic_ns": time.monotonic_ns()}), encoding="utf-8")
    os.environ["LIVEKIT_TOKEN"] = token(os.environ["LIVEKIT_KEY"], os.environ["LIVEKIT_SECRET"], role, int(time.time()))
    os.execv(sys.executable, [sys.executable, "-u", "-m", "lab.clients"])


if __name__ == "__main__":
    main(sys.argv[1])
