"""What nobody may read later: a lab's API secret, and access tokens (JWT).

Law: both are known by their shape, so that whoever writes words down for good can leave them out, whosever they are.
That is the writer of a run folder, every error of the lab, and a client's journal. A capture is what was on the wire:
the lab's signalling in clear, with the tokens of a key that died with its lab.
"""

from __future__ import annotations

import re

SECRET = "lab-secret-"
"""With which every API secret begins that a lab makes."""
_SECRET = re.compile(rf"{SECRET}\w+")
_TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")  # eyJ is {" in Base64, with which a JWT's header begins


def redacted(text: str) -> str:
    """Return `text` without secrets and tokens."""
    return _SECRET.sub("(secret)", _TOKEN.sub("(token)", text))
