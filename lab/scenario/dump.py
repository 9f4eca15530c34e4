"""A resolved scenario back to YAML: every default written out, so that it reads back to the equal scenario."""

from __future__ import annotations

import json
from dataclasses import asdict
from decimal import Decimal
from itertools import groupby
from typing import Any

import yaml

from lab.faults import Fault, kind
from lab.scenario.expectations import spelled
from lab.scenario.model import Change, Client, Expectation, Impairment, Limits, Scenario
from lab.scenario.units import format_duration, format_frequency, format_rate, format_share, format_size


def dump(scenario: Scenario) -> str:
    """Return the YAML text that `loads` reads back to the same scenario."""
    return yaml.dump(plain(scenario), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)


_Emitter: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
"""The fast one where PyYAML has it: a sweep writes thousands of scenarios."""


class _Dumper(_Emitter):  # type: ignore[misc]
    """Writes numbers without an exponent, because `guard` reads `1.0e-05` as text."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(
    float, lambda dumper, value: dumper.represent_scalar("tag:yaml.org,2002:float", f"{Decimal(repr(value)):f}")
)


def plain(scenario: Scenario) -> dict[str, Any]:
    """Return what `dump` writes, as plain data."""
    media, server = scenario.media, scenario.server
    return {
        "version": scenario.version,
        "name": scenario.name,
        "description": scenario.description,
        "seed": scenario.seed,
        "media": {
            "duration": format_duration(media.duration_ms),
            "audio": {"file": media.audio.file, "sha256": media.audio.sha256} if media.audio else "marks",
            "frame": format_duration(media.frame_ms),
            "sample_rate": format_frequency(media.sample_rate),
            "bitrate": format_rate(media.bitrate_bps),
            "red": media.red,
            "dtx": media.dtx,
            "settle": format_duration(media.settle_ms),
            "control": format_duration(media.control_ms),
        },
        "clients": {client.name: _client(client) for client in scenario.clients},
        "links": {link.client: {"up": _impairment(link.up), "down": _impairment(link.down)} for link in scenario.links},
        "impair_only": scenario.impair_only,
        "impair": scenario.impair,
        "timeline": [_step(at_ms, list(step)) for at_ms, step in groupby(scenario.timeline, lambda each: each.at_ms)],
        "server": {
            "version": server.version,
            "config": json.loads(server.config_json),
            **_limits(server.limits),
            "after_join": _limits(server.after_join),
            "crowd": asdict(server.crowd),
        },
        "inject": [_fault(fault) for fault in scenario.inject],
        "expect": _expect(scenario.expect),
    }


def _client(client: Client) -> dict[str, Any]:
    return {
        "role": client.role,
        "sdk": client.sdk,
        "queue": format_duration(client.queue_ms),
        "ahead": format_duration(client.ahead_ms),
        **_limits(client.limits),
        "after_join": _limits(client.after_join),
    }


def _impairment(state: Impairment) -> dict[str, Any]:
    loss, background = state.loss, state.background
    return {
        "delay": format_duration(state.delay_ms),
        "jitter": format_duration(state.jitter_ms),
        "distribution": state.distribution,
        "order": state.order,
        "loss": loss and {"share": format_share(loss.share), "burst": loss.burst},
        "rate": state.rate_bps and format_rate(state.rate_bps),
        "queue": state.queue_bytes and format_size(state.queue_bytes),
        "duplicate": format_share(state.duplicate),
        "corrupt": format_share(state.corrupt),
        "outage": state.outage,
        "block": list(state.block),
        "background": background and {"rate": format_rate(background.rate_bps), "pattern": background.pattern},
    }


def _step(at_ms: int, changes: list[Change]) -> dict[str, Any]:
    links: dict[str, dict[str, Any]] = {}
    for change in changes:
        links.setdefault(change.client, {})[change.direction] = _impairment(change.impairment)
    return {"at": format_duration(at_ms), "links": links}


def _limits(limits: Limits) -> dict[str, Any]:
    return {"cpus": limits.cpus, "memory": limits.memory_bytes and format_size(limits.memory_bytes)}


def _fault(fault: Fault) -> dict[str, Any]:
    """Return the entry of `inject:`: the fields of the value, those with a unit spelled with it."""
    return {kind(fault): dict(_spelled(name, value) for name, value in asdict(fault).items())}


def _spelled(name: str, value: Any) -> tuple[str, Any]:
    if name.endswith("_ms"):
        return name.removesuffix("_ms"), format_duration(value)
    if name.endswith("_bytes"):
        return name.removesuffix("_bytes"), format_size(value)
    return name, value


def _expect(expected: tuple[Expectation, ...]) -> dict[str, list[str]]:
    written: dict[str, list[str]] = {}
    for each in expected:
        answers = {"verdict": each.owners, "reason": each.reasons}
        written.setdefault(each.metric, []).extend(answers.get(each.metric) or [spelled(each)])
    return written
