"""Exit codes and error words of the command line, the same words as on the pages."""

import sys

import click

from signing.checks import Indication

USAGE = 64
CODES = {
    Indication.TOTAL_PASSED: 0,
    Indication.NO_SIGNATURE: 3,
    Indication.INDETERMINATE: 2,
    Indication.TOTAL_FAILED: 1,
    Indication.REFUSED: 4,
}
_WORST_FIRST = (USAGE, 4, 1, 2, 3, 0)


def worst(codes: list[int]) -> int:
    """Answer the exit code of several files: 64 > 4 > 1 > 2 > 3 > 0."""
    return min(codes, key=_WORST_FIRST.index, default=USAGE)


def run(command: click.Group) -> None:
    """Run the command; our refusals are told in Chinese with their code, never as a trace."""
    try:
        result = command.main(standalone_mode=False)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.Abort:
        click.echo("已中止。", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(USAGE)
    except Exception as error:
        from bidding.web.errors import knows, words_of

        if not knows(error):
            raise
        words = words_of(error)
        click.secho(f"{words.text}（{words.code}）", fg="red", err=True)
        click.echo(f"详情：{error}", err=True)
        sys.exit(1)
    sys.exit(result if isinstance(result, int) else 0)
