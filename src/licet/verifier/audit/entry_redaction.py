"""What one entry hides: the named fields, and whatever tells of their values elsewhere in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from .field_paths import FieldPaths, written_path
from .likeness import Hidden

#: Where in an entry a value stands: ("call", "args", "body").
Place = tuple[str, ...]

#: The field of a body that lists the places which were redacted.
REDACTED: Final = "redacted"

_SCOPES: Final = ("args", "principal", "context", "session")

#: What a call's JSON holds; the first four and the last two are redacted by path.
_PARTS: Final = (*_SCOPES, "tool", "now", "id", "approved", "facts", "history")

#: Said by the policy, the catalog, the guard or the host about the call: never hidden, or a model
#: could hide them by writing them into a hidden argument.
_OURS: Final = frozenset(
    (
        *("id", "outcome", "tool", "rules", "rule", "kind", "where", "certain", "explained"),
        *("policy", "catalog", "before", "mode", "until", "refused", "evidence"),
        *("call", "nonce", "approval", "event", "by"),
        *("bundle", "source", "difference", "agreed"),
    )
)

#: Digests that cover the arguments: whoever knows all but one could guess that one from them.
_DIGESTS: Final = ("digest", "binding")


class EntryRedaction:
    """The redaction of one entry. `hidden` grows as fields are met, so fields come first."""

    def __init__(
        self, paths: FieldPaths, commitment: Callable[[Place, object], dict[str, object]]
    ) -> None:
        self.paths = paths
        self.commitment = commitment
        self.places: list[Place] = []
        self.hidden = Hidden()
        #: Whether texts may quote values that nobody has shown us: then none is kept.
        self.blind = False

    def redact(self, body: Mapping[str, object]) -> dict[str, object]:
        if "key" in body:
            return self._marked({name: self._of_key(name, body[name]) for name in body})
        call, verdict = body.get("call"), body.get("verdict")
        worlds = [call] if isinstance(call, Mapping) else []
        self.blind = not worlds
        if isinstance(verdict, Mapping):
            self.blind = self.blind or _touched(verdict, self.paths)
            told = map(verdict.get, ("counterexample", "fine", "repair"))  # a repair has arguments
            worlds.extend(world for world in told if isinstance(world, Mapping))
        for world in worlds:
            self.find_in_call(world)
        if "result" in body:
            self.find(body["result"], self.paths.at("result"))
        done: dict[str, object] = {}
        for name, value in body.items():
            if name == "call" and isinstance(value, Mapping):
                done[name] = self.call(value, (name,), copies=False)
            elif name == "verdict" and isinstance(value, Mapping):
                done[name] = self.verdict(value)
            elif name == "result":
                done[name] = self.field(value, self.paths.at("result"), (name,), copies=False)
            else:
                done[name] = self.other(name, value, (name,))
        return self._marked(done)

    def _marked(self, done: dict[str, object]) -> dict[str, object]:
        if self.places:
            done[REDACTED] = [list(place) for place in self.places]
        return done

    def _of_key(self, name: str, value: object) -> object:
        """What an entry says of an API key: whom it stands for is redacted by path. All else is an
        operator's word, and quotes no call."""
        if name in ("principal", "context"):
            return self.field(value, self.paths.at(name), (name,), copies=False)
        if name == "session":  # it is given by its id alone
            return self.commit(value, (name,)) if self.paths.at(name).at("id").covered else value
        return value

    # --- what is hidden

    def find_in_call(self, call: Mapping[str, object]) -> None:
        for scope in _SCOPES:
            self.find(call.get(scope), self.paths.at(scope))
        for scope, name, entry in _entries(call):
            below = self.paths.at(scope).at(name)
            if below.covered:
                self.hidden.add(entry.get("key"))
            self.find(entry.get("value"), below if below.covered else below.at("*"))

    def find(self, value: object, paths: FieldPaths) -> None:
        if paths.covered:
            if not _is_marker(value):
                self.hidden.add(value)
        elif paths and isinstance(value, Mapping):
            for key, item in value.items():
                self.find(item, paths.at(key))
        elif paths and isinstance(value, list | tuple):
            for index, item in enumerate(value):
                self.find(item, paths.at(str(index)))

    # --- what is written in its place

    def commit(self, value: object, place: Place) -> dict[str, object]:
        self.places.append(place)
        return self.commitment(place, value)

    def call(self, call: Mapping[str, object], place: Place, *, copies: bool) -> dict[str, object]:
        """A call's JSON. With `copies`, values that equal a hidden one are hidden everywhere."""
        done: dict[str, object] = {
            name: value if name in _PARTS else self.other(name, value, (*place, name))
            for name, value in call.items()
        }
        for scope in _SCOPES:
            if scope in call:
                inner = (*place, str(scope))
                done[scope] = self.field(call[scope], self.paths.at(scope), inner, copies=copies)
        facts = call.get("facts")
        if isinstance(facts, Mapping):
            done["facts"] = {
                name: self.entries("facts", name, entries, (*place, "facts", str(name)), copies)
                for name, entries in facts.items()
            }
        history = call.get("history")
        if isinstance(history, list | tuple):
            done["history"] = [
                self.entry(
                    "history", str(entry.get("name")), entry, (*place, "history", str(i)), copies
                )
                if isinstance(entry, Mapping)
                else entry
                for i, entry in enumerate(history)
            ]
        return done

    def entries(self, scope: str, name: str, entries: object, place: Place, copies: bool) -> object:
        if not isinstance(entries, list | tuple):
            return self.commit(entries, place) if self.paths.at(scope).at(name) else entries
        return [
            self.entry(scope, name, entry, (*place, str(i)), copies)
            if isinstance(entry, Mapping)
            else entry
            for i, entry in enumerate(entries)
        ]

    def entry(
        self, scope: str, name: str, entry: Mapping[str, object], place: Place, copies: bool
    ) -> dict[str, object]:
        """One value of a fact or an aggregate. Its key is most often a copy of an argument."""
        below = self.paths.at(scope).at(name)
        done = dict(entry)
        if "key" in entry:
            done["key"] = (
                self.commit(entry["key"], (*place, "key"))
                if below.covered or self.equals_any(entry["key"])
                else entry["key"]
            )
        if "value" in entry:
            paths = below if below.covered else below.at("*")
            done["value"] = self.field(entry["value"], paths, (*place, "value"), copies=copies)
        return done

    def equals_any(self, value: object) -> bool:
        if isinstance(value, Mapping):
            return any(self.equals_any(item) for pair in value.items() for item in pair)
        if isinstance(value, list | tuple):
            return any(map(self.equals_any, value))
        return self.hidden.equals(value)

    def field(self, value: object, paths: FieldPaths, place: Place, *, copies: bool) -> object:
        if _is_marker(value):
            return value
        if paths.covered or (copies and self.is_copy(value)):
            return self.commit(value, place)
        if not paths and not copies:
            return value
        if isinstance(value, Mapping):
            return {
                key: self.field(item, paths.at(key), (*place, str(key)), copies=copies)
                for key, item in value.items()
            }
        if isinstance(value, list | tuple):
            return [
                self.field(item, paths.at(str(i)), (*place, str(i)), copies=copies)
                for i, item in enumerate(value)
            ]
        return value

    def is_copy(self, value: object) -> bool:
        if isinstance(value, Mapping):
            return any(map(self.hidden.contained_in, value))
        if isinstance(value, str):
            return self.hidden.contained_in(value)
        return self.hidden.equals(value)

    def verdict(self, verdict: Mapping[str, object]) -> dict[str, object]:
        done: dict[str, object] = {}
        for name, value in verdict.items():
            place = ("verdict", name)
            if name in ("counterexample", "fine") and isinstance(value, Mapping):
                done[name] = self.call(value, place, copies=True)
            elif name == "repair" and isinstance(value, Mapping):
                done[name] = self.repair(value, place)
            elif name == "because" and isinstance(value, list | tuple):
                done[name] = [self.reason(r, (*place, str(i))) for i, r in enumerate(value)]
            elif name == "call":  # the host's id of the call
                done[name] = value
            else:
                done[name] = self.other(name, value, place)
        return done

    def repair(self, repair: Mapping[str, object], place: Place) -> dict[str, object]:
        done: dict[str, object] = {}
        for name, value in repair.items():
            inner = (*place, str(name))
            if name == "args":
                done[name] = self.field(value, self.paths.at("args"), inner, copies=True)
            elif name == "changes" and isinstance(value, list | tuple):
                done[name] = [self.change(c, (*inner, str(i))) for i, c in enumerate(value)]
            else:
                done[name] = self.other(name, value, inner)
        return done

    def change(self, change: object, place: Place) -> object:
        if not isinstance(change, Mapping):
            return self.commit(change, place)
        path = written_path(str(change.get("path")))
        hide = path is None or self.paths.touch(path)
        return {
            name: self.text(str(value), (*place, "path"), exact=True)
            if name == "path"
            else self.commit(value, (*place, str(name)))
            if hide
            else self.field(value, FieldPaths(), (*place, str(name)), copies=True)
            for name, value in change.items()
        }

    def reason(self, reason: object, place: Place) -> object:
        """A path and its value, as texts: the value is hidden by its path, or as a copy."""
        if not isinstance(reason, Mapping):
            return self.commit(reason, place)
        path = written_path(str(reason.get("path")))
        hide = path is None or self.paths.touch(path)
        return {
            name: self.commit(value, (*place, str(name)))
            if hide and name != "path"
            else self.text(str(value), (*place, str(name)), exact=True)
            for name, value in reason.items()
        }

    def other(self, name: str, value: object, place: Place) -> object:
        """Whatever else there is: texts for people, at any depth."""
        if name in _OURS:
            return value
        if name in _DIGESTS:
            return self.commit(value, place) if self.paths.at("args") else value
        if isinstance(value, str):
            return self.text(value, place, exact=name in ("path", "settle"))
        if isinstance(value, Mapping):
            return {k: self.other(k, item, (*place, str(k))) for k, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.other(name, item, (*place, str(i))) for i, item in enumerate(value)]
        return self.commit(value, place) if self.hidden.equals(value) else value

    def text(self, text: str, place: Place, *, exact: bool) -> object:
        if not text:
            return text
        quotes = self.hidden.may_be_value if exact else self.hidden.may_be_in
        if (self.blind and not exact) or quotes(text):
            return self.commit(text, place)
        return text


def _touched(verdict: Mapping[str, object], paths: FieldPaths) -> bool:
    """Whether a violation is about a hidden field: its message may quote what is no value."""
    violations = verdict.get("violations")
    if not isinstance(violations, list | tuple):
        return False
    for violation in violations:
        given = violation.get("path") if isinstance(violation, Mapping) else None
        if given is None or given == "tool":
            continue
        path = written_path(str(given))
        if path is None or paths.touch(path):
            return True
    return False


def _entries(
    call: Mapping[str, object],
) -> Iterable[tuple[str, str, Mapping[str, object]]]:
    """Every fact and every aggregate of a call: scope, name, entry."""
    facts = call.get("facts")
    if isinstance(facts, Mapping):
        for name, entries in facts.items():
            for entry in entries if isinstance(entries, list | tuple) else ():
                if isinstance(entry, Mapping):
                    yield "facts", name, entry
    history = call.get("history")
    for entry in history if isinstance(history, list | tuple) else ():
        if isinstance(entry, Mapping):
            yield "history", str(entry.get("name")), entry


def _is_marker(value: object) -> bool:
    """Whether a value says only that it is unknown: there is nothing to hide."""
    return isinstance(value, Mapping) and dict(value) == {"$unknown": True}
