"""`aws …` command lines → the calls that they make, through the AWS CLI's own model.

The CLI parses its arguments as it does before a call, and is stopped there: nothing is sent, no
configuration or plug-in of the user's is read. Commands that the CLI has beside the operations
(`aws s3 cp`, `aws configure`) make calls of their own and are refused, and so is what reads a
file or an address (`file://…`).
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import threading
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from licet.adapters.catalogs.extras import needed
from licet.compiler.exact_json import shortened

from .reading import UnreadableCallError, WrittenCall
from .shell_command import commands

#: Global options that change where a call goes, or what runs beside it.
_REFUSED: Final = ("endpoint_url", "ca_bundle", "debug")
_FETCHING: Final = ("file://", "fileb://", "http://", "https://")
_TURN: Final = threading.Lock()  # the CLI's parsers print, and keep what they parse


def read(text: str) -> tuple[WrittenCall, ...]:
    """The calls of a command line. Raises UnreadableCallError and MissingExtraError."""
    found = []
    for words in commands(text):
        if words[0] != "aws":
            raise UnreadableCallError(f"{shortened(words[0])} is no command that is read here")
        found.append(call_of(words[1:]))
    return tuple(found)


def call_of(words: tuple[str, ...]) -> WrittenCall:
    """The call of one command, `aws` left out. Raises as `read` does."""
    for word in words:
        if word.partition("=")[2].startswith(_FETCHING) or word.startswith(_FETCHING):
            raise UnreadableCallError("an argument is read from elsewhere")
        if word.startswith("--generate-cli"):
            raise UnreadableCallError("this makes no call")
    with _TURN:
        quiet = io.StringIO()
        try:
            with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
                return _parsed(list(words))
        except UnreadableCallError:
            raise
        except (Exception, SystemExit) as error:
            said = str(error) if not isinstance(error, SystemExit) else quiet.getvalue()
            lines = [line.strip() for line in said.strip().splitlines() if line.strip()]
            reason = lines[-1][:200] if lines else "it cannot be read"
            raise UnreadableCallError(f"the AWS CLI refuses it: {reason}") from None


def _parsed(words: list[str]) -> WrittenCall:
    from awscli.clidriver import ServiceCommand, ServiceOperation

    driver, caught = _driver()
    table = driver._get_command_table()
    options, rest = driver._create_parser(table).parse_known_args(words)
    if any(getattr(options, name, None) for name in _REFUSED):
        raise UnreadableCallError("an option sends the call elsewhere")
    service = table[options.command]
    if type(service) is not ServiceCommand or not rest:
        raise UnreadableCallError(f"`aws {options.command}` makes calls of its own")
    operation = service._get_command_table().get(rest[0])
    if operation is None:
        name = service.service_model.service_name
        return WrittenCall(f"{name}.{rest[0]}", {})  # to be refused, with the nearest real ones
    if type(operation) is not ServiceOperation:
        raise UnreadableCallError(f"`aws {options.command} {rest[0]}` makes calls of its own")
    operation._operation_caller = _Never()
    caught.clear()
    operation(rest[1:], options)
    if not caught:
        raise UnreadableCallError("this makes no call")
    model = operation._operation_model
    args = {name: _plain(value) for name, value in caught[0].items()}
    return WrittenCall(f"{model.service_model.service_name}.{model.name}", args)


class _Never:
    """Stands where the CLI's own caller was."""

    def invoke(self, *_: object) -> NoReturn:
        raise UnreadableCallError("this would have been sent")


@functools.lru_cache(maxsize=1)
def _driver() -> tuple[Any, list[dict[str, Any]]]:
    """The CLI without configuration, and where the parameters of a call arrive."""
    needed("awscli", "shell")
    import botocore.session
    from awscli import EnvironmentVariables
    from awscli.clidriver import CLIDriver
    from awscli.plugin import load_plugins

    session = botocore.session.Session(EnvironmentVariables)
    for name in ("config_file", "credentials_file"):
        session.set_config_variable(name, os.devnull)
    load_plugins({}, event_hooks=session.get_component("event_emitter"))
    caught: list[dict[str, Any]] = []

    def stop(call_parameters: Mapping[str, Any], **_: object) -> int:
        caught.append(dict(call_parameters))
        return 0  # instead of the call

    session.get_component("event_emitter").register_last("calling-command.*", stop)
    return CLIDriver(session=session), caught


def _plain(value: object) -> object:
    match value:
        case bytes():
            try:
                return value.decode("utf-8")
            except UnicodeDecodeError:
                raise UnreadableCallError("bytes that are no text") from None
        case Mapping():
            return {str(name): _plain(each) for name, each in value.items()}
        case list() | tuple():
            return [_plain(each) for each in value]
        case _:
            return value
