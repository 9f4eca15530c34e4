"""A participant's orders: complete and known, or refused; the start signal."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from lab.clients.config import Config, load
from lab.clients.go import start_ns, wait_start_ns
from lab.faults import Skip, Stall
from lab.rig.programs.clients import client_config
from lab.scenario.model import Client
from tests.unit.clients.test_schedule import CONFIG
from tests.unit.evidence.test_store import SCENARIO

RAW: dict[str, Any] = {**asdict(CONFIG), "format": 1, "inject": []}


def written(folder: Path, raw: object) -> Path:
    """Write config.json."""
    path = folder / "config.json"
    path.write_text(json.dumps(raw))
    return path


def test_reads_every_key(tmp_path: Path) -> None:
    """Lists become tuples, faults their own types."""
    inject = [
        {"kind": "stall", "client": "a", "length_ms": 400, "times": 10},
        {"kind": "skip", "client": "a", "every": 20},
    ]
    found = load(written(tmp_path, {**RAW, "inject": inject, "peers": ["a"]}))
    assert found.inject == (Stall(client="a", length_ms=400, times=10), Skip(client="a", every=20))
    assert found.peers == ("a",)
    assert found.publishes


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 2}, "format is not 1"),
        ({"loud": True}, r"missing \[\], unknown \['loud'\]"),
        ({"inject": [{"kind": "explode"}]}, "no fault that"),
        ({"inject": [{"kind": "skip"}]}, "no fault that"),
        (
            {"inject": [{"kind": "pause", "container": "a", "length_ms": 1, "times": 1}]},
            "no fault that",
        ),
    ],
)
def test_refuses_what_it_does_not_know(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    """An order that is not understood is not half obeyed."""
    with pytest.raises(ValueError, match=words):
        load(written(tmp_path, {**RAW, **change}))


def test_refuses_what_is_missing(tmp_path: Path) -> None:
    """Nothing has a default."""
    with pytest.raises(ValueError, match=r"missing \['queue_ms'\]"):
        load(written(tmp_path, {key: RAW[key] for key in RAW if key != "queue_ms"}))


def test_the_rig_writes_what_the_client_reads(tmp_path: Path) -> None:
    """Both ends of config.json, faults with their client's name included, agree."""
    faults = (Stall(client="a", length_ms=400, times=10), Skip(client="a", every=20))
    scenario = SCENARIO.__class__(**{**_fields(SCENARIO), "inject": faults})
    found = load(written(tmp_path, client_config(scenario, Client(name="a", role="publisher"))))
    assert isinstance(found, Config)
    assert found.inject == faults
    assert (found.queue_ms, found.ahead_ms, found.media_frame) == (200, 60, 250)


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


def test_the_start_signal(tmp_path: Path) -> None:
    """No file, no signal; then the moment that is in it."""
    assert start_ns(tmp_path) is None
    (tmp_path / "go").write_text('{"start_monotonic_ns": 12}')
    assert start_ns(tmp_path) == 12
    assert asyncio.run(wait_start_ns(tmp_path)) == 12
