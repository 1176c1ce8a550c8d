"""What the gallery says of each initializer; its paper is that of the docstring."""

from typing import NamedTuple


class Entry(NamedTuple):
    """How the picture is made, the formula, and when to use the initializer."""

    expression: str
    shape: tuple[int, ...]
    formula: str
    use: str
    dtype: str = "float32"


DENSE, SQUARE, KERNEL = (100, 200), (48, 48), (3, 3, 16, 16)

SECTIONS: dict[str, dict[str, Entry]] = {
    "Constants and stored values": {
        "Zeros": Entry("Zeros()", (8, 12), "`w = 0`", "Biases, and the last layer of a residual branch."),
        "Ones": Entry("Ones()", (8, 12), "`w = 1`", "The scale of a normalization layer."),
        "Constant": Entry(
            "Constant(np.arange(12))",
            (8, 12),
            "`w = value`, broadcast to the shape",
            "A bias or scale of a known value, one number for all or one for each output.",
        ),
        "Assign": Entry(
            "Assign(np.outer(np.hanning(8), np.hanning(12)))",
            (8, 12),
            "`w = value`, of the same shape",
            "Weights that are at hand as an array.",
        ),
        "FromFile": Entry(
            'FromFile("w.npy")',
            (16, 24),
            "`w` is the tensor in the file",
            "Pretrained weights or embeddings, read block by block where the tensor is sharded.",
        ),
        "NaN": Entry("NaN()", (8, 12), "`w = NaN`", "What a checkpoint must overwrite: if it does not, it shows."),
        "Range": Entry(
            "Range(step=2)", (8, 12), "`w[..., i] = start + step * i`", "Position numbers, and tests of layouts."
        ),
        "PriorProbability": Entry(
            "PriorProbability(0.01)",
            (12,),
            "`b = -log((1 - p) / p)`",
            "The last bias of a classifier or detector whose positives are rare.",
        ),
    },
    "Plain random laws": {
        "RandomNormal": Entry(
            "RandomNormal(stddev=0.05, seed=7)",
            DENSE,
            "`w ~ N(mean, stddev**2)`",
            "Embeddings, and recipes that state a standard deviation without truncation, such as GPT-2's 0.02.",
        ),
        "RandomUniform": Entry(
            "RandomUniform(-0.05, 0.05, seed=7)",
            DENSE,
            "`w ~ U[minval, maxval)`",
            "Recipes that state a range, such as Keras's embeddings.",
        ),
        "TruncatedNormal": Entry(
            "TruncatedNormal(stddev=0.02, seed=7)",
            DENSE,
            "`w ~ N(mean, stddev**2)` within `lower` and `upper`",
            "Transformers, most of whose recipes cut outliers off; names every convention of bounds.",
        ),
        "UniformInt": Entry(
            "UniformInt(0, 10, seed=7)",
            DENSE,
            "`P(w = k) = 1 / (high - low)`",
            "Whole numbers: hash tables, random indices, quantized weights.",
        ),
        "RandomSign": Entry(
            "RandomSign(seed=7)",
            DENSE,
            "`P(w = value) = p`, else `w = -value`",
            "Input weights of reservoirs, and random projections.",
        ),
        "PositiveUnitBall": Entry(
            "PositiveUnitBall(seed=7)",
            (12, 24),
            "`w = u / sum(u)` for each output, `u ~ U(0, 1)`",
            "Layers whose outputs are to begin as weighted means of their inputs.",
        ),
    },
    "Variance by fans": {
        "VarianceScaling": Entry(
            'VarianceScaling(2.0, "fan_out", "untruncated_normal", seed=7)',
            DENSE,
            "`Var w = scale / n`, n a fan or a mean of both",
            "Any rule of this family, those of other frameworks among them.",
        ),
        "GlorotUniform": Entry(
            "GlorotUniform(seed=7)",
            DENSE,
            "`w ~ U[-l, l)`, `l = sqrt(6 / (fan_in + fan_out))`",
            "Linear layers, tanh and attention; the default of Keras.",
        ),
        "GlorotNormal": Entry(
            "GlorotNormal(seed=7)",
            DENSE,
            "truncated normal, `Var w = 2 / (fan_in + fan_out)`",
            "As GlorotUniform, where a normal law is wanted.",
        ),
        "HeUniform": Entry(
            "HeUniform(seed=7)", DENSE, "`w ~ U[-l, l)`, `l = sqrt(6 / fan_in)`", "Layers in front of ReLU and its kin."
        ),
        "HeNormal": Entry(
            "HeNormal(seed=7)",
            DENSE,
            "truncated normal, `Var w = 2 / fan_in`",
            "Convolutions and dense layers in front of ReLU and its kin.",
        ),
        "LecunUniform": Entry(
            "LecunUniform(seed=7)",
            DENSE,
            "`w ~ U[-l, l)`, `l = sqrt(3 / fan_in)`",
            "Linear layers that keep the variance, and SELU.",
        ),
        "LecunNormal": Entry(
            "LecunNormal(seed=7)",
            DENSE,
            "truncated normal, `Var w = 1 / fan_in`",
            "SELU networks; the default of Flax.",
        ),
        "FanInUniform": Entry(
            "FanInUniform(seed=7)",
            DENSE,
            "`w ~ U[-l, l)`, `l = 1 / sqrt(fan_in)`",
            "What PyTorch's and Equinox's layers draw by default, their biases too.",
        ),
        "UniformUnitScaling": Entry(
            "UniformUnitScaling(seed=7)",
            DENSE,
            "`w ~ U[-l, l)`, `l = factor * sqrt(3 / n)`, n all sizes but the last",
            "Networks from TensorFlow 1, Haiku, praxis and lingvo.",
        ),
        "ScaledUniform": Entry(
            "ScaledUniform(seed=7)",
            DENSE,
            "`w ~ U[-l, l)`, `l = 1 / sqrt(n)`, n the number of elements",
            "Networks from tinygrad.",
        ),
        "Siren": Entry(
            "Siren(seed=7)",
            DENSE,
            "`w ~ U[-l, l)`, `l = sqrt(6 / fan_in) / omega`, in the first layer `1 / fan_in`",
            "Networks of sines that represent images, sounds and fields.",
        ),
        "RandomWalk": Entry(
            "RandomWalk(seed=7)",
            (128, 128),
            "`w ~ N(0, g**2 / n)`, `g = exp(1 / (2 n))` or, for ReLU, `sqrt(2) exp(1.2 / (max(n, 6) - 2.4))`",
            "Very deep plain networks of layers of equal width.",
        ),
    },
    "Identities and orthogonal matrices": {
        "Identity": Entry(
            "Identity()",
            (16, 24),
            "`w[i, o] = gain` where `o = i + shift`, else 0",
            "Recurrent layers of ReLU, adapters, skip paths.",
        ),
        "NoisyIdentity": Entry(
            "NoisyIdentity(stddev=0.1, seed=7)",
            (16, 24),
            "`w = gain * I + e`, `e ~ N(0, stddev**2)`",
            "As Identity, where equal units must come apart.",
        ),
        "ZerO": Entry(
            "ZerO()",
            (24, 32),
            "`I`, or with more outputs than inputs `2**(-m / 2)` times columns of a Hadamard matrix of `2**m` rows",
            "Residual networks to be trained from a start without any chance.",
        ),
        "Orthogonal": Entry(
            "Orthogonal(seed=7)",
            SQUARE,
            "`W' W = gain**2 I`, or `W W'` with fewer rows; uniform by Haar's measure",
            "Recurrent kernels, deep linear and tanh networks, policies in reinforcement learning.",
        ),
        "GlorotOrthogonal": Entry(
            "GlorotOrthogonal(seed=7)",
            SQUARE,
            "an orthogonal matrix with `Var w = scale / (fan_in + fan_out)`",
            "Graph networks of molecules, such as DimeNet.",
        ),
        "Spectral": Entry(
            'Spectral(base="glorot_uniform", bjorck_iterations=0, seed=7)',
            SQUARE,
            "`W = k * B / sigma(B)`, sigma the largest singular value",
            "Lipschitz networks: critics of Wasserstein GANs, certified robustness.",
        ),
        "Sparse": Entry(
            "Sparse(0.8, seed=7)",
            SQUARE,
            "`w ~ N(mean, stddev**2)`; `ceil(sparsity * n)` of an output's n weights are 0",
            "Wide layers whose units are to differ, and recurrent networks.",
        ),
    },
    "Kernels of convolutions": {
        "Dirac": Entry(
            "Dirac()",
            (3, 3, 8, 8),
            "`w[middle, i, o] = 1` where `i = o`, else 0",
            "Convolutions that begin as the identity.",
        ),
        "DeltaOrthogonal": Entry(
            "DeltaOrthogonal(seed=7)",
            KERNEL,
            "an orthogonal matrix at the middle tap, else 0",
            "Very deep convolutional networks without normalization.",
        ),
        "ConvolutionOrthogonal": Entry(
            "ConvolutionOrthogonal(seed=7)",
            KERNEL,
            "`H * (P, I - P) * ...`, a convolution that keeps the norm",
            "As DeltaOrthogonal, with weight at all taps.",
        ),
        "ConvolutionAware": Entry(
            "ConvolutionAware(seed=7)",
            (5, 5, 6, 6),
            "inverse Fourier transforms of orthogonal rows, `Var w = 2 / fan_in`",
            "Convolutions whose filters are to differ from the start.",
        ),
        "Bilinear": Entry(
            "Bilinear()",
            (8, 8, 1, 1),
            "`h(y) h(x)`, `h(x) = 1 - abs(x - c) / ceil(size / 2)`, `c = (size - 1) / 2`",
            "Transposed depthwise convolutions that begin as bilinear enlargement.",
        ),
        "UpsamplingFilter": Entry(
            "UpsamplingFilter()",
            (4, 4, 4, 4),
            "products of `1 - abs(x - c) / f` where `i = o`, else 0",
            "Transposed convolutions that enlarge channel by channel, in any number of dimensions.",
        ),
        "DownsamplingFilter": Entry(
            "DownsamplingFilter()",
            (4, 4, 4, 4),
            "the same, divided by its sum",
            "Strided convolutions that begin as a smooth reduction of the image.",
        ),
        "STFT": Entry(
            "STFT()",
            (64, 1, 33),
            "`cos(2 pi t f / F)` or `-sin(2 pi t f / F)`, times a window",
            "Spectrograms of sound as the first layer of a network.",
        ),
    },
    "Recurrent networks and reservoirs": {
        "UnitForgetBias": Entry(
            "UnitForgetBias()",
            (32,),
            "`b = forget_bias` for the forget gate, else 0",
            "The bias of an LSTM, in the order of gates of any framework.",
        ),
        "FusedRNN": Entry(
            (
                'FusedRNN("gru", 1, 4, i2h_weight_initializer=GlorotUniform(seed=7), '
                "h2h_weight_initializer=Orthogonal(seed=7))"
            ),
            (12 * 3 + 12 * 4 + 24,),
            "each parameter by an initializer of its own, one behind the other",
            "The single parameter vector of cuDNN's and MXNet's recurrent layers.",
        ),
        "EchoState": Entry(
            "EchoState(0.9, connectivity=0.2, seed=7)",
            SQUARE,
            "`W = r * B / max(abs(eigenvalues of B))`, B random and sparse",
            "The recurrent weights of an echo state network.",
        ),
        "Cluster": Entry(
            "Cluster(0.5, 0.02, seed=7)",
            SQUARE,
            "a weight with the probability `p_in` within a cluster, `p_out` between two, else 0",
            "Reservoirs of loosely coupled groups.",
        ),
        "SmallWorld": Entry(
            "SmallWorld(6, 0.1, seed=7)",
            SQUARE,
            "weights between neighbors on a ring, a share `rewiring` of them moved",
            "Reservoirs with short paths and few weights.",
        ),
        "Ring": Entry(
            "Ring()", (16, 16), "`w[i, (i + 1) % n] = weight`, else 0", "Reservoirs of one cycle, with nothing random."
        ),
        "Line": Entry(
            "Line()", (16, 16), "`w[i, i + 1] = weight`, else 0", "Delay lines: reservoirs that remember n steps."
        ),
    },
    "State space models": {
        "HiPPO": Entry(
            "HiPPO()",
            (24, 24),
            "`A[n, k] = -sqrt((2n + 1)(2k + 1))` for `n > k`, `-(n + 1)` for `n = k`, else 0, and more measures",
            "S4 and recurrent units with a memory of all that they have seen.",
        ),
        "S4D": Entry(
            "S4D()", (32,), "`A[n] = -1/2 + i pi n`, and more kinds", "Diagonal state space models.", "complex64"
        ),
        "MambaA": Entry("MambaA()", (16,), "`A_log[n] = log(n + 1)`", "The state matrix of Mamba's layers."),
        "MambaDtBias": Entry(
            "MambaDtBias(seed=7)",
            (20000,),
            "`softplus(b)` is log-uniform on `[dt_min, dt_max)`",
            "The bias of the step size in Mamba's layers.",
        ),
    },
    "Made of others": {
        "Blockwise": Entry(
            'Blockwise(["zeros", GlorotUniform(seed=7), Identity()], [16, 16, 16], names=["q", "k", "v"])',
            (16, 48),
            "blocks along an axis, each with fans and path of its own",
            "Packed weights, such as query, key and value in one matrix.",
        ),
        "PerGroup": Entry(
            "PerGroup(Orthogonal(seed=7), groups=3)",
            (16, 48),
            "equal blocks along an axis, each with fans and path of its own",
            "Grouped convolutions, experts, fused gates.",
        ),
        "Sum": Entry(
            "Sum([Identity(), RandomNormal(stddev=0.2, seed=7)])",
            (24, 24),
            "`w = w1 + w2 + ...`",
            "A structure and noise, such as an identity that is not exact.",
        ),
        "Scaled": Entry(
            "Scaled(Orthogonal(seed=7), 0.1)",
            (24, 24),
            "`w = factor * w1`",
            "Rules of depth: what the layers of a deep network are multiplied with.",
        ),
        "Partial": Entry(
            'Partial(Identity(shift=4), axes="o i")',
            (24, 24),
            "`w = w1` with `axes`, `dtype` and `path` given beforehand",
            "Layers that call their initializers with a shape and a dtype alone.",
        ),
    },
}
"""Every initializer, by what it is for."""
