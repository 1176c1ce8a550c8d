"""Call every public function with random arguments: valid, nearly valid, and absurd.

``python tests/fuzz/run.py --calls 20000 --seed 1 --backend numpy`` prints what went wrong, each kind once, with the
number of the call; ``--only N`` repeats one. A call may return, or raise a ValueError or TypeError that says what was
received. What is drawn must be what the second implementation of the stream draws. A generator counts a draw that is
made, and none that is refused. The exit status is 1 where something is wrong.
"""

import argparse
import inspect
import json
import math
import random
import sys
import time
import traceback
import warnings
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import numpy as np  # noqa: E402
from arguments import EXAMPLES, Values  # noqa: E402
from oracle import disagreement, few  # noqa: E402

import oneseed  # noqa: E402
from oneseed import seeds, settings  # noqa: E402
from oneseed.host_arrays import to_numpy  # noqa: E402
from oneseed.initializers import known  # noqa: E402

SLOW = 5.0
"""Seconds that no call takes."""

LEFT_OUT = {"using", "SeedGenerator", "set_backend", "set_random_seed", "register_backend", "lsuv", "register"}
"""What changes the process, is a context, or needs a function of the user's; it is called in other ways below."""

ALLOWED = ValueError, TypeError, ImportError, FileNotFoundError


class Wrong(Exception):
    """What a call did that it must not."""


def functions():
    """Return every public function and class of the core, by name."""
    found = {}
    for module in ("", ".backend", ".config", ".initializers", ".layouts", ".random", ".rules", ".schemes"):
        home = sys.modules[f"oneseed{module}"]
        for name in getattr(home, "__all__", dir(home)):
            value = getattr(home, name, None)
            if callable(value) and not name.startswith("_") and name not in LEFT_OUT and not name[0].isupper():
                found[f"oneseed{module}.{name}"] = value
    found |= {f"oneseed.initializers.{entry.cls.__name__}": entry.cls for entry in known.entries().values()}
    scheme = oneseed.Scheme([oneseed.Rule("a*", "he_normal"), oneseed.Rule("*", "zeros")])
    more = [oneseed.Rule, oneseed.Scheme, oneseed.Parameter, oneseed.SeedGenerator, oneseed.Scheme.from_config]
    more += [
        oneseed.Scheme.from_json,
        oneseed.Scheme.from_toml,
        scheme.plan,
        scheme.match,
        oneseed.SeedGenerator.from_config,
    ]
    found |= {f"oneseed.{each.__qualname__}": each for each in more}
    return found


def arguments_of(function, values, chance):
    """Return keyword arguments: all that are needed, and some of the others."""
    chosen = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        needed = parameter.default is parameter.empty
        if needed or chance.random() < 0.35:
            chosen[name] = values.one(name)
    return chosen


