"""The guard refuses what is dangerous or ambiguous, by line, and builds plain data from the rest."""

from __future__ import annotations

import tracemalloc

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lab.errors import ScenarioError
from lab.scenario import guard
from lab.share import share

BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (98 + i, 98 + i, b",".join([b"*%c" % (97 + i)] * 9)) for i in range(8)
)
CORPUS = {
    "empty": (b"", "x.yaml:1: is empty"),
    "only a comment": (b"# nothing\n", "x.yaml:1: is empty"),
    "null": (b"~", "x.yaml:1: is empty"),
    "not closed": (b"a: [1,\n", "x.yaml:2: not valid YAML"),
    "tab": (b"a:\n\tb: 1\n", "x.yaml:2: not valid YAML"),
    "binary": (b"a: \x00\x01\n", "x.yaml:1: has a control character"),
    "binary on a later line": (b"a: 1\nb: \x07\n", "x.yaml:2: has a control character"),
    "latin-1": (b"a: 1\nb: \xff\n", "x.yaml:2: is not UTF-8"),
    "byte order mark": (b"\xef\xbb\xbfa: 1\n", "x.yaml:1: starts with a byte order mark"),
    "UTF-16": ("a: 1\n".encode("utf-16"), "x.yaml:1: starts with a byte order mark"),
    "python tag": (b"a: !!python/object/apply:os.system [id]\n", "x.yaml:1: tags"),
    "standard tag": (b"a: !!int 3\n", "x.yaml:1: tags"),
    "lone tag": (b"a: ! b\n", "x.yaml:1: tags"),
    "anchor": (b"a: &x 1\n", "x.yaml:1: anchors and aliases"),
    "alias": (b"a: 1\nb: *a\n", "x.yaml:2: anchors and aliases"),
    "bomb": (BOMB, "x.yaml:1: anchors and aliases"),
    "merge key": (b"a:\n  <<: {b: 1}\n", "x.yaml:2: merge keys"),
    "key twice": (b"a: 1\nb: 2\na: 3\n", 'x.yaml:3: "a" is given twice'),
    "list as key": (b"[1]: 2\n", "x.yaml:1: a key must be text"),
    "no key": (b"? \n: 2\n", "x.yaml:1: a key must be text"),
    "two documents": (b"a: 1\n---\nb: 2\n", "x.yaml:2: a second document"),
    "half a character": (b'a: "\\ud800"\n', "x.yaml:1: half a character"),
    "half a character as key": (b'"\\ud800": 1\n', "x.yaml:1: half a character"),
    "deep": (b"[" * 200_000, "x.yaml:1: more than 32 levels deep"),
    "deep mappings": (b"".join(b" " * i + b"a:\n" for i in range(40)), "more than 32 levels deep"),
    "wide": (b"[" + b"1," * 100_000 + b"]", "x.yaml:1: more than 20000 values"),
    "huge": (b"a: " + b"x" * 300_000, "at most 262144 are read"),
}


@pytest.mark.parametrize("case", CORPUS)
def test_hostile_and_malformed_files_are_refused_by_line(case):
    """Rows 35 and 36 of the fault matrix: exit 2 and `file:line: what to do`."""
    content, message = CORPUS[case]
    with pytest.raises(ScenarioError) as caught:
        guard.parse(content, "x.yaml")
    assert message in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_bomb_costs_no_memory():
    """Row 36: nothing is built from a text that is refused (promised: below 100 MB)."""
    tracemalloc.start()
    try:
        for content in (CORPUS["deep"][0], BOMB):
            with pytest.raises(ScenarioError):
                guard.parse(content, "x.yaml")
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1:30", "1:30"),
        ("010", "010"),
        ("yes", "yes"),
        ("off", "off"),
        ("1e-3", "1e-3"),
        (".nan", ".nan"),
        ("-.inf", "-.inf"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("2026-11-22", "2026-11-22"),
        ("9" * 5000, "9" * 5000),
        ("'5'", "5"),
        ("-5", -5),
        ("0.02", 0.02),
        ("true", True),
        ("~", None),
        ("", None),
    ],
)
def test_plain_scalars_mean_what_json_means(text, value):
    """YAML 1.1 would read `1:30` as 90, `010` as 8 and `yes` as true; here they stay the text that was written."""
    data = guard.parse(f"a: {text}\n".encode(), "x").data
    assert data == {"a": value}
    assert type(data["a"]) is type(value)


def test_every_node_knows_its_line():
    """Keys, values and list items are found by their path; an unknown path is where its nearest parent is."""
    tree = guard.parse(b"a:\n  - 1\n  - b: 2\n    c:\n      3\n", "x.yaml")
    assert tree.origin(("a", 0)) == "x.yaml:2"
    assert tree.origin(("a", 1, "c")) == "x.yaml:4"
    assert tree.origin(("a", 1, "c", "new")) == "x.yaml:4"
    assert tree.origin(()) == "x.yaml:1"


@given(
    st.one_of(st.binary(max_size=200), st.text(alphabet="ab:-[]{}&*!|>'\"#%@`?,\n \t\\0", max_size=60).map(str.encode))
)
def test_any_bytes_are_data_or_a_scenario_error(content):
    """No input makes the guard fail with anything but a located ScenarioError."""
    try:
        data, message = guard.parse(content, "x").data, ""
    except ScenarioError as error:
        data, message = None, str(error)
    assert (data is None) == message.startswith("x:")


@pytest.mark.parametrize("name", ["firewall-all", "nat-timeout", "server-crowded"])
def test_both_parsers_read_the_same(name, monkeypatch):
    """Where PyYAML has no quick one, values and lines are what they are elsewhere."""
    content = (share("scenarios") / "causes" / f"{name}.yaml").read_bytes()
    quick = guard.parse(content, "x.yaml")
    monkeypatch.setattr(guard, "_QUICK", yaml.SafeLoader)
    assert guard.parse(content, "x.yaml") == quick
    assert quick.origins[("version",)] == f"x.yaml:{content.splitlines().index(b'version: 1') + 1}"
