"""Directive `command-help`: what `sigden COMMAND --help` prints."""

import click
from docutils import nodes
from docutils.parsers.rst import Directive

from sigden.cli import main


class CommandHelp(Directive):
    """Help text of one command, from the command itself."""

    optional_arguments = 1

    def run(self):
        name = self.arguments[0] if self.arguments else None
        context = click.Context(main, info_name="sigden", **main.context_settings)
        command = main
        if name is not None:
            command = main.get_command(context, name)
            if command is None:
                raise self.error(f"sigden has no command {name!r}")
            context = click.Context(command, info_name=name, parent=context)
        text = command.get_help(context)
        return [nodes.literal_block(text, text, language="text")]


def setup(app):
    app.add_directive("command-help", CommandHelp)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
