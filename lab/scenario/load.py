"""From files to scenarios: `load`, `loads` and `find`; a `Draft` is a file from which many scenarios are made.

Law: whatever is wrong with a file is a `ScenarioError` that says where, before anything is started.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from lab.errors import ScenarioError, UsageError
from lab.paths import is_file, is_folder, is_there
from lab.scenario import guard
from lab.scenario.apart import wrongs
from lab.scenario.folder import scenarios
from lab.scenario.gallery import gallery
from lab.scenario.model import Scenario
from lab.scenario.problems import problems
from lab.scenario.resolve import resolve
from lab.scenario.sweeping import Setting, Sweep
from lab.scenario.swept import swept
from lab.scenario.tree import FieldError, Tree, one_line, with_value
from lab.scenario.written import SHORT_FORM, ScenarioWritten

S = TypeVar("S")
T = TypeVar("T")
_SWEEP = "sweep"


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A scenario file, read once but not yet resolved: its text, its data, its name, and where its files are.

    `recorded`: a lab resolved it, maybe an older one, which refused less.
    """

    text: str
    tree: Tree
    name: str
    folder: Path | None
    recorded: bool = False

    @property
    def unswept(self) -> Draft:
        """The file without its `sweep:` section, for axes that were written elsewhere."""
        return replace(self, tree=with_value(self.tree, (_SWEEP,), None, self.tree.source))

    def origin_of(self, key: str) -> str:
        """Return where the axis `key` was written: its line in the file's `sweep:` section, else as which axis."""
        return self.tree.origins.get((_SWEEP, "axes", key), f"axis {key}")

    @cached_property
    def sweep(self) -> Sweep | None:
        """The file's `sweep:` section, None when it has none. ScenarioError."""
        section = _written(self.tree).sweep
        try:
            return None if section is None else swept(section)
        except FieldError as error:
            raise self.tree.error(error) from error

    def scenario(self, setting: Setting = (), *, seed: int | None = None) -> Scenario:
        """Return the scenario with `setting` laid over the file; `seed` counts before the file's. ScenarioError."""
        tree = self.tree
        for key, value in setting:
            tree = _laid(tree, key, value, self.origin_of(key))
        if seed is not None:
            tree = with_value(tree, ("seed",), seed, "--seed")
        written = _written(tree)
        try:
            return resolve(written, name=self.name, folder=self.folder, recorded=self.recorded)
        except FieldError as error:
            every_one = wrongs(error, written, folder=self.folder, recorded=self.recorded)
            raise tree.error(*every_one) from error


def draft(path: Path | str, *, sets: Sequence[str] = ()) -> Draft:
    """Return what the file `path` says, with `sets` laid over it, its `sweep:` section checked. ScenarioError."""
    file = Path(path)
    try:
        with file.open("rb") as stream:
            content = stream.read(guard.MAX_BYTES + 1)
    except OSError as error:
        raise ScenarioError(f"{file}:1: cannot be read ({error.strerror}); check the path") from error
    tree = guard.parse(content, str(file))
    _check_apart(sets)
    for each in sets:
        tree = _with_set(tree, each)
    return _checked(Draft(text=content.decode(), tree=tree, name=file.stem, folder=file.parent))


def load(path: Path | str, *, sets: Sequence[str] = (), seed: int | None = None) -> Scenario:
    """Return the scenario in the file `path`.

    `sets` are `KEY=VALUE` (`links.publisher.up.loss=5%`), laid over the file before it is checked; `seed` counts
    before the file's. ScenarioError (`file:line: field: …`) for anything that cannot be meant:
    all that cannot be read, a line each; where there is nothing of that, what contradicts, the first of each block.
    """
    return draft(path, sets=sets).scenario(seed=seed)


def loads(text: str, *, source: str = "scenario", recorded: bool = False) -> Scenario:
    """Return the scenario in `text`; `source` stands for the file in errors, and for the name where none is written.

    `recorded`: it is of a recording or a plan, and is read also where it would be refused today.
    A sound file that it names is not looked for: it must say that file's hash, as a recording's scenario does.
    """
    tree = guard.parse(text.encode(), source)
    return _checked(Draft(text=text, tree=tree, name=source, folder=None, recorded=recorded)).scenario()


def find(paths: Iterable[Path | str]) -> tuple[Path, ...]:
    """Return the scenario files that `paths` name: files as they are, of a folder every `*.yaml` below it, sorted.

    What is not there may be a shipped scenario's name. UsageError for what is neither, or a folder without scenarios.
    """
    return tuple(file for path in gallery(map(Path, paths)) for file in _files(path))


