"""What two fields say together: contradictions are refused at the field that must change."""

from __future__ import annotations

import pytest

from lab.errors import ScenarioError
from lab.scenario.load import loads
from lab.scenario.model import Impairment

UP = "links: {publisher: {up: {%s}}}"
STEP = "timeline: [{at: 1s, links: {publisher: {up: {%s}}}}]"
MOST = "rate: 1mbit, queue: 4294967295B"
REFUSED = {
    "newer format": ("version: 2", "version: 2 needs a newer lab"),
    "older format": ("version: 0", "version: 0 never existed"),
    "no version": ("name: x", "version: is required"),
    "no mapping": ("[1]", "a mapping is expected"),
    "version as text": ("version: '1'", 'version: a whole number is expected, not "1", which is text'),
    "truth as text": (UP % "outage: 'true'", 'true or false is expected, not "true", which is text; leave out the qu'),
    "nothing as text": (UP % "outage: ''", 'true or false is expected, not "", which is text'),
    "unknown field": ("weather: {}", "weather: unknown field (known:"),
    "near miss": ("link: {}", 'link: unknown field (did you mean "links"?)'),
    "null for a link": ("links: {publisher: null}", "links.publisher: a mapping is expected"),
    "yes": (UP % "outage: yes", "outage: true or false is expected, not yes"),
    "null": (UP % "outage: null", "outage: true or false is expected, not null"),
    "not a list": ("timeline: {at: 1s}", "timeline: a list is expected"),
    "number for text": ("description: 5", "description: text is expected"),
    "unknown word": (UP % "order: kep", 'order: unknown value kep (did you mean "keep"?)'),
    "unknown protocol": (UP % "block: icmp", "block.0: unknown value icmp (known: tcp, udp)"),
    "jitter without delay": (UP % "jitter: 5ms", "up.jitter: 5ms is more than the delay of 0ms"),
    "delay in minutes": (UP % "delay: 40m", 'up.delay: 40m: more than 30s is not possible; did you mean "40ms"?'),
    "jitter in minutes": (UP % "delay: 1s, jitter: 5m", 'up.jitter: 5m: more than 30s is not possible; did you mean'),
    "delay as long as the media": (
        "media: {duration: 10s}\n" + UP % "delay: 10s",
        "x:3: links.publisher.up.delay: 10s: what is sent in the 10s of media that are left would arrive after them",
    ),
    "delay and jitter as long as the media": (
        "media: {duration: 10s}\n" + UP % "delay: 6s, jitter: 4s",
        "up.delay: 10s with its jitter: what is sent in the 10s",
    ),
    "late delay": (
        "links: {publisher: {}}\ntimeline: [{at: 28s, links: {publisher: {up: {delay: 2s}}}}]",
        "timeline.0.links.publisher.up.delay: 2s: what is sent in the 2s of media",
    ),
    "late profile": (
        "links: {publisher: {}}\ntimeline: [{at: 29500ms, links: {publisher: {profile: satellite-phone}}}]",
        "timeline.0.links.publisher.up.delay: 600ms: what is sent in the 500ms of media",
    ),
    "rate below tc's": (UP % "rate: 99bit", "up.rate: 99bit: 100bit to 10gbit is expected"),
    "queue without rate": (UP % "queue: 200ms", "up.queue: needs a rate"),
    "queue too small": (UP % "rate: 20kbit, queue: 100ms", "up.queue: holds 250 bytes"),
    "queue too large for tc": (
        UP % "rate: 400kbit, queue: 4294967296B",
        "up.queue: holds 4294967296 bytes, more than tc can count; give at most 4294967295B",
    ),
    "queue too long for tc": (UP % "rate: 10gbit, queue: 20m", "up.queue: holds 1500000000000 bytes, more than tc"),
    "queue without unit": (UP % "rate: 20kbit, queue: 20", "a queue is a time (200ms) or a size (20kB)"),
    "background without rate": (UP % "background: {rate: 300kbit}", "up.background: competes with nothing"),
    "background too much": (UP % "rate: 1gbit, background: {rate: 51mbit}", "background.rate: more than 50mbit"),
    "background without its rate": (UP % "rate: 1mbit, background: {}", "up.background.rate: is required"),
    "correlated loss": (UP % "loss: 5% 25%", "up.loss.share: 5% 25%: a share is written as 5%"),
    "burst below one": (UP % "loss: {share: 5%, burst: 0.5}", "loss.burst: 0.5: must be greater than or equal to 1"),
    "impossible bursts": (UP % "loss: {share: 90%, burst: 3}", "loss.share: bursts of 3 lose at most 75.0%"),
    "protocol twice": (UP % "block: [udp, udp]", "up.block: names a protocol twice"),
    "block after the join": (UP % "block: udp" + "\nimpair: after_join", "impair: a blocked protocol"),
    "unknown profile": ("links: {publisher: {profile: wifi-wall}}", 'wifi-wall: unknown profile (did you mean "wi'),
    "link of nobody": ("links: {bob: {}}", 'links.bob: no client is called "bob" (there are: publisher, subscriber)'),
    "name with a path": ("name: ../../x", "name: '../../x': lower case letters"),
    "absolute name": ("name: /etc/passwd", "lower case letters"),
    "option as name": ("name: -rf", "lower case letters"),
    "hidden name": ("name: .x", "lower case letters"),
    "name with a line end": ('name: "x\\n"', "lower case letters"),
    "name with NUL": ('name: "x\\0"', "lower case letters"),
    "long name": (f"name: {'x' * 300}", "lower case letters"),
    "seed too large": ("seed: 4294967296", "seed: 4294967296: must be less than 4294967296; change it"),
    "half a frame": ("media: {duration: 1010ms}", "media.duration: 1010ms: a multiple of 20ms"),
    "no media": ("media: {duration: 0s}", "media.duration: 0s: 1s to 60m is expected"),
    "bare media": ("media: {duration: 30}", 'media.duration: 30: did you mean "30s"?'),
    "bare long media": ("media: {duration: 5000}", 'media.duration: 5000: did you mean "5000ms"?'),
    "bare fraction": ("media: {duration: 1.5}", 'media.duration: 1.5: did you mean "1.5s"?'),
    "media too long": ("media: {duration: 90m}", "media.duration: 90m: 1s to 60m is expected"),
    "bare control": ("media: {control: 3}", 'media.control: 3: did you mean "3s"?'),
    "bare bitrate": ("media: {bitrate: 48000}", 'media.bitrate: 48000: did you mean "48000bit"?'),
    "bare memory": ("server: {memory: 64}", 'server.memory: 64: did you mean "64MB"?'),
    "bare nonsense": ("media: {duration: 0}", "media.duration: 0: a time is written as 40ms"),
    "clock time": ("media: {duration: 1:30}", 'did you mean "90s"?'),
    "bitrate": ("media: {bitrate: 1mbit}", "media.bitrate: 1mbit: 6kbit to 510kbit is expected"),
    "nobody hears": ("clients: {a: {role: publisher}}", "clients: nobody hears anybody"),
    "only oneself": ("clients: {a: {role: both}}", "clients: nobody hears anybody"),
    "client name": ("clients: {A: {role: both}}", "clients.A: 'A': lower case letters"),
    "client without role": ("clients: {a: {}}", "clients.a.role: is required"),
    "same copies": ("clients: {a-1: {role: both}, a: {role: both, count: 2}}", 'two clients would be called "a-1"'),
    "too many clients": ("clients: {a: {role: both, count: 50}, b: {role: both}}", "clients: 51 clients"),
    "too many links": ("clients: {a: {role: both, count: 13}}\nlinks: {a: {}}", "links: 13 impaired links"),
    "two links": ("clients: {a: {role: both, count: 2}}\nlinks: {a: {}, a-1: {}}", 'a second link for "a-1"'),
    "client queue": ("clients: {a: {role: both, queue: 15ms}, b: {role: both}}", "a.queue: 15ms: a multiple of 10ms"),
    "client sdk": ("clients: {a: {role: both, sdk: v1.2}, b: {role: both}}", "sdk: v1.2: a release such as 1.2.1"),
    "client ahead": ("clients: {a: {role: both, ahead: 1s}, b: {role: both}}", "a.ahead: 1000ms does not fit"),
    "change before the start": ("timeline: [{at: 0s, links: {publisher: {}}}]", "timeline.0.at: 0ms: times rise"),
    "change after the end": ("timeline: [{at: 30s, links: {publisher: {}}}]", "timeline.0.at: 30000ms"),
    "change of nothing": ("timeline: [{at: 1s, links: {}}]", "timeline.0.links: names no link"),
    "change of no link": ("timeline: [{at: 1s, links: {publisher: {}}}]", "publisher: has no link to change; add"),
    "change of no direction": (
        "links: {publisher: {}}\ntimeline: [{at: 1s, links: {publisher: {}}}]",
        "timeline.0.links.publisher: changes nothing; say what changes, or write null to end all of it",
    ),
    "change of no field": (
        UP % "loss: 5%" + "\n" + STEP % "",
        "timeline.0.links.publisher.up: changes nothing; say what changes, or write null to end all of it",
    ),
    "change into a contradiction": (
        UP % "rate: 1mbit, background: {rate: 1mbit}" + "\n" + STEP % "rate: null",
        "timeline.0.links.publisher.up.background: competes with nothing",
    ),
    "too many changes": (
        "links: {publisher: {}}\ntimeline:" + "".join(
            f"\n - {{at: {at}ms, links: {{publisher: {{up: null}}}}}}" for at in range(1, 402)
        ),
        "timeline: changes 401 directions",
    ),
    "server keys": ("server: {config: {keys: {a: b}}}", "server.config.keys: the lab makes keys"),
    "server version": ("server: {version: latest}", "server.version: latest: a release such as v1.13.5"),
    "server memory": ("server: {after_join: {memory: 1MB}}", "server.after_join.memory: 1MB: 6MB to 1000GB"),
    "server cpus": ("server: {cpus: 0}", "server.cpus: 0: must be greater than or equal to 0.01"),
    "cpus as text": ("server: {cpus: .inf}", "server.cpus: a number is expected, not .inf"),
    "no fault": ("inject: [{}]", "inject.0: exactly one of stall, skip"),
    "two faults": (
        "inject: [{stall: {client: publisher, length: 1s}, skip: {client: publisher, every: 2}}]",
        "inject.0: exactly one of stall, skip",
    ),
    "fault of nobody": ("inject: [{skip: {client: bob, every: 2}}]", 'inject.0.skip.client: no client is called "bob"'),
    "fault of a listener": ("inject: [{skip: {client: subscriber, every: 2}}]", '"subscriber" publishes nothing'),
    "stall too long": ("inject: [{stall: {client: publisher, length: 3s, times: 10}}]", "10 times 3000ms does not"),
    "no expectation": ("expect: {}", "expect: is empty"),
    "no condition": ("expect: {audio_loss: []}", "expect.audio_loss: a condition is expected"),
    "unknown metric": ("expect: {audio_los: '<= 5%'}", 'unknown metric (did you mean "audio_loss"?)'),
    "no comparison": ("expect: {audio_loss: '5%'}", 'did you mean "<= 5%"?'),
    "as a table prints it": ("expect: {lost_frames: '= 0'}", 'did you mean "== 0"?'),
    "a rate as a table prints it": ("expect: {audio_loss: '= 5%'}", 'did you mean "<= 5%"?'),
    "most, as a table prints it": ("expect: {audio_loss: '≤ network'}", 'did you mean "<= network"?'),
    "least, the other way round": ("expect: {audio_loss: '=> 5%'}", 'did you mean ">= 5%"?'),
    "number as condition": ("expect: {lost_frames: 0}", "expect.lost_frames.0: text is expected"),
    "exact rate": ("expect: {audio_loss: '== 5%'}", "a rate is estimated and never exact"),
    "more than all of it": (
        "expect: {uplink_loss: '> 100%'}",
        "expect.uplink_loss: > 100%: nothing meets that; uplink_loss is a part, 0% to 100%",
    ),
    "less than nothing": ("expect: {lost_frames: '< 0'}", "< 0: nothing meets that; lost_frames is never below 0"),
    "less than no share": ("expect: {audio_loss: '< 0%'}", "< 0%: nothing meets that; audio_loss is never below 0"),
    "less than no time": ("expect: {longest_gap: '< 0ms'}", "< 0ms: nothing meets that; longest_gap is never below 0"),
    "apart": (
        "expect: {audio_loss: ['<= 1%', '<= network', '>= 5%']}",
        "expect.audio_loss: >= 5%: nothing meets that and <= 1%; leave one out",
    ),
    "side by side": ("expect: {audio_loss: ['< 1%', '>= 1%']}", ">= 1%: nothing meets that and < 1%; leave one out"),
    "no whole number between": ("expect: {gaps: ['> 3', '< 4']}", "< 4: nothing meets that and > 3; leave one out"),
    "two numbers": ("expect: {gaps: ['== 3', '== 4']}", "== 4: nothing meets that and == 3; leave one out"),
    "apart beside the network": (
        "expect: {audio_loss: ['<= network', '>= network + 5%']}",
        ">= network + 5%: nothing meets that and <= network; leave one out",
    ),
    "unpredicted": ("expect: {code_loss: '<= network'}", "`network` is predicted only for"),
    "share of frames": ("expect: {lost_frames: '<= 5%'}", "5%: a whole number of frames is expected"),
    "bare share": ("expect: {audio_loss: '<= 0.05'}", 'did you mean "5%"?'),
    "unknown owner": ("expect: {verdict: code/client}", 'unknown owner code/client (did you mean "CODE/client"?)'),
    "odd owner": ("expect: {verdict: CODE/cleint}", 'did you mean "CODE/client"?'),
    "owner twice": ("expect: {verdict: [CODE/sdk, CODE/sdk]}", "a list of different ones"),
    "unknown reason": ("expect: {reason: loop-blokked}", 'unknown reason (did you mean "loop-blocked"?)'),
    "reason twice": ("expect: {reason: [jitter, jitter]}", "one reason, or a list of different ones"),
    "no reason": ("expect: {reason: []}", "one reason, or a list of different ones"),
    "foreign reason": ("expect: {reason: jitter, verdict: CODE/sdk}",
                       "jitter is a reason of NETWORK/uplink, NETWORK/downlink, not of CODE/sdk"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_contradictions_and_nonsense_are_refused(case):
    """Rows 37 to 39 of the fault matrix and every rule of the reference: exit 2, the field named, the fix said."""
    text, message = REFUSED[case]
    full = text if text.startswith("version") or case in ("no version", "no mapping") else f"version: 1\n{text}"
    with pytest.raises(ScenarioError) as caught:
        loads(full, source="x")
    assert message in str(caught.value)
    assert str(caught.value).startswith("x:")


@pytest.mark.parametrize(
    "expected",
    [
        "delay_drift: '< 0ms'",
        "audio_loss: '> 100%'",
        "uplink_loss: ['>= 100%', '<= 100%']",
        "audio_loss: ['>= 1%', '<= 1%']",
        "audio_loss: ['>= 5%', '<= network + 1%']",
        "gaps: ['> 3', '< 5', '== 4']",
        "longest_gap: ['> 3ms', '< 4ms']",
        "lost_frames: '<= 0'",
    ],
)
def test_what_some_run_could_meet_is_taken(expected):
    """A sender that is slower than real time puts in more silence than it had to say; a drift has two directions."""
    assert loads(f"version: 1\nexpect: {{{expected}}}").expect


@pytest.mark.parametrize(
    ("text", "queue"),
    [("rate: 400kbit", 10_000), ("rate: 40kbit", 3028), ("rate: 1mbit, queue: 100ms", 12_500), (MOST, 2**32 - 1)],
)
def test_queue_has_a_documented_default(text, queue):
    """200 ms of the rate, at least two full packets, so that signalling survives slow links."""
    assert loads("version: 1\n" + UP % text, source="x").links[0].up.queue_bytes == queue


def test_a_late_change_of_something_else_keeps_a_long_delay():
    """What is not written anew was there before: the 5 s of a link may be longer than what is left of the media."""
    late = "timeline: [{at: 28s, links: {publisher: {up: {loss: 5%}}}}]"
    scenario = loads("version: 1\n" + UP % "delay: 5s" + "\n" + late, source="x")
    assert scenario.timeline[0].impairment.delay_ms == 5000


@pytest.mark.parametrize("sooner", ["delay: 4500ms", "jitter: null", "delay: null, jitter: null"])
def test_what_arrives_sooner_than_before_is_no_late_change(sooner):
    """However little of the media is left."""
    late = (
        "links: {publisher: {up: {delay: 5s, jitter: 20ms}}}\ntimeline: [{at: 29900ms, links: {publisher: {up: {%s}}}}]"
    )
    assert loads("version: 1\n" + late % sooner).timeline


def test_nothing_lost_is_no_loss():
    """`loss: 0%` ends a loss in a timeline; it resolves to none."""
    assert loads("version: 1\n" + UP % "loss: 0%", source="x").links[0].up.loss is None


def test_a_queue_in_time_follows_its_rate():
    """A change of the rate keeps the queue's 200 ms, because a change merges what was written."""
    scenario = loads(
        "version: 1\n" + UP % "rate: 1mbit" + "\n" + STEP % "rate: 400kbit",
        source="x",
    )
    assert scenario.links[0].up.queue_bytes == 25_000
    assert scenario.timeline[0].impairment.queue_bytes == 10_000


@pytest.mark.parametrize(("step", "ended"), [("{up: null}", 1), ("null", 2), ("{up: null, down: null}", 2)])
def test_null_ends_all_that_a_direction_or_a_link_does(step, ended):
    """Whatever a profile or fields of the link made of it; a direction that is not named goes on."""
    links = "links: {publisher: {profile: wifi-walls, up: {loss: 5%, order: free, outage: true}, down: {loss: 1%}}}"
    scenario = loads(f"version: 1\n{links}\ntimeline: [{{at: 1s, links: {{publisher: {step}}}}}]")
    assert [each.impairment for each in scenario.timeline] == [Impairment()] * ended


def test_null_ends_what_a_profile_does_in_one_direction():
    """In `links:` as in a change, so that `--set links.publisher.up=null` takes the uplink's impairment away."""
    (link,) = loads("version: 1\nlinks: {publisher: {profile: wifi-walls, up: null}}").links
    assert link.up == Impairment()
    assert link.down.delay_ms == 15
