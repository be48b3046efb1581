"""The command `yizhao`. Each subcommand is imported when it is called, so that `--help` is instant."""

import importlib
import logging
from typing import ClassVar

import click


class LazyGroup(click.Group):
    """A group whose commands live in modules that are imported on demand."""

    COMMANDS: ClassVar[dict[str, str]] = {
        "demo": "bidding.cli.demo",
        "serve": "bidding.cli.serve",
        "sandbox": "bidding.cli.serve",
        "migrate": "bidding.cli.serve",
        "doctor": "bidding.cli.serve",
        "verify": "bidding.cli.verify",
        "receipt": "bidding.cli.verify",
        "bundle": "bidding.cli.bundle",
        "officer": "bidding.cli.officer",
        "licence": "bidding.cli.licence",
        "seal": "bidding.cli.seal",
        "trace": "bidding.cli.trace",
        "trust": "bidding.cli.trust",
    }

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """All commands, in the order in which the design names them."""
        return list(self.COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the one that is wanted."""
        if cmd_name not in self.COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(self.COMMANDS[cmd_name]), cmd_name)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="yizhao")
def yizhao() -> None:
    """一照通投：一张电子营业执照走完投标全过程。."""


def main() -> None:
    """Run the command line; usage errors exit with 64 (EX_USAGE)."""
    from bidding.cli.exits import run

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.captureWarnings(capture=True)
    run(yizhao)
