"""What composed and architectural initializers must give, element by element: a second implementation.

Random elements come from `reference`, all else from exact arithmetic, each from its definition, without the library.
"""

import hashlib
import itertools
import math

import mpmath
import reference as ref

STDDEV_OF_PM2 = 0.87962566103423975041


def fan_in_and_out(shape, axes):
    """Return fan_in and fan_out, for a pattern of axes or for Keras's rule."""
    if axes is None:
        if len(shape) < 2:
            return math.prod(shape), math.prod(shape)
        axes = " ".join(["x"] * (len(shape) - 2) + ["i", "o"])
    sizes = {"i": 1, "o": 1, "x": 1}
    for name, size in zip(axes.split(), shape, strict=True):
        if name[0] not in "ebg":
            sizes[name[0] if name[0] in "io" else "x"] *= size
    return sizes["i"] * sizes["x"], sizes["o"] * sizes["x"]


def half_by_float32(value, dtype):
    """Round a number to a dtype, to a half by way of float32; parts of a complex number each."""
    if dtype.startswith("complex"):
        part = {"complex64": "float32", "complex128": "float64"}[dtype]
        return complex(ref.rounded(float(value.real), part), ref.rounded(float(value.imag), part))
    return ref.rounded(ref.rounded(float(value), ref.working(dtype)), dtype)


