"""Settings as command-line options: one source, `Settings` and its docstring."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import click

from countenance.settings import ENVIRONMENT_PREFIX, Settings

_Command = TypeVar("_Command", bound=Callable[..., Any])

SECRET = frozenset({"database_url", "kms_secret_access_key", "s3_secret_access_key"})
"""Given by environment where other users can read the process list; the options exist all the same."""


def setting_help() -> dict[str, str]:
    """Setting name → what it means, from the Attributes section of `Settings`."""
    text = (Settings.__doc__ or "").split("Attributes:")[1]
    found = re.findall(r"^\s{4,}(\w+): (.+?)(?=\n\s+\w+: |\Z)", text, re.DOTALL | re.MULTILINE)
    return {name: " ".join(words.split()) for name, words in found}


def settings_options(*names: str) -> Callable[[_Command], _Command]:
    """Decorate a command with an option for each named setting (all of them when none is named).

    A value that is not given arrives as None, so that `Settings.from_env` can tell it from a default.
    """
    chosen = [setting for setting in fields(Settings) if not names or setting.name in names]
    described = setting_help()

    def decorate(command: _Command) -> _Command:
        for setting in reversed(chosen):
            flag = "--" + setting.name.replace("_", "-")
            variable = ENVIRONMENT_PREFIX + setting.name.upper()
            words = f"{described[setting.name]}  [env: {variable}]"
            if str(setting.type) == "bool":
                option = click.option(flag, is_flag=True, default=None, help=words)
            else:
                option = click.option(flag, type=_click_type(str(setting.type)), default=None, help=words)
            command = option(command)
        return command

    return decorate


def _click_type(type_name: str) -> Any:
    if type_name.startswith("Path"):
        return click.Path(path_type=Path)
    return int if type_name == "int" else str