class Fuzzer:
    """A sequence of calls, each of which depends on the seed and its own number alone."""

    def __init__(self, seed, backend):
        self.seed, self.backend = seed, backend
        self.functions = functions()
        self.counts = {"returned": 0, "refused": 0, "compared": 0}

    def call(self, number):
        """Make one call; raise `Wrong` where it is."""
        chance = random.Random(f"{self.seed} {number}")
        values = Values(chance)
        before = settings._defaults
        start = time.monotonic()
        try:
            with np.errstate(all=chance.choice(["ignore", "raise"])), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                text = self.initializer(chance, values) if chance.random() < 0.6 else self.function(chance, values)
        finally:
            settings.change(**before._asdict())
        if time.monotonic() - start > SLOW:
            raise Wrong(f"took {time.monotonic() - start:.0f} s: {text}")

    def guarded(self, text, action):
        """Run something that may be refused; return whether it was, and its result."""
        try:
            result = action()
        except ALLOWED as error:
            if "Received" not in str(error) and not isinstance(error, ImportError) and not users(error):
                raise Wrong(f"a bare {type(error).__name__} from {text}: {str(error)[:200]}") from error
            self.counts["refused"] += 1
            return True, None
        except ZeroDivisionError as error:
            if users(error):
                return True, None
            raise Wrong(f"{type(error).__name__} from {text}: {error}") from error
        except Exception as error:
            raise Wrong(f"{type(error).__name__} from {text}: {str(error)[:200]}") from error
        self.counts["returned"] += 1
        return False, result

    def function(self, chance, values):
        """Call a function with arguments of its own."""
        name = chance.choice(sorted(self.functions))
        function = self.functions[name]
        given = arguments_of(function, values, chance)
        text = f"{name}({told(given)})"
        if too_large(given):
            return text
        given = {key: value for key, value in given.items() if key not in ("backend", "device")}
        counters = [value for value in given.values() if isinstance(value, oneseed.SeedGenerator)]
        counted = [each.count for each in counters]
        refused, result = self.guarded(text, lambda: function(**given))
        if refused and [each.count for each in counters] != counted:
            raise Wrong(f"a refused call was counted: {text}")
        if not refused and not isinstance(result, tuple):  # of which Python itself writes what it holds
            self.guarded(f"repr of {text}", lambda: repr(result))
        return text

    def initializer(self, chance, values):
        """Build an initializer, describe a draw, make it, and build it again from its configuration."""
        entry = chance.choice(EXAMPLES)
        if chance.random() < 0.5:
            given = arguments_of(entry.cls, values, chance)
            text = f"{entry.cls.__name__}({told(given)})"
            unseeded = seeds._unseeded.count
            refused, init = self.guarded(text, lambda: entry.cls(**given))
            inside = entry.cls.__name__ in ("FusedRNN", "Spectral") or entry.group == "Made of others"
            if refused and seeds._unseeded.count != unseeded and not inside:
                raise Wrong(f"a refused constructor took a seed: {text}")
            if refused:
                return text
        else:
            text = entry.example
            init = eval(text, {**vars(oneseed.initializers), "np": np})
            given = {}
        shape = entry.shape if chance.random() < 0.4 else values.one("shape")
        dtype = values.one("dtype") if chance.random() < 0.8 else entry.dtype
        others = {name: values.one(name) for name in ("axes", "path") if chance.random() < 0.3}
        if chance.random() < 0.15:
            others |= {name: values.one(name) for name in ("partition_shape", "partition_offset")}
        text = f"{text}({told({'shape': shape, 'dtype': dtype, **others})})"
        if too_large({"shape": shape}) or hasattr(shape, "__next__"):  # which is empty after its first use
            return text
        generator = given.get("seed") if isinstance(given.get("seed"), oneseed.SeedGenerator) else None
        count = generator.count if generator else 0
        refused, draw = self.guarded(f"describe of {text}", lambda: init.describe(shape, dtype, **others))
        if refused:
            if generator and generator.count != count:
                raise Wrong(f"a refused draw was counted: {text}")
            return text
        json.dumps(draw.as_dict())
        if few(draw) and not (entry.cls.__name__ == "ConvolutionAware" and math.prod(draw.shape) > 600):
            self.made(text, init, shape, dtype, others, draw, generator, count)
        refused, config = self.guarded(f"get_config of {text}", init.get_config)
        if not refused:
            self.again(text, init, config)
        return text

    def made(self, text, init, shape, dtype, others, draw, generator, count):
        """Make a draw, and compare it."""
        refused, tensor = self.guarded(text, lambda: init(shape, dtype, **others, backend=self.backend))
        if refused:
            return
        if generator and generator.count < count + 1 and draw.seed is not None and not draw.distribution.draws:
            raise Wrong(f"a draw was not counted: {text}")
        array = to_numpy(tensor)
        if why := disagreement(draw, array):
            raise Wrong(f"{why}: {text}")
        self.counts["compared"] += 1

    def again(self, text, init, config):
        """Build an initializer from its configuration, as data."""
        refused, data = self.guarded(f"serialize {text}", lambda: oneseed.initializers.serialize(init))
        if refused:
            return
        refused, again = self.guarded(
            f"deserialize {text}", lambda: oneseed.initializers.deserialize(json.loads(json.dumps(data)))
        )
        if refused:
            raise Wrong(f"its own configuration was refused: {text}: {config}")
        if repr(again.get_config()) != repr(json.loads(json.dumps(config))) and again.get_config() != config:
            raise Wrong(f"another configuration came back: {text}: {again.get_config()} in place of {config}")


def users(error):
    """Tell whether an error comes from a function that was given as an argument."""
    return any(Path(frame.filename).name == "arguments.py" for frame in traceback.extract_tb(error.__traceback__))


def told(given):
    """Write arguments."""
    return ", ".join(f"{name}={shortened(value)}" for name, value in given.items())


def shortened(value):
    try:
        text = repr(value)
    except Exception:
        text = f"<{type(value).__name__}>"
    return text if len(text) < 90 else f"{text[:80]}..."


def too_large(given):
    """Tell whether a tensor would not fit; such shapes are for `describe` in other tests."""
    for name in ("shape", "size", "value", "x"):
        value = given.get(name)
        try:
            sizes = [int(size) for size in np.ravel(value)] if name in ("shape", "size") else []
        except Exception:
            continue
        if sizes and math.prod(max(size, 1) for size in sizes) * (sizes[0] if len(sizes) == 1 else 1) > 10**7:
            return True
    return False


def run(calls, seed, backend, only=None):
    """Return what went wrong, by kind, and the counts."""
    fuzzer = Fuzzer(seed, backend)
    found = {}
    with oneseed.using(backend=backend):
        for number in [only] if only is not None else range(calls):
            try:
                fuzzer.call(number)
            except Wrong as wrong:
                cause = wrong.__cause__
                frame = traceback.extract_tb(cause.__traceback__)[-1] if cause else None
                kind = (type(cause).__name__, frame.filename, frame.lineno) if frame else str(wrong)[:40]
                found.setdefault(
                    kind, f"call {number}: {wrong}" + (f" ({frame.filename}:{frame.lineno})" if frame else "")
                )
    return list(found.values()), fuzzer.counts


def main():
    """Read the command line, run, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--backend", default="numpy")
    parser.add_argument("--only", type=int, help="the number of the one call to make")
    given = parser.parse_args()
    if given.backend in ("torch", "jax", "tensorflow"):
        __import__(given.backend)
    found, counts = run(given.calls, given.seed, given.backend, given.only)
    for each in found:
        print(each)
    print(f"{len(found)} kinds of mistakes in {given.calls} calls: {counts}")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
