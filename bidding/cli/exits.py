"""Exit codes and error words of the command line, the same words as on the pages."""

import errno
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
_REASONS = {
    errno.ENOSPC: "磁盘空间不足。请腾出空间后重试。",
    errno.EDQUOT: "磁盘配额已用完。请腾出空间后重试。",
    errno.EFBIG: "文件超过这里允许的大小。请换一个位置后重试。",
    errno.EACCES: "没有读写这个文件或文件夹的权限。请检查权限，或换一个位置。",
    errno.EPERM: "没有读写这个文件或文件夹的权限。请检查权限，或换一个位置。",
    errno.EROFS: "这个位置只能读取。请换一个位置。",
    errno.ENAMETOOLONG: "文件名过长。请缩短后重试。",
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

        if isinstance(error, OSError) and not knows(error):
            _tell_of_file(error)
            sys.exit(1)
        if not knows(error):
            raise
        words = words_of(error)
        click.secho(f"{words.text}（{words.code}）", fg="red", err=True)
        click.echo(f"详情：{error}", err=True)
        sys.exit(1)
    sys.exit(result if isinstance(result, int) else 0)


def _tell_of_file(error: OSError) -> None:
    """Say in Chinese what the machine will not do with a file."""
    what = _REASONS.get(error.errno or 0, "无法读写文件。请检查路径、权限和磁盘后重试。")
    click.secho(f"{what}（file_error）", fg="red", err=True)
    click.echo(f"详情：{error}", err=True)
