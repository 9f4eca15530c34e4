"""From file to scenario: errors with file and line, `--set`, seeds, short forms, and the way back."""

from __future__ import annotations

import pytest

from lab.errors import ScenarioError, UsageError
from lab.scenario.dump import dump
from lab.scenario.load import draft, every, find, load, loads

LOSSY = """\
version: 1
links:
  publisher:
    up: {loss: 20%}
"""
EVERYTHING = """\
version: 1
name: everything
description: "quotes ' \\" : # and ünïcode\\nin two lines"
seed: 4294967295
media: {duration: 10s, bitrate: 24kbit, red: false, dtx: true, settle: 0s, control: 20ms}
clients:
  pub: {role: publisher, queue: 100ms, ahead: 40ms}
  listener: {role: both, count: 2}
links:
  pub:
    profile: wifi-walls
    up:
      {loss: {share: 5%, burst: 3}, rate: 400kbit, queue: 20kB, duplicate: 0.1%, corrupt: 0.01%, order: free,
       distribution: uniform, background: {rate: 300kbit, pattern: bursts}}
    down: {rate: null, loss: null}
  listener: {down: {delay: 1.5ms}}
impair_only: rtp
timeline:
  - {at: 1s, links: {pub: {up: {outage: true}}}}
  - at: 2500ms
    links:
      pub: {profile: pristine, up: {outage: false, queue: null, background: null}}
      listener: {down: {loss: 3%}}
server:
  {version: v1.13.6, config: {rtc: {a: 0.00001, on: [true, null, "no", "1"]}}, cpus: 0.5, memory: 64MB,
   after_join: {cpus: 1}}
inject:
  - stall: {client: pub, length: 400ms, times: 3}
  - skip: {client: listener, every: 20}
expect: {audio_loss: ["<= 5%", "<= network + 0.5%", ">= network"], longest_gap: "< 1s", lost_frames: "<= 3"}
""".replace("  listener-2x: {}\n", "")


def write(folder, text, name="x.yaml"):
    """Write a scenario file and return its path."""
    file = folder / name
    file.write_text(text)
    return file


def refusal(text, **options):
    """Return the message with which a text is refused."""
    with pytest.raises(ScenarioError) as caught:
        loads(text, **options)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_short_form_is_one_publisher_and_one_subscriber(tmp_path):
    """Without `clients:` two people talk; the name is the file's, the default expectations are the design's."""
    scenario = load(write(tmp_path, LOSSY, "twenty.yaml"))
    assert [(client.name, client.role) for client in scenario.clients] == [
        ("publisher", "publisher"),
        ("subscriber", "subscriber"),
    ]
    assert scenario.name == "twenty"
    assert scenario.link_of("publisher").up.loss.share == 0.2
    assert scenario.link_of("subscriber") is None
    assert [(each.metric, each.op, each.limit, each.relative) for each in scenario.expect] == [
        ("unexplained_frames", "==", 0, False),
        ("audio_loss", "<=", 0.005, True),
    ]


def test_everything_reads_back_from_its_resolved_form():
    """`dump` writes each default out, and `loads` reads the equal scenario from it."""
    scenario = loads(EVERYTHING)
    assert loads(dump(scenario)) == scenario
    assert dump(loads(dump(scenario))) == dump(scenario)


def test_everything_means_what_it_says():
    """Spot checks of the long form: units, spreading, profiles with fields beside them, merged changes."""
    scenario = loads(EVERYTHING)
    assert [client.name for client in scenario.clients] == ["pub", "listener-1", "listener-2"]
    assert [link.client for link in scenario.links] == ["pub", "listener-1", "listener-2"]
    pub = scenario.link_of("pub")
    assert (pub.up.delay_ms, pub.up.jitter_ms, pub.up.rate_bps, pub.up.queue_bytes) == (15, 10, 400_000, 20_000)
    assert (pub.down.delay_ms, pub.down.rate_bps, pub.down.loss) == (15, None, None)
    first, *later = scenario.timeline
    assert (first.at_ms, first.client, first.direction) == (1000, "pub", "up")
    assert first.impairment.outage
    assert first.impairment.background == pub.up.background
    assert [(each.client, each.direction) for each in later] == [
        *(("pub", "up"), ("pub", "down"), ("listener-1", "down"), ("listener-2", "down"))
    ]
    assert later[0].impairment.distribution == "uniform"
    assert later[0].impairment.rate_bps is None
    assert later[2].impairment.delay_ms == 1.5
    assert later[2].impairment.loss.share == 0.03
    assert [type(fault).__name__ + fault.client for fault in scenario.inject] == [
        *("Stallpub", "Skiplistener-1", "Skiplistener-2")
    ]
    assert scenario.server.config_json == '{"rtc": {"a": 1e-05, "on": [true, null, "no", "1"]}}'


