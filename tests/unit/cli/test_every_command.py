"""A command that nobody can call is lost: each one in a module of the command line has its name in the list."""

import importlib
import pkgutil

import click

from qtisync import cli


def test_every_command_of_a_module_can_be_called():
    modules = [importlib.import_module(f"qtisync.cli.{found.name}") for found in pkgutil.iter_modules(cli.__path__)]
    written = {
        (module.__name__.rpartition(".")[2], value.name)
        for module in modules
        for value in vars(module).values()
        if isinstance(value, click.Command)
        and value.callback is not None
        and value.callback.__module__ == module.__name__
    }
    below = {
        (module, command.name)
        for module, name in written
        for group in [getattr(importlib.import_module(f"qtisync.cli.{module}"), str(name).replace("-", "_"), None)]
        if isinstance(group, click.Group)
        for command in group.commands.values()
    }

    assert {(module, name) for module, name in written - below} == {
        (module, name) for name, (module, _) in cli.COMMANDS.items()
    }
