"""Who may be blamed for what in one flow.

Law: a fate has one owner, as the evidence about hosts and witnesses decides; an owner is kept as its index in OWNERS.
"""

from __future__ import annotations

from dataclasses import dataclass

from lab.analysis.ledger.kinds import CLIENTS
from lab.analysis.values import Owner
from lab.analysis.wire.streams import Flags

OWNERS = tuple(Owner)
NOBODY = -1


@dataclass(frozen=True, kw_only=True)
class Blame:
    """Who owns what is lost at a fate, as evidence about hosts and witnesses decides.

    `server` is for what it lost with its CPU given, `loaded` the slots whose packet had to do without (`load`).
    `kept_back` marks the blocks that were pushed late because the publisher's container was paused or throttled, since
    late audio had come where any did, and `held_back` those of which it was so until then; `starved` the slots with
    silence for which it may have been; `unhindered` the blocks around which the subscriber's was seen not to be.
    """

    server: Owner
    uplink: Owner
    downlink: Owner
    held_back: Flags | None = None
    kept_back: Flags | None = None
    starved: Flags | None = None
    loaded: Flags | None = None
    unhindered: Flags | None = None

    def owner(self, fate: str) -> Owner:
        """Return who owns a loss with that fate."""
        fixed = {"push": Owner.CLIENT, "content": Owner.SDK, "send": Owner.CLIENT_HOST, "unexplained": Owner.UNDECIDED}
        fixed |= {"playout": Owner.CLIENT_HOST, "read": Owner.CLIENT, "untold": Owner.UNDECIDED}
        fixed |= dict.fromkeys(CLIENTS, Owner.CLIENT) | dict.fromkeys(("downlink", "unsignalled"), self.downlink)
        return {**fixed, "server": self.server, "uplink": self.uplink}[fate]