def test_seed_given_beats_written_beats_derived():
    """Without any seed the name makes one, the same each time and on each machine."""
    assert loads(LOSSY, source="a").seed == loads(LOSSY, source="a").seed == 3398926610
    assert loads(LOSSY, source="a").seed != loads(LOSSY, source="b").seed
    assert loads(LOSSY + "seed: 7\n", source="a").seed == 7


def test_seed_option_wins(tmp_path):
    """`--seed` counts before the file's; one that does not fit is refused."""
    file = write(tmp_path, LOSSY + "seed: 7\n")
    assert load(file, seed=0).seed == 0
    with pytest.raises(ScenarioError, match=r"^--seed: seed: 4294967296"):
        load(file, seed=2**32)


@pytest.mark.parametrize(
    ("each", "check"),
    [
        ("links.publisher.up.loss=5%", lambda s: s.link_of("publisher").up.loss.share == 0.05),
        ("links.publisher.up.loss={share: 5%, burst: 3}", lambda s: s.link_of("publisher").up.loss.burst == 3),
        ("links.subscriber.down.delay=40ms", lambda s: s.link_of("subscriber").down.delay_ms == 40),
        ("links.publisher.up.loss=null", lambda s: s.link_of("publisher").up.loss is None),
        ('description=""', lambda s: s.description == ""),
        ("media.red=false", lambda s: s.media.red is False),
        ("expect.audio_loss=<= 5%", lambda s: [(e.metric, e.limit) for e in s.expect] == [("audio_loss", 0.05)]),
        ("timeline=[{at: 1s, links: {publisher: {up: {loss: 1%}}}}]", lambda s: s.timeline[0].at_ms == 1000),
        ("description=a: b # c", lambda s: s.description == "a: b # c"),
        ('name="007"', lambda s: s.name == "007"),
    ],
)
def test_set_lays_a_value_over_the_file(tmp_path, each, check):
    """`--set KEY=VALUE` uses the file's names and spellings."""
    assert check(load(write(tmp_path, LOSSY), sets=[each]))


def test_set_reaches_into_lists(tmp_path):
    """List positions are numbers from 0."""
    file = write(tmp_path, LOSSY + "timeline: [{at: 1s, links: {publisher: {up: {loss: 1%}}}}]\n")
    assert load(file, sets=["timeline.0.at=3s"]).timeline[0].at_ms == 3000
    with pytest.raises(ScenarioError, match=r"--set timeline\.1\.at: timeline\.1: a position in a list of 1"):
        load(file, sets=["timeline.1.at=2s"])
    for position in ("\N{ARABIC-INDIC DIGIT ZERO}", "9" * 5000):
        with pytest.raises(ScenarioError, match=r": a position in a list of 1"):
            load(file, sets=[f"timeline.{position}.at=2s"])


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        (["media.red=true", "seed=1", "media.red=false"], "--set media.red is given twice (leave one out)"),
        (
            ["media.red=true", "media={red: false}"],
            "--set media replaces --set media.red before it (give it first)",
        ),
    ],
)
def test_a_set_that_takes_another_away_is_refused(tmp_path, sets, message):
    """Which of two counts was a matter of order; one that lies over a part of another before it is meant."""
    with pytest.raises(UsageError) as caught:
        load(write(tmp_path, LOSSY), sets=sets)
    assert str(caught.value) == message
    both = load(write(tmp_path, LOSSY), sets=["media={dtx: true, red: true}", "media.red=false"])
    assert (both.media.dtx, both.media.red) == (True, False)


@pytest.mark.parametrize(
    ("each", "message"),
    [
        ("links.publisher.up.los=5%", '--set KEY: links.publisher.up.los: unknown field (did you mean "loss"?)'),
        ("links.publisher.up.loss=0.05", '--set KEY: links.publisher.up.loss.share: 0.05: did you mean "5%"?'),
        ("links.nobody.up.loss=5%", "--set KEY: links.nobody: no client"),
        ("version.of=1", '--set KEY: KEY: "version" is 1, not a mapping with a field "of"'),
        ("media.duration", "--set media.duration: KEY=VALUE is expected"),
        ("links.publisher.up.loss=", "--set links.publisher.up.loss=: has an empty value (VALUE is expected, null for"),
        ("expect= ", "has an empty value"),
        ("media..duration=1s", "KEY=VALUE is expected"),
        ("=1s", "KEY=VALUE is expected"),
        ("a." * 40 + "a=1", "KEY=VALUE is expected"),
        ("name={", "--set name:1: not valid YAML"),
    ],
)
def test_wrong_set_is_named(tmp_path, each, message):
    """An axis that does not exist, or a value that cannot be meant, names the option and not the file."""
    with pytest.raises(UsageError) as caught:
        load(write(tmp_path, LOSSY), sets=[each])
    assert message.replace("KEY:", each.partition("=")[0] + ":") in str(caught.value)


