"""The `oneseed` command."""

import json
import math
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar, cast

import typer
from rich.console import Console
from rich.table import Table
from typer.core import TyperCommand, TyperOption

import oneseed
from oneseed import config, registry
from oneseed.cli import arguments, completion
from oneseed.draws import Draw
from oneseed.host_arrays import HOST
from oneseed.initializers.base import Initializer
from oneseed.protocol import HostBackend

Run = TypeVar("Run", bound=Callable[..., Any])

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


class Command(TyperCommand):
    """A command that refuses an option that is given twice, where the first value would be dropped without a word."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the words of a command."""
        given = [word.partition("=")[0] for word in args]
        for param in self.params:
            if isinstance(param, TyperOption) and not param.multiple and not param.is_flag:
                for name in param.opts:
                    if given.count(name) > 1:
                        raise ValueError(f"{name} must be given once. Received: {shlex.join(args)}")
        return super().parse_args(ctx, args)


def command(function: Run, name: str | None = None) -> Run:
    """Make a command of a function; its whole first line is shown among the commands, not just the beginning."""
    line = (function.__doc__ or "").partition("\n")[0]
    return app.command(name, cls=Command, short_help=line)(function)


Name = Annotated[
    str,
    typer.Argument(
        help="An initializer: he_normal, GlorotUniform, orthogonal, ...; `oneseed list` shows all.",
        autocompletion=completion.initializers,
    ),
]
Shape = Annotated[str, typer.Option(help="The sizes, separated by commas: 3,3,64,128.")]
Seed = Annotated[
    str | None,
    typer.Option(metavar="<int>", help="An integer in [0, 2**64); without one, a seed is drawn and shown."),
]
Dtype = Annotated[
    str | None,
    typer.Option(help="The dtype; by default the default float dtype.", autocompletion=completion.dtypes),
]
Axes = Annotated[str | None, typer.Option(help="Names of the axes, such as 'o i h w'.")]
Parameter = Annotated[str | None, typer.Option(help="The parameter's name; each has a stream of its own.")]
Settings = Annotated[list[str] | None, typer.Option("--set", help="An argument of the initializer: stddev=0.02.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@command
def sample(
    name: Name,
    shape: Shape,
    seed: Seed = None,
    dtype: Dtype = None,
    axes: Axes = None,
    path: Parameter = None,
    set_: Settings = None,
    backend: Annotated[
        str | None,
        typer.Option(help="The backend; by default the one in force.", autocompletion=completion.backends),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write the values to this .npy file.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Write a picture of the values to this file: w.png.")] = None,
    as_json: Json = False,
) -> None:
    """Draw a tensor; show what was drawn, its statistics, a histogram and the fingerprint."""
    from oneseed.cli import sample_table, sampling

    initializer = arguments.initializer(name, arguments.seed(seed), set_)
    draw = initializer.describe(arguments.sizes(shape), dtype, axes, path)
    chosen = config.backend() if backend is None else backend
    result = sampling.sample(initializer, draw, axes, path, chosen, out, plot)
    if as_json:
        _print_json({**_facts(initializer, draw), **result.as_dict()})
        return
    console = _console()
    console.print(_description(initializer, draw))
    sample_table.show(result, draw, console)


@command
def describe(
    name: Name,
    shape: Shape,
    seed: Seed = None,
    dtype: Dtype = None,
    axes: Axes = None,
    path: Parameter = None,
    set_: Settings = None,
    as_json: Json = False,
) -> None:
    """Show what would be drawn: distribution, fans, seed, stream; without drawing."""
    initializer = arguments.initializer(name, arguments.seed(seed), set_)
    draw = initializer.describe(arguments.sizes(shape), dtype, axes, path)
    if as_json:
        _print_json(_facts(initializer, draw))
    else:
        _console().print(_description(initializer, draw))


def list_(as_json: Json = False) -> None:
    """List the initializers by group, with what each is for."""
    from oneseed.cli import catalogue

    found = catalogue.listed()
    _print_json(found) if as_json else catalogue.show_list(found, _console())


command(list_, "list")


@command
def explain(name: Name, as_json: Json = False) -> None:
    """Tell of an initializer: formula, source, when to use it, arguments."""
    from oneseed.cli import catalogue

    facts = catalogue.explained(name)
    _print_json(facts) if as_json else catalogue.show_explained(facts, _console())


@command
def backends(as_json: Json = False) -> None:
    """List the backends that are known, whether each can be used, and the compiled kernel that draws in host memory."""
    from oneseed.cli.states import READY, states

    found = states()
    kernel = cast(HostBackend, registry.load(HOST)).kernel if found[HOST] == READY else None
    if as_json:
        _print_json({"default": config.backend(), "backends": found, "kernel": kernel})
        return
    table = Table("backend", "state", "default")
    for name, state in found.items():
        table.add_row(name, state, "yes" if name == config.backend() else "")
    _console().print(table)
    _console().print(f"compiled kernel: {kernel or 'none; NumPy makes the same values, more slowly'}")


@command
def parity(
    backend: Annotated[
        list[str] | None,
        typer.Option(help="A backend to check; by default all that can be used.", autocompletion=completion.backends),
    ] = None,
    as_json: Json = False,
) -> int:
    """Check that the backends of this machine make the known answers, bit for bit; status 1 if one does not."""
    from oneseed.cli import parity, parity_table, states

    checks, missing = parity_table.run(backend or states.known(), leave_out=not backend)
    if as_json:
        _print_json(parity_table.as_dict(checks, missing))
    else:
        parity_table.show(checks, missing, _console())
    return int(not parity.all_agree(checks))


@command
def schemes(
    name: Annotated[
        str | None,
        typer.Argument(
            help="A scheme: gpt2, llama, keras, ...; without one, all.", autocompletion=completion.ready_schemes
        ),
    ] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="An argument of the scheme: layers=48.")] = None,
    as_json: Json = False,
    as_toml: Annotated[bool, typer.Option("--toml", help="Print TOML, for Scheme.from_toml.")] = False,
) -> None:
    """List the ready schemes, or show the rules of one."""
    from oneseed.cli import scheme_table

    if as_json and as_toml:
        raise ValueError("--json and --toml exclude each other.")
    if name is None:
        if set_ or as_toml:
            raise ValueError("--set and --toml are for one scheme: oneseed schemes NAME ...")
        found = scheme_table.listed()
        if as_json:
            _print_json(found)
        else:
            table = Table("scheme", "what", "from")
            for row in found:
                table.add_row(*row.values())
            _console().print(table)
        return
    given = arguments.settings(set_) or scheme_table.EXAMPLES.get(name, {})
    scheme = scheme_table.build(name, given)
    if as_json:
        print(scheme.to_json())
    elif as_toml:
        print(scheme.to_toml(), end="")
    else:
        for line in scheme_table.rules(name, scheme, given):
            _console().print(line, soft_wrap=True)


@command
def init(
    source: Annotated[
        Path | None,
        typer.Argument(help="Parameters: a .json or .toml list, .safetensors, .safetensors.index.json, config.json."),
    ] = None,
    scheme: Annotated[
        str | None,
        typer.Option(help="A ready scheme, a .toml or .json file, or own.", autocompletion=completion.ready_schemes),
    ] = None,
    seed: Annotated[str | None, typer.Option(metavar="<int>", help="An integer in [0, 2**64).")] = None,
    out: Annotated[str | None, typer.Option(metavar="<path>", help="The folder to write to.")] = None,
    dtype: Annotated[str | None, typer.Option(help="The dtype of all floats, and where a list says none.")] = None,
    shard_size: Annotated[
        str | None, typer.Option(help="The most bytes of values in a file: 512MiB; by default 5GB.")
    ] = None,
    part: Annotated[str | None, typer.Option(help="Write each n-th file from the i-th on: 3/8.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with what the folder has.")] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Show what would be written, and write nothing.")] = False,
    status: Annotated[Path | None, typer.Option(help="Show which files of this folder are missing.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="An argument of the scheme: layers=48.")] = None,
    as_json: Json = False,
) -> None:
    """Write a model's initial weights as .safetensors files, whatever their size."""
    from oneseed.cli import init

    number, settings, piece = arguments.seed(seed), arguments.settings(set_), init.part_of(part)
    into = arguments.folder(out)
    facts, show = init.run(source, scheme, settings, number, into, dtype, shard_size, piece, resume, plan, status)
    _print_json(facts) if as_json else show(facts, _console())


@command
def verify(
    directory: Annotated[Path, typer.Argument(help="A folder that `oneseed init` has filled.")],
    quick: Annotated[bool, typer.Option("--quick", help="Compare fingerprints, and make no value again.")] = False,
    as_json: Json = False,
) -> int:
    """Make every value of a checkpoint again and compare bit by bit; status 1 if one differs."""
    from oneseed.cli import verify

    facts = verify.verify(directory, quick)
    _print_json(facts) if as_json else verify.show(facts, _console())
    return int(not facts["equal"])


def completion_(
    shell: Annotated[str, typer.Argument(help="bash, fish, powershell or zsh.", autocompletion=completion.shells)],
) -> None:
    """Print the script by which a shell completes this command: eval "$(oneseed completion bash)"."""
    print(completion.script(shell))


command(completion_, "completion")


@app.callback(invoke_without_command=True)
def top(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
) -> None:
    """Draw, describe and check the initial weights of neural networks: one seed, the same everywhere."""
    if version:
        print(oneseed.__version__)
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())


def main(argv: list[str] | None = None) -> NoReturn:
    """Run the command; bad arguments end it with status 2 and a reason on one line.

    Parameters
    ----------
    argv : list of str, optional
        What follows the command's name; None takes that from `sys.argv`.
    """
    completion.prepare()
    sys.exit(_status(lambda: app(argv, prog_name="oneseed", standalone_mode=False)))


def _status(run: Callable[[], Any]) -> int:
    try:
        status = run() or 0
        _flush()
        return status
    except typer.Exit as stop:
        return stop.exit_code
    except typer.TyperException as error:
        return _fail(_advised(error), error.exit_code)
    except OSError as error:
        return _fail(f"{error.strerror}: {error.filename!r}" if error.strerror and error.filename else str(error), 2)
    except (ValueError, TypeError, NotImplementedError, ImportError) as error:
        return _fail(str(error), 2)
    except MemoryError as error:
        return _fail(f"Not enough memory: {error}", 1)


def _advised(error: typer.TyperException) -> str:
    """Return what is wrong with the command's words, and which help shows the right ones."""
    message = error.format_message()
    context = getattr(error, "ctx", None)
    if context is None:
        return message
    return f"{message}{'' if message.endswith(('.', '?')) else '.'} See `{context.command_path} --help`."


def _flush() -> None:
    """Write out what was printed; where that fails, the interpreter is kept from trying again when it ends."""
    if sys.stdout is None:  # the process was started without one
        return
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


def _fail(reason: str, status: int) -> int:
    print("oneseed:", " ".join(reason.split()), file=sys.stderr)
    return status


def _facts(initializer: Initializer, draw: Draw) -> dict[str, Any]:
    return {"initializer": type(initializer).__name__, **draw.as_dict()}


def _console() -> Console:
    """Return a console that shows names, paths and messages as they are."""
    return Console(markup=False, highlight=False)


def _description(initializer: Initializer, draw: Draw) -> Table:
    table = Table("what", "value", title=type(initializer).__name__, title_justify="left", show_header=False)
    for key, value in draw.as_dict().items():
        if key in ("offset", "block") or (key == "order" and value == sorted(value)):
            continue
        table.add_row(key.replace("_", " "), _text(value))
    return table


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    if value is None:
        return "-"
    return f"{value:.7g}" if isinstance(value, float) else str(value)


def _print_json(facts: Any) -> None:
    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        # JSON knows neither NaN nor infinity nor complex numbers.
        if isinstance(value, complex) or (isinstance(value, float) and not math.isfinite(value)):
            return str(value)
        return value

    print(json.dumps(plain(facts), indent=2))