def find_one(paths: Iterable[Path | str]) -> Path:
    """Return the one scenario file that `paths` name. UsageError when there is none, or several."""
    files = find(paths)
    if len(files) != 1:
        raise UsageError(f"a sweep is over one scenario file, not {len(files)}", fix="name one file")
    return files[0]


def every(items: Iterable[S], read: Callable[[S], T]) -> Iterator[tuple[S, T]]:
    """Yield each of `items` with what `read` makes of it; at the end raise ScenarioError with each complaint, once."""
    wrong: dict[str, None] = {}
    for item in items:
        try:
            found = read(item)
        except ScenarioError as error:
            wrong[str(error)] = None
        else:
            yield item, found
    if wrong:
        raise ScenarioError("\n".join(wrong))


def _files(path: Path) -> list[Path]:
    if is_file(path):
        return [path]
    if not is_folder(path):
        what = "cannot be read as one" if is_there(path) else "no such file or folder"
        raise UsageError(f"{path}: {what}", fix="check the path")
    files = scenarios(path)
    if not files:
        raise UsageError(f"{path}: has no scenarios", fix="scenario files end in .yaml")
    return files


def _checked(read: Draft) -> Draft:
    """Return `read`, whose sweep is one: whoever runs only the base hears of it as well."""
    _ = read.sweep
    return read


def _written(tree: Tree) -> ScenarioWritten:
    if not isinstance(tree.data, dict):
        raise tree.error(FieldError((), "a mapping is expected (`version: 1`, `links:` …)"))
    try:
        return ScenarioWritten.model_validate(tree.data)
    except ValidationError as error:
        raise tree.error(*problems(error)) from error


def _check_apart(sets: Sequence[str]) -> None:
    """Refuse a `--set` that takes away all that one before it said; one inside another before it counts. UsageError."""
    keys = [one_line(each.partition("=")[0]) for each in sets]
    for position, key in enumerate(keys):
        for earlier in keys[:position]:
            if key == earlier:
                raise UsageError(f"--set {key} is given twice", fix="leave one out")
            if earlier.startswith(f"{key}."):
                raise UsageError(f"--set {key} replaces --set {earlier} before it", fix="give it first")


def _with_set(tree: Tree, written: str) -> Tree:
    """Return `tree` with `--set KEY=VALUE` laid over it. UsageError, ScenarioError."""
    key, equals, value = written.partition("=")
    keys, told = key.split("."), one_line(written)
    if not equals or not all(keys) or len(keys) > guard.MAX_DEPTH:
        raise UsageError(f"--set {told}: KEY=VALUE is expected", fix="such as links.publisher.up.loss=5%")
    if not value.strip():
        raise UsageError(f"--set {told}: has an empty value", fix='VALUE is expected, null for none, "" for no text')
    return _laid(tree, key, value, f"--set {key}")


def _laid(tree: Tree, key: str, value: str, origin: str) -> Tree:
    """Return `tree` with `value` at the dotted `key`; errors name the `origin` that said so. ScenarioError."""
    keys = tuple(key.split("."))
    try:
        if keys[0] == "clients" and len(keys) > 1:
            tree = _written_out(tree, origin)
            _check_client(tree, keys)
        return with_value(tree, keys, _value(value, origin), origin)
    except FieldError as error:
        where = ".".join(map(str, error.path))
        raise ScenarioError(one_line(f"{origin}: {where}: {error}")) from error


def _check_client(tree: Tree, keys: tuple[str, ...]) -> None:
    """Refuse a field of a client that is not there, but the role that makes it one. FieldError."""
    clients = tree.data["clients"] if isinstance(tree.data, dict) else None
    if isinstance(clients, dict) and keys[1] not in clients and keys[2:3] not in ((), ("role",)):
        raise FieldError(keys[:2], f'no client is called "{keys[1]}" (there are: {", ".join(map(str, clients))})')


def _written_out(tree: Tree, origin: str) -> Tree:
    """Return `tree` with the clients of the short form where it names none, so that one of them can be changed."""
    if not isinstance(tree.data, dict) or tree.data.get("clients") is not None:
        return tree
    return with_value(tree, ("clients",), {name: {"role": role} for name, role in SHORT_FORM.items()}, origin)


def _value(text: str, source: str) -> object:
    """Return what a value on the command line means: YAML in braces or brackets, else one plain word."""
    return guard.parse(text.encode(), source).data if text.startswith(("{", "[", '"', "'")) else guard.scalar(text)