def test_several_problems_are_told_at_once():
    """One line per problem, each with its own line number."""
    message = refusal(
        "version: 1\nlinks:\n  publisher:\n    up: {delay: 40}\n    down:\n      loss: 0.02\n", source="f.yaml"
    )
    assert [line.split(": ")[:2] for line in message.splitlines()] == [
        ["f.yaml:4", "links.publisher.up.delay"],
        ["f.yaml:6", "links.publisher.down.loss.share"],
    ]


def test_an_unknown_field_hides_nothing_else():
    """Neither in its own block nor in any other; a field that is only misspelt is not told to be missing as well."""
    message = refusal(
        "version: 1\nmedai: {}\nmedia: {duration: 30, bitrat: 24kbit}\nseed: x\n"
        "links: {publisher: {up: {los: 5%, loss: {shar: 5%, burst: 0}}, down: {background: {x: 1}}}}\n",
        source="f.yaml",
    )
    assert [line.split(" (")[0] for line in message.splitlines()] == [
        "f.yaml:2: medai: unknown field",
        "f.yaml:4: seed: a whole number is expected, not x",
        "f.yaml:3: media.bitrat: unknown field",
        'f.yaml:3: media.duration: 30: did you mean "30s"? A time is written with its unit',
        "f.yaml:5: links.publisher.up.los: unknown field",
        "f.yaml:5: links.publisher.up.loss.shar: unknown field",
        "f.yaml:5: links.publisher.up.loss.burst: 0: must be greater than or equal to 1; change it",
        "f.yaml:5: links.publisher.down.background.x: unknown field",
        "f.yaml:5: links.publisher.down.background.rate: is required; add it",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (r'version: "1\nx"', r"f.yaml:1: version: a whole number is expected, not 1\nx"),
        (r'{"li\nnks\0": {}, version: 1}', r'f.yaml:1: li\nnks\x00: unknown field (did you mean "links"?)'),
        (r'{"a\nb": 1, "a\nb": 2}', r'f.yaml:1: "a\nb" is given twice; remove one'),
        (
            r'{version: 1, links: {"pub\e[31m": {}}}',
            r'f.yaml:1: links.pub\x1b[31m: no client is called "pub\x1b[31m" (there are: publisher, subscriber)',
        ),
        (r'{version: 1, media: {audio: "ä\u2028.wav"}}', r"f.yaml:1: media.audio: ä\u2028.wav: this scenario is in no"),
        (r'{version: 1, expect: {"x\ty": "< 1"}}', r"f.yaml:1: expect.x\ty: unknown metric (known: absence,"),
    ],
)
def test_what_cannot_be_printed_is_spelled(text, message):
    """An error is one line, and no word of a file does anything to a terminal."""
    said = refusal(text, source="f.yaml")
    assert said.startswith(message)
    assert said.isprintable()


@pytest.mark.parametrize("each", ["version=1\n2", "ver\nsion=1", "links.publisher.u\np.loss=5%", "na\nme", "na\nme="])
def test_a_set_of_several_lines_is_told_in_one(tmp_path, each):
    """As what stands in the file."""
    with pytest.raises(UsageError) as caught:
        load(write(tmp_path, LOSSY), sets=[each])
    assert str(caught.value).isprintable()
    assert r"\n" in str(caught.value)


def test_of_contradictions_the_first_of_each_block_is_told():
    """Those of blocks that hang together only once, and none that goes away with another; the file's name last."""
    message = refusal(
        "version: 1\nname: A B\nclients: {a: {role: both}, b: {role: both, queue: 15ms}}\n"
        "links: {nobody: {up: {jitter: 5ms}}}\ntimeline: [{at: 99s, links: {a: {up: {loss: 5%}}}}]\n"
        "server: {config: {keys: {}}}\nexpect: {audio_los: '<= 5%', gaps: '< 0'}\n",
        source="My File",
    )
    assert [line.split(": ")[:2] for line in message.splitlines()] == [
        ["My File:2", "name"],
        ["My File:3", "clients.b.queue"],
        ["My File:6", "server.config.keys"],
        ["My File:7", "expect.audio_los"],
    ]
    links = refusal("version: 1\nlinks: {a: {}}\ninject: [{}]\nexpect: {gaps: '< 0'}\n", source="f.yaml")
    assert [line.split(": ")[1] for line in links.splitlines()] == ["links.a", "inject.0", "expect.gaps"]