class Call:
    """A call of an initializer given as data."""

    def __init__(self, initializer, shape, dtype, axes=None, path=()):
        self.name = initializer["class_name"]
        self.config = initializer.get("config", {})
        self.shape, self.dtype, self.axes, self.path = tuple(shape), dtype, axes, tuple(path)

    def part(self, initializer, shape, name=None, **changes):
        path = self.path if name is None else (*self.path, name)
        return Call(initializer, shape, **{"dtype": self.dtype, "axes": self.axes, "path": path, **changes})

    def tensor(self):
        """Return all elements by their coordinates."""
        return {at: self.element(at) for at in itertools.product(*map(range, self.shape))}

    def element(self, at):
        return getattr(self, f"_{self.name}")(at, **self.config)

    # Plain ones.

    def address(self, seed, at):
        return seed, ref.stream_of(self.path), ref.logical_index(self.shape, self.axes, at)

    def _Zeros(self, at):
        return 0.0

    def _Constant(self, at, value):
        return ref.rounded(float(value), self.dtype)

    def _Identity(self, at, gain=1.0):
        return ref.rounded(float(gain), self.dtype) if at[0] == at[1] else 0.0

    def _RandomNormal(self, at, mean=0.0, stddev=0.05, seed=None):
        return ref.normal(*self.address(seed, at), mean, stddev, self.dtype)

    def _HeNormal(self, at, seed):
        stddev = math.sqrt(2.0 / max(1, fan_in_and_out(self.shape, self.axes)[0])) / STDDEV_OF_PM2
        return ref.truncated_normal(*self.address(seed, at), 0.0, stddev, self.dtype)

    def _GlorotUniform(self, at, seed):
        limit = math.sqrt(3.0 * (1.0 / max(1, sum(fan_in_and_out(self.shape, self.axes)) / 2)))
        return ref.uniform(*self.address(seed, at), -limit, limit, self.dtype)

    # Composed ones.

    def _blocks(self, at, axis, parts):
        """Find the element in parts, each (initializer, size, name), that lie along an axis."""
        axis %= len(self.shape)
        start = 0
        for initializer, size, name in parts:
            if at[axis] < start + size:
                shape = (*self.shape[:axis], size, *self.shape[axis + 1 :])
                inside = (*at[:axis], at[axis] - start, *at[axis + 1 :])
                return self.part(initializer, shape, name).element(inside)
            start += size
        raise IndexError(at)

    def _Blockwise(self, at, initializers, sizes, axis=-1, names=None):
        return self._blocks(at, axis, list(zip(initializers, sizes, names or range(len(sizes)), strict=True)))

    def _PerGroup(self, at, initializer, groups, axis=-1):
        return self._blocks(at, axis, [(initializer, self.shape[axis] // groups, k) for k in range(groups)])

    def _UnitForgetBias(self, at, forget_bias=1.0, gates="ifco", axis=-1):
        constant = {"class_name": "Constant", "config": {"value": forget_bias}}
        zeros = {"class_name": "Zeros"}
        return self._blocks(
            at, axis, [(constant if gate == "f" else zeros, self.shape[axis] // 4, None) for gate in gates]
        )

    def _wide(self):
        return ref.working(self.dtype)

    def _Sum(self, at, initializers):
        total = None
        for k, initializer in enumerate(initializers):
            term = self.part(initializer, self.shape, k, dtype=self._wide()).element(at)
            total = term if total is None else total + term
        return half_by_float32(total, self.dtype)

    def _Scaled(self, at, initializer, factor):
        part = self.part(initializer, self.shape, dtype=self._wide())
        return half_by_float32(part.element(at) * factor, self.dtype)

    def _Partial(self, at, initializer, axes=None, dtype=None, path=None):
        return self.part(initializer, self.shape, axes=self.axes or axes, path=self.path or path or ()).element(at)

    def _FusedRNN(
        self,
        at,
        mode,
        num_layers,
        state_size,
        i2h_weight_initializer,
        h2h_weight_initializer,
        i2h_bias_initializer,
        h2h_bias_initializer,
        bidirectional=False,
        projection_size=None,
        h2r_weight_initializer=None,
    ):
        rows = state_size * {"rnn_relu": 1, "rnn_tanh": 1, "gru": 3, "lstm": 4}[mode]
        sides, out = (("l", "r") if bidirectional else ("l",)), projection_size or state_size
        for inputs in itertools.count(1):  # the number for which the vector has the right length
            found = []
            for layer, side in itertools.product(range(num_layers), sides):
                wide = inputs if layer == 0 else out * len(sides)
                found.append((i2h_weight_initializer, (rows, wide), f"{side}{layer}_i2h_weight"))
                found.append((h2h_weight_initializer, (rows, out), f"{side}{layer}_h2h_weight"))
                if projection_size:
                    found.append((h2r_weight_initializer, (out, state_size), f"{side}{layer}_h2r_weight"))
            for layer, side in itertools.product(range(num_layers), sides):
                found.append((i2h_bias_initializer, (rows,), f"{side}{layer}_i2h_bias"))
                found.append((h2h_bias_initializer, (rows,), f"{side}{layer}_h2h_bias"))
            if sum(math.prod(shape) for _, shape, _ in found) == self.shape[0]:
                break
        k = at[0]
        for initializer, shape, name in found:
            if k < math.prod(shape):
                inside = divmod(k, shape[1]) if len(shape) == 2 else (k,)
                return self.part(initializer, shape, name, axes="o i" if len(shape) == 2 else None).element(inside)
            k -= math.prod(shape)
        raise IndexError(at)

    # State spaces, in 60 digits.

    def _HiPPO(self, at, measure="legs", part="A"):
        with mpmath.workdps(60):
            return half_by_float32(hippo(measure, part, at), self.dtype)

    def _S4D(self, at, kind="lin", part="complex"):
        n, order = at[-1], 2 * self.shape[-1]
        with mpmath.workdps(60):
            if kind == "legs":
                imaginary = legs_frequencies(order)[n]
            else:
                formulas = {
                    "lin": mpmath.pi * n,
                    "real": 0,
                    "inv": order / mpmath.pi * (mpmath.mpf(order) / (2 * n + 1) - 1),
                }
                imaginary = formulas[kind]
            real = -(n + 1) if kind == "real" else mpmath.mpf("-0.5")
            value = {"real": real, "imag": imaginary, "complex": mpmath.mpc(real, imaginary)}[part]
            return half_by_float32(value, self.dtype)

    def _S4DB(self, at, kind="constant", part="complex", scale=1.0):
        n, numbers = at[-1], self.shape[-1]
        with mpmath.workdps(60):
            sign = {"unit_ccw": 1, "unit_cw": -1}.get(kind)
            angle = mpmath.pi * n / numbers
            if sign is None:
                value = mpmath.mpc((-1) ** n if kind == "alternating" else 1)
            else:
                value = mpmath.mpc(mpmath.cos(angle), sign * mpmath.sin(angle))
            return half_by_float32(scale * {"real": value.real, "imag": value.imag}.get(part, value), self.dtype)

    def _MambaA(self, at):
        with mpmath.workdps(60):
            return half_by_float32(mpmath.log(at[-1] + 1), self.dtype)

    def _MambaDtBias(self, at, seed, dt_min=0.001, dt_max=0.1, dt_init_floor=1e-4):
        u = ref.uniform(*self.address(seed, at), math.log(dt_min), math.log(dt_max), "float64")
        with mpmath.workdps(60):
            dt = max(mpmath.exp(u), mpmath.mpf(dt_init_floor))
            return half_by_float32(mpmath.log(mpmath.expm1(dt)), self.dtype)


def hippo(measure, part, at):
    """Return an element of A or B of a HiPPO measure, as the papers and the S4 code define them."""
    if measure == "fout":
        b = [mpmath.mpf(1) if n == 0 else mpmath.sqrt(2) * (n % 2 == 0) for n in at[-2:]]
    else:
        b = [mpmath.sqrt(2 * n + 1) for n in at[-2:]]
    if part == "B":
        return b[-1] / 2 if measure == "legt" else b[-1]
    n, k = at[-2:]
    product = b[0] * b[1]
    if measure == "legs":
        return -product if n > k else -mpmath.mpf(n + 1) if n == k else mpmath.mpf(0)
    if measure == "legt":
        return -product * ((-1) ** (n - k) if n < k else 1) / 2
    frequency = (
        {(0, 1): -(n // 2), (1, 0): k // 2}.get((n % 2, k % 2), 0) if abs(n - k) == 1 and n // 2 == k // 2 else 0
    )
    return mpmath.pi * frequency - product


def legs_frequencies(order):
    """Return the positive imaginary parts of the eigenvalues of A + b b' / 2 + 1/2, for HiPPO-LegS, ascending."""
    a = mpmath.matrix(order)
    for n, k in itertools.product(range(order), repeat=2):
        b = mpmath.sqrt((2 * n + 1) * (2 * k + 1))
        a[n, k] = hippo("legs", "A", (n, k)) + b / 2 + (mpmath.mpf(1) / 2 if n == k else 0)
    values, _ = mpmath.eig(a)
    return sorted(value.imag for value in values if value.imag > 0)


def row_of(tensor, shape, offset=None, block=None):
    """Return the values of a block in row-major order, all of it unless told otherwise."""
    offset, block = offset or (0,) * len(shape), block or shape
    ranges = (range(a, a + n) for a, n in zip(offset, block, strict=True))
    return [tensor[at] for at in itertools.product(*ranges)]


def fingerprint(values, shape, dtype):
    """Return the digest of values in row-major order, as the documentation defines it."""
    digest = hashlib.blake2b(f"{dtype}{tuple(shape)}".encode(), digest_size=8)
    for value in values:
        if dtype.startswith("complex"):
            part = {"complex64": "float32", "complex128": "float64"}[dtype]
            for number in (value.real, value.imag):
                digest.update(ref.bits(number, part).to_bytes(int(part[5:]) // 8, "little"))
        else:
            size = {"bfloat16": 2, "float16": 2, "float32": 4, "float64": 8}[dtype]
            digest.update(ref.bits(value, dtype).to_bytes(size, "little"))
    return digest.hexdigest()
