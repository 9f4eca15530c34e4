"""The ledger of a flow: a row per hop, and the balance made = heard + kinds + lost + unexplained.

Law: packets balance per hop (in = out + dropped), frames balance end to end; what nothing accounts for is printed as
unexplained and never spread over the others. A hop whose witnesses disagree is undecided and may not be blamed.
Without an ear what came in time counts as heard-able, and the `read` hop, which nobody watched, has no row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from lab.analysis.ear.listen import Heard
from lab.analysis.flows.door import Door
from lab.analysis.flows.flow import Flow
from lab.analysis.ledger.damage import Damage
from lab.analysis.ledger.fates import FATES
from lab.analysis.ledger.kinds import HOPS, KINDS
from lab.analysis.ledger.owners import OWNERS
from lab.analysis.network.causes import causes
from lab.analysis.network.links import Account
from lab.analysis.values import Frames, Hop, Owner
from lab.analysis.way.journey import At
from lab.analysis.way.prediction import Copy
from lab.analysis.way.windows import FRAMES_PER_BLOCK
from lab.analysis.wire.scene import Scene
from lab.analysis.wire.streams import Flags
from lab.evidence import names
from lab.pcm import BLOCK_MS, FRAME_MS

_SPAN = {"send": (At.NOWHERE, At.SENT), "uplink": (At.SENT, At.UPLINKED), "server": (At.SERVER_IN, At.SERVER_OUT),
         "downlink": (At.ROUTED, At.RECEIVED)}  # fmt: skip


def hops(
    scene: Scene, flow: Flow, loss: Damage, links: Sequence[Account], at_door: Door | None = None
) -> tuple[Hop, ...]:
    """Return the rows, in the order of the way; `at_door` is the server's own account of the flow."""
    rows = [_push(flow, loss)]
    rows += [_crossing(scene, flow, loss, name, _link(links, flow, name)) for name in _SPAN]
    if at_door is not None:
        rows = [replace(row, undecided=at_door.undecided) if row.name == "server" else row for row in rows]
    return (*rows, _playout(flow, loss), *((_read(flow, loss),) if flow.ear is not None else ()))


def frames(flow: Flow, loss: Damage) -> Frames:
    """Return the balance in frames of 20 ms."""
    unexplained = loss.fate == FATES.index("unexplained")
    decodable = loss.fate == FATES.index("decodable")
    kinds = {kind: loss.frames(loss.fate == FATES.index(kind)) for kind in KINDS}
    in_a_kind = np.isin(loss.fate, [FATES.index(kind) for kind in KINDS])
    return Frames(
        made=loss.made_frames,
        decodable=loss.frames(_arrived(loss)),
        heard=loss.frames(decodable) if flow.ear is not None else None,
        lost=loss.frames(~decodable & ~unexplained & ~in_a_kind),
        inserted_ms=loss.silence.ms(),
        made_up_ms=loss.made_up.ms(),
        unexplained=loss.frames(unexplained),
        transition=float(flow.transition_frames),
        kinds={kind: count for kind, count in kinds.items() if count},
    )


def _arrived(loss: Damage) -> Flags:
    """Mark the blocks that could be decoded in time, heard or not."""
    return np.isin(loss.fate, [FATES.index(name) for name in ("decodable", "playout", "read")])


def dropped(flow: Flow, name: str) -> Flags:
    """Mark, among the slots of the window, the packets that entered hop `name` and did not leave it."""
    entered, left = entering(flow, name), flow.journey.seen(_SPAN[name][1])
    return entered & ~left


def entering(flow: Flow, name: str) -> Flags:
    """Mark the window's slots whose packet entered hop `name`."""
    start = _SPAN[name][0]
    numbered = flow.slots & (flow.journey.number >= 0)
    return numbered if start == At.NOWHERE else numbered & flow.journey.seen(start)


def _link(links: Sequence[Account], flow: Flow, name: str) -> Account | None:
    wanted = {"uplink": (flow.publisher.name, "up"), "downlink": (flow.subscriber.name, "down")}.get(name)
    return next((link for link in links if (link.client, link.way) == wanted), None)


def _unread(flow: Flow, name: str) -> str:
    """Say that a bump's second witness is missing; empty where there is no bump."""
    seat = {"uplink": flow.publisher, "downlink": flow.subscriber}.get(name)
    return f"{names.STEPS} does not hold the kernel's counts twice" if seat is not None and seat.linked else ""


def _push(flow: Flow, loss: Damage) -> Hop:
    lost = loss.fate == FATES.index("push")
    return Hop(
        name="push",
        owner=_heaviest(loss, lost, Owner.CLIENT),
        packets_in=None,
        packets_dropped=None,
        frames_lost=loss.frames(lost),
        late=0.0,
        contributing=0.0,
        note=_inserted(loss, (Owner.CLIENT, Owner.BACKEND)),
    )