def test_contradictions_are_told_of_what_can_be_read():
    """As `lab validate --help` and the README say: what is read as a whole must be readable first."""
    first = "media: {duration: 10s, bitrate: 1mbit}\nexpect: {}\n"
    assert refusal(f"version: 1\n{first}", source="f.yaml").startswith("f.yaml:2: media.bitrate")
    assert "\n" not in refusal(f"version: 1\n{first}", source="f.yaml")
    assert refusal(f"version: 1\n{first}seed: x\n", source="f.yaml").startswith("f.yaml:4: seed")


def test_unreadable_files_are_named(tmp_path):
    """A file that is not there or is a folder is an error of the scenario, with exit code 2."""
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(ScenarioError, match=r":1: cannot be read .*check the path"):
            load(path)


def test_a_file_name_that_is_no_name_asks_for_one(tmp_path):
    """The name makes a folder under results/, so that it is checked even when it comes from the file."""
    for file, name in (("My Case", "my-case"), ("my_call", "my-call"), ("_", "my-call"), ("É" * 80 + "x", "x")):
        path = write(tmp_path, LOSSY, f"{file}.yaml")
        with pytest.raises(ScenarioError) as caught:
            load(path)
        assert str(caught.value).startswith(f"{path}:1: the file's name, {file!r}, cannot serve as `name:` (lower case")
        assert str(caught.value).endswith(f"; add name: {name}")
        assert load(path, sets=[f"name={name}"]).name == name
    with pytest.raises(ScenarioError, match=r"expect: is empty"):
        load(path, sets=["expect={}"])


def test_what_a_run_says_of_itself_can_be_run_again(tmp_path):
    """A cell's own scenario, although a step of its timeline sets what is so already: an axis may have that value."""
    file = write(tmp_path, LOSSY + "timeline: [{at: 1s, links: {publisher: {up: {loss: 0%}}}}]\n")
    still = draft(file).scenario([("links.publisher.up.loss", "0%")])
    assert loads(dump(still)) == still
    assert load(write(tmp_path, dump(still), "again.yaml")) == still


def test_find_lists_files_and_folders(tmp_path):
    """Files as given, of folders every *.yaml below, sorted; what is not there is an error."""
    (tmp_path / "code").mkdir()
    files = [write(tmp_path, LOSSY, name) for name in ("b.yaml", "a.yaml", "code/c.yaml", "notes.txt")]
    assert find([files[3], tmp_path]) == (files[3], files[1], files[0], files[2])
    with pytest.raises(UsageError, match=r"no such file or folder"):
        find([tmp_path / "none"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"has no scenarios"):
        find([tmp_path / "empty"])


def test_a_link_that_leads_nowhere_is_an_error_of_its_folder(tmp_path):
    """It may have been the scenario that mattered: named beside other bad files; a link to a file is that file."""
    good = write(tmp_path, LOSSY, "good.yaml")
    (tmp_path / "link.yaml").symlink_to(good)
    (tmp_path / "bad.yaml").write_text("version: 2\n")
    gone, loop = tmp_path / "gone.yaml", tmp_path / "loop.yaml"
    gone.symlink_to(tmp_path / "nothing")
    loop.symlink_to(loop)
    (tmp_path / "folder.yaml").mkdir()
    files = find([tmp_path])
    assert files == (tmp_path / "bad.yaml", gone, good, tmp_path / "link.yaml", loop)
    read = []
    with pytest.raises(ScenarioError) as caught:
        read += (path for path, _ in every(files, load))
    lines = str(caught.value).splitlines()
    assert lines[0].startswith(f"{tmp_path}/bad.yaml:1: version")
    assert lines[1] == f"{gone}:1: cannot be read (No such file or directory); check the path"
    assert lines[2].startswith(f"{loop}:1: cannot be read (")


def test_one_client_of_the_short_form_can_be_changed(tmp_path):
    """Where a file names no clients, there are two to change; a file that names its own has those."""
    short = load(write(tmp_path, LOSSY), sets=["clients.publisher.sdk=1.1.2"])
    assert [(client.name, client.role, client.sdk) for client in short.clients] == [
        ("publisher", "publisher", "1.1.2"),
        ("subscriber", "subscriber", "1.2.1"),
    ]
    more = load(write(tmp_path, LOSSY), sets=["clients.listener.role=subscriber"])
    assert [client.name for client in more.clients] == ["publisher", "subscriber", "listener"]
    own = "version: 1\nclients: {a: {role: both}, b: {role: both}}\n"
    assert [c.name for c in load(write(tmp_path, own), sets=["clients.a.sdk=1.1.2"]).clients] == ["a", "b"]
    whole = load(write(tmp_path, "version: 1\n"), sets=["clients={a: {role: both}, b: {role: both}}"])
    assert [client.name for client in whole.clients] == ["a", "b"]
