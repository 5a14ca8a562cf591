"""Directive `command-help`: what `sigden COMMAND --help` prints."""

import click
from docutils import nodes
from docutils.parsers.rst import Directive

from sigden.cli import main


class CommandHelp(Directive):
    """Help text of one command, from the command itself."""

    optional_arguments = 1
    final_argument_whitespace = True

    def run(self):
        context = click.Context(main, info_name="sigden", **main.context_settings)
        command = main
        for name in " ".join(self.arguments).split():
            command = command.get_command(context, name)
            if command is None:
                raise self.error(f"{context.command_path} has no command {name!r}")
            context = click.Context(command, info_name=name, parent=context)
        text = command.get_help(context)
        return [nodes.literal_block(text, text, language="text")]


def setup(app):
    app.add_directive("command-help", CommandHelp)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