def _crossing(scene: Scene, flow: Flow, loss: Damage, name: str, link: Account | None) -> Hop:
    """Return the row of a hop that packets cross."""
    fates = [FATES.index(name), *(FATES.index(fate) for fate, hop in HOPS.items() if hop == name)]
    lost = np.isin(loss.fate, fates)
    gone = dropped(flow, name)
    usual = {"send": Owner.SDK, "uplink": Owner.UPLINK, "server": Owner.SERVER, "downlink": Owner.DOWNLINK}[name]
    waited = np.isin(loss.waited.fate, fates)
    return Hop(
        name=name,
        owner=_heaviest(loss, lost, usual, waited),
        packets_in=int(entering(flow, name).sum()),
        packets_dropped=int(gone.sum()),
        causes=_causes(scene, flow, name, gone, link),
        frames_lost=loss.frames(lost),
        late=loss.frames(lost & loss.late),
        contributing=_contributing(flow, loss, name, lost),
        repaired=_repaired(flow, gone),
        made_up_ms=_made_up_ms(loss, fates),
        undecided=link.undecided if link else _unread(flow, name),
        note=_inserted(loss, (Owner.SDK, Owner.CLIENT_HOST)) if name == "send" else _disorder(flow, name),
    )


def _playout(flow: Flow, loss: Damage) -> Hop:
    """Return the row of NetEQ: what it was never told of, and what the ear misses while NetEQ made up sound."""
    arrived = flow.slots & flow.journey.seen(At.RECEIVED)
    share, more_ms = flow.concealed_share, FRAME_MS * (flow.lateness.unexplained_frames or 0.0)
    spoken = "concealed: not reported" if share is None else f"concealed {100 * share:.1f} % of samples"
    if more_ms >= FRAME_MS:
        spoken += f"; {more_ms:.0f} ms more than drops and lateness explain"
    fates = [FATES.index("playout"), FATES.index("untold")]
    lost, waited = np.isin(loss.fate, fates), np.isin(loss.waited.fate, fates)
    return Hop(
        name="playout",
        owner=_heaviest(loss, lost, Owner.NONE, waited),
        packets_in=int(arrived.sum()),
        packets_dropped=None,
        frames_lost=loss.frames(lost) if flow.ear is not None or lost.any() else None,
        made_up_ms=_made_up_ms(loss, fates),
        note=spoken,
    )


def _read(flow: Flow, loss: Damage) -> Hop:
    """Return the row of the listener's program: what NetEQ delivered and nobody read."""
    lost = loss.fate == FATES.index("read")
    unclear = loss.frames(flow.ear.heard[flow.made.inside(flow.window)] == Heard.UNKNOWN) if flow.ear else 0.0
    return Hop(
        name="read",
        owner=_heaviest(loss, lost, Owner.CLIENT),
        packets_in=None,
        packets_dropped=None,
        frames_lost=loss.frames(lost) if flow.ear is not None else None,
        note=f"{unclear:g} frames, in their place, do not sound like themselves" if unclear > 1 else "",
    )


def _causes(scene: Scene, flow: Flow, name: str, gone: Flags, link: Account | None) -> Mapping[str, int]:
    altered = {"uplink": flow.journey.altered_up, "downlink": flow.journey.altered_down}.get(name)
    if altered is None:
        return {}
    corrupt = int((gone & altered).sum())
    entered = flow.journey.t_ns[gone & ~altered, _SPAN[name][0]]
    counted = dict(causes(scene, link, entered)) if link and entered.size else {}
    return counted | ({"corrupt": corrupt} if corrupt else {})


def _contributing(flow: Flow, loss: Damage, name: str, lost: Flags) -> float:
    """Return the frames lost elsewhere of which this hop killed a copy."""
    inside = flow.made.inside(flow.window)
    slot = flow.made.slot[inside]
    killed = (flow.prediction.copies == int(_SPAN[name][0])).any(axis=0)
    here = (slot >= 0) & (killed[np.maximum(slot, 0)] if killed.size else False)
    undone = loss.lost_to >= 0
    return loss.frames(here & undone & ~lost)


def _repaired(flow: Flow, gone: Flags) -> Mapping[str, float]:
    """Return the frames that lost their packet here and came through all the same, per mechanism."""
    inside = flow.made.inside(flow.window) & (flow.made.slot >= 0)
    slot = flow.made.slot[inside]
    through = flow.prediction.through[slot]
    hurt = gone[slot]
    found = {
        copy.name.lower(): float((hurt & (through == copy)).sum()) * FRAMES_PER_BLOCK for copy in (Copy.RED, Copy.FEC)
    }
    return {name: count for name, count in found.items() if count}


def _heaviest(loss: Damage, lost: Flags, usual: Owner, waited: Flags | None = None) -> Owner:
    """Return who owns most of what was lost or waited for here; who owns the hop when nothing was."""
    costs = [int((lost & (loss.lost_to == i)).sum()) for i in range(len(OWNERS))]
    if waited is not None:
        costs = [cost + int(loss.made_up.of(i)[waited].sum()) for i, cost in enumerate(costs)]
    return OWNERS[int(np.argmax(costs))] if any(costs) else usual


def _made_up_ms(loss: Damage, fates: Sequence[int]) -> float:
    return float(loss.made_up.count[np.isin(loss.waited.fate, fates)].sum()) * BLOCK_MS


def _inserted(loss: Damage, owners: tuple[Owner, ...]) -> str:
    silence = sum(ms for owner, ms in loss.silence.ms().items() if owner in owners)
    return f"silence inserted {silence:.0f} ms" if silence else ""


def _disorder(flow: Flow, name: str) -> str:
    sides = {
        "uplink": (flow.journey.copies_up, flow.journey.reordered_up),
        "downlink": (flow.journey.copies_down, flow.journey.reordered_down),
    }
    copies, reordered = sides.get(name, (0, 0))
    words = [f"{copies} extra copies"] * (copies > 0) + [f"{reordered} out of order"] * (reordered > 0)
    return " · ".join(words)
