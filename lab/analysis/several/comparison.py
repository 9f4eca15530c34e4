"""Two sides, pair by pair: which verdicts changed, and by how much every metric differs.

Law: a pair is the same setting and repetition on both sides. Verdicts come first, because they are proven run by run.
Every difference that chance is known of counts in one family, corrected together (Holm), however many sides there are;
what is not worse or better beyond 5 % is called not significant, and what nothing can tell is not called anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from lab.analysis.several.compared import Change, Compared, Finding, Pair, Place, Run, Scope
from lab.analysis.several.pooling import ALPHA, averaged, difference, holm, pooled
from lab.analysis.values import Measured, Outcome
from lab.scenario.metrics import unit
from lab.scenario.sweeping import Dice, Setting, spelled

_CONTROLS: tuple[Scope, Setting] = (Scope.CONTROLS, ())


def changes(pairs: Iterable[Pair]) -> tuple[Change, ...]:
    """Return every changed verdict, those for the worse first; whom a pass names is a note and no verdict."""
    found = [change for pair in pairs if (change := _change(pair))]
    return tuple(sorted(found, key=lambda change: list(Finding).index(change.finding)))


def rows(pairs: Sequence[Pair], metrics: Sequence[str]) -> tuple[Compared, ...]:
    """Return every metric over all settings, per setting, and over the clean controls; nothing is corrected yet."""
    plain = [pair for pair in pairs if not pair.place.control]
    settings = list(dict.fromkeys(pair.place.setting for pair in plain))
    found = _rows(Scope.ALL, (), plain, metrics) if len(settings) > 1 else []
    for setting in settings:
        found += _rows(Scope.SETTING, setting, [pair for pair in plain if pair.place.setting == setting], metrics)
    return (*found, *_rows(Scope.CONTROLS, (), [pair for pair in pairs if pair.place.control], metrics))


def corrected(families: Sequence[Sequence[Compared]]) -> list[tuple[Compared, ...]]:
    """Return `families` with every finding: all rows of all of them are one family."""
    chances = iter(holm([row.difference.p for rows in families for row in rows]))
    return [tuple(_found(row, next(chances)) for row in rows) for rows in families]


def regressions(pairs: Sequence[Pair], rows: Iterable[Compared]) -> tuple[str, ...]:
    """Return what is worse on the second side, in words: settings that fail more often, metrics that are worse."""
    words = [_failing(alike) for alike in _by_setting(pairs)]
    worse: dict[str, list[str]] = {}
    for row in rows:
        if row.finding == Finding.WORSE:
            worse.setdefault(_where(row.scope, row.setting, row.flow), []).append(row.metric)
    return (*filter(None, words), *(f"{', '.join(metrics)}{where}" for where, metrics in worse.items()))


def undecided(pairs: Sequence[Pair], rows: Iterable[Compared]) -> tuple[str, ...]:
    """Return, in words, what nobody can tell any more: of which settings the verdict, and which metrics.

    Fewer runs pass on the second side, without more that fail; fewer know a metric, without its being worse.
    """
    lost: dict[str, list[str]] = {}
    for row in rows:
        if row.scope != Scope.ALL and (words := _less_known(row)):
            lost.setdefault(words + _where(row.scope, row.setting, row.flow), []).append(row.metric)
    verdicts = filter(None, map(_undecided, _by_setting(pairs)))
    return (*verdicts, *(f"{', '.join(metrics)} known {words}" for words, metrics in lost.items()))


def uncounted(first: Collection[Place], lost: Iterable[Place]) -> tuple[str, ...]:
    """Return, in words, of which settings some runs of the `first` side have none that counts in their place.

    `lost` are the places of the second side without one: a build may have failed of what it was to be compared in.
    """
    gone, known = Counter(_group(place) for place in lost if place in first), Counter(map(_group, first))
    return tuple(
        f"{number} of {known[group]} runs do not count any more{_where(*group, '')}"
        for group, number in gone.items()
        if number < known[group] or group == _CONTROLS  # else nothing is known of the setting, which is said already
    )


def unheard(pairs: Sequence[Pair]) -> tuple[str, ...]:
    """Return the flows that nothing is known of, setting by setting and in words: those that only the first side has.

    Where it has none, nothing can be said of those of the second side either.
    """
    return tuple(words for alike in _by_setting(pairs) for words in _unheard(alike))


def flows(runs: Iterable[Run]) -> tuple[tuple[str, str], ...]:
    """Return the flows of `runs`, publisher and subscriber of each."""
    return tuple(dict.fromkeys((flow.publisher, flow.subscriber) for run in runs for flow in run.flows))


def _change(pair: Pair) -> Change | None:
    before, after = pair.first.outcome, pair.second.outcome
    blamed = before == after == Outcome.FAIL and pair.first.owner != pair.second.owner
    if before == after and not blamed:
        return None
    sure = {before, after} == {Outcome.PASS, Outcome.FAIL}
    return Change(
        place=pair.place,
        first=(before, pair.first.owner),
        second=(after, pair.second.owner),
        finding=Finding.CHANGED if not sure else Finding.WORSE if after == Outcome.FAIL else Finding.BETTER,
    )


def _rows(scope: Scope, setting: Setting, pairs: Sequence[Pair], metrics: Sequence[str]) -> list[Compared]:
    first, second = flows(pair.first for pair in pairs), flows(pair.second for pair in pairs)
    both = [flow for flow in first if flow in second]
    return [
        replace(_row(pairs, flow, metric), scope=scope, setting=setting, flow=name)
        for flow in both
        for name in ["" if len(both) == 1 else " → ".join(flow)]
        for metric in metrics
    ]


def _row(pairs: Sequence[Pair], flow: tuple[str, str], metric: str) -> Compared:
    figures = _by_dice(pairs, flow, metric)
    first, second = [pair[0] for pair in figures], [pair[1] for pair in figures]
    before, after = (sum(_figure(run, flow, metric).value is not None for run in side) for side in _sides(pairs))
    return Compared(
        scope=Scope.ALL,
        setting=(),
        flow="",
        metric=metric,
        unit=unit(metric),
        first=pooled(first or _alone(pairs, flow, metric, 0)),
        second=pooled(second or _alone(pairs, flow, metric, 1)),
        difference=difference(first, second),
        known=(before, after),
    )


def _by_dice(pairs: Sequence[Pair], flow: tuple[str, str], metric: str) -> list[tuple[Measured, Measured]]:
    """Return both sides of all pairs with the same dice as one, where both are known: what is shown is what differs."""
    found: dict[Dice, list[tuple[Measured, Measured]]] = {}
    for pair in pairs:
        first, second = _figure(pair.first, flow, metric), _figure(pair.second, flow, metric)
        if None not in (first.value, second.value):
            found.setdefault(pair.place.dice, []).append((first, second))
    return [(averaged([one for one, _ in known]), averaged([two for _, two in known])) for known in found.values()]


def _alone(pairs: Sequence[Pair], flow: tuple[str, str], metric: str, side: int) -> list[Measured]:
    """Return what one side measured, where no pair knows both: nothing differs then, and what is known is shown."""
    runs = _sides(pairs)[side]
    twice = [replace(pair, first=run, second=run) for pair, run in zip(pairs, runs, strict=True)]
    return [figure for figure, _ in _by_dice(twice, flow, metric)]


def _figure(run: Run, flow: tuple[str, str], metric: str) -> Measured:
    """Return what `run` measured, unknown where it has no such flow."""
    of = [one for flows in run.flows if (flows.publisher, flows.subscriber) == flow for one in flows.metrics]
    return next((one for one in of if one.name == metric), Measured(name=metric, unit=unit(metric), value=None))


def _found(row: Compared, chance: float | None) -> Compared:
    value = row.difference.value
    if value is None:
        finding = Finding.UNKNOWN
    elif chance is None:
        finding = Finding.UNTOLD
    elif chance < ALPHA:
        finding = Finding.WORSE if value > 0 else Finding.BETTER
    else:
        finding = Finding.NOT_SIGNIFICANT
    return replace(row, corrected=chance, finding=finding)


def _by_setting(pairs: Sequence[Pair]) -> list[list[Pair]]:
    """Return the pairs of each setting, and of the clean controls."""
    groups: dict[tuple[Scope, Setting], list[Pair]] = {}
    for pair in pairs:
        groups.setdefault(_group(pair.place), []).append(pair)
    return list(groups.values())


def _group(place: Place) -> tuple[Scope, Setting]:
    """Return what `place` is told with: its setting, or all clean controls, whatever they stand beside."""
    return _CONTROLS if place.control else (Scope.SETTING, place.setting)


def _failing(pairs: Sequence[Pair]) -> str:
    """Say that the second side fails more often, empty when it does not: what only changed places is no regression."""
    before, after = _counts(pairs, Outcome.FAIL)
    return f"{after} of {len(pairs)} runs fail instead of {before}{_at(pairs)}" if after > before else ""


def _undecided(pairs: Sequence[Pair]) -> str:
    """Say how many runs are unknown where fewer pass and no more fail: each of them may be one that would."""
    passed, passes = _counts(pairs, Outcome.PASS)
    before, after = _counts(pairs, Outcome.UNKNOWN)
    lost = passes < passed and not _failing(pairs)
    return f"{after} of {len(pairs)} runs are UNKNOWN instead of {before}{_at(pairs)}" if lost else ""


def _less_known(row: Compared) -> str:
    """Say in how many runs a metric is known where those are fewer, or none that the other side can be set against.

    A run without the figure may be the one in which it is worst (nothing was heard, and nothing has a delay).
    """
    before, after = row.known
    if row.finding == Finding.WORSE or not before:
        return ""
    if after < before:
        return f"in {after} {'run' if after == 1 else 'runs'} instead of {before}"
    return "on both sides in no pair" if row.difference.value is None else ""


def _counts(pairs: Sequence[Pair], outcome: Outcome) -> tuple[int, int]:
    """Return how many runs of either side ended with `outcome`."""
    return sum(pair.first.outcome == outcome for pair in pairs), sum(pair.second.outcome == outcome for pair in pairs)


def _unheard(pairs: Sequence[Pair]) -> list[str]:
    before, after = (flows(side) for side in _sides(pairs))
    missing = [flow for flow in before if flow not in after] if before else after
    named = [" → ".join(flow) for flow in missing] if before or after else ["any flow"]
    return [f"{name}{_at(pairs)}" for name in named]


def _at(pairs: Sequence[Pair]) -> str:
    """Say of which setting `pairs` are, all of the same."""
    return _where(*_group(pairs[0].place), "")


def _sides(pairs: Sequence[Pair]) -> tuple[list[Run], list[Run]]:
    return [pair.first for pair in pairs], [pair.second for pair in pairs]


def _where(scope: Scope, setting: Setting, flow: str) -> str:
    place = f" with {spelled(setting)}" if setting else "" if scope == Scope.SETTING else f" over {scope}"
    return place + (f" ({flow})" if flow else "")
