"""The command line: `redraw`.

`main` is the entry point. Every error Redraw raises on purpose is one line on stderr and exit code 2; Ctrl-C keeps what
is finished and exits with 130.
"""

from __future__ import annotations

import sys
import warnings

EXIT_ERROR, EXIT_INTERRUPTED = 2, 130


def main(arguments: list[str] | None = None) -> None:
    """Run the command line with `arguments` (default: the process's) and exit."""
    from click.exceptions import Abort, ClickException

    from redraw.errors import Cancelled, RedrawError

    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # what libraries remark is for developers; python -W shows it
    try:
        from redraw.cli.app import app

        status = app.main(args=arguments, prog_name="redraw", standalone_mode=False)
        sys.exit(status if isinstance(status, int) else 0)
    except RedrawError as error:
        interrupted = isinstance(error, Cancelled)
        print(f"redraw: {'stopped' if interrupted else 'error'}: {_one_line(error)}", file=sys.stderr)
        sys.exit(EXIT_INTERRUPTED if interrupted else EXIT_ERROR)
    except (KeyboardInterrupt, Abort):
        print("redraw: stopped", file=sys.stderr)
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output went away: nothing is left to say
        sys.exit(EXIT_ERROR)
    except ClickException as error:  # wrong usage
        error.show(file=sys.stderr)
        sys.exit(EXIT_ERROR)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
