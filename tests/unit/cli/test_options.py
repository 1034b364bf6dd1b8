"""Settings as command-line options."""

from __future__ import annotations

from dataclasses import fields

import click
import pytest
from click.testing import CliRunner

from countenance.cli.options import setting_help, settings_options
from countenance.settings import ENVIRONMENT_PREFIX, Settings


def test_every_setting_says_what_it_means():
    """The help of an option and the settings page come from one docstring."""
    assert set(setting_help()) == {setting.name for setting in fields(Settings)}
    assert all(setting_help().values())


def test_help_names_option_and_variable():
    """A newcomer reads `--help` and nothing else."""

    @click.command()
    @settings_options()
    def command(**_):
        pass

    shown = CliRunner().invoke(command, ["--help"], terminal_width=200).output
    for setting in fields(Settings):
        assert "--" + setting.name.replace("_", "-") in shown
        assert ENVIRONMENT_PREFIX + setting.name.upper() in shown


def test_what_is_not_given_arrives_as_none():
    """So that the environment and the defaults can speak."""
    seen = {}

    @click.command()
    @settings_options("port", "insecure_http", "data_dir")
    def command(**given):
        seen.update(given)

    CliRunner().invoke(command, ["--port", "1"])
    assert seen == {"port": 1, "insecure_http": None, "data_dir": None}


@pytest.mark.parametrize("flag", ["--insecure-http"])
def test_a_flag_given_is_true(flag):
    """Flags have no negative form: their absence is the safe side."""
    seen = {}

    @click.command()
    @settings_options("insecure_http")
    def command(**given):
        seen.update(given)

    CliRunner().invoke(command, [flag])
    assert seen == {"insecure_http": True}
