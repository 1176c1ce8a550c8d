"""What libraries of PyTorch do with tensors: loaded, empty, flat, partitioned, offloaded, wrapped and freed ones."""

import pickle
from functools import partial

import pytest
from frameworks import installed, peer

if not installed("torch"):
    pytest.skip("torch is not installed", allow_module_level=True)

import torch
from tools.torch_calls import DRAWING, FIXED, SHAPES, draw
from torch import nn
from torch.nn.utils import parametrize
from torch.overrides import TorchFunctionMode

import oneseed
import oneseed_torch
from oneseed import Rule, Scheme, initializers
from oneseed import backend as K
from oneseed.random import SeedGenerator
from oneseed_torch import init

NAMES = [*DRAWING, *FIXED]
SCHEME = Scheme([Rule("*bias", "zeros"), Rule("*", "he_normal")])


def whole(name):
    return torch.full(SHAPES.get(name, (6, 4)), 5.0)


# Tensors that are to stay as they are


@pytest.mark.parametrize("name", NAMES)
def test_a_tensor_that_transformers_has_loaded_stays(name):
    generator = SeedGenerator(7)
    parameter = nn.Parameter(whole(name))
    parameter._is_hf_initialized = True
    assert draw(name, parameter, seed=generator) is parameter
    assert (parameter == 5).all()
    assert generator.count == 0
    parameter._is_hf_initialized = False
    draw(name, parameter, seed=generator)
    assert not (parameter == 5).all()


def test_a_pretrained_model_gets_what_it_lacks_alone(tmp_path):
    transformers = peer("transformers")

    class Config(transformers.PretrainedConfig):
        model_type = "small"

        def __init__(self, biased=False, **others):
            self.biased = biased
            super().__init__(**others)

    class Model(transformers.PreTrainedModel):
        config_class = Config

        def __init__(self, config):
            super().__init__(config)
            self.layer = nn.Linear(4, 4, bias=config.biased)
            self.post_init()

        def _init_weights(self, module):
            if isinstance(module, nn.Linear):
                init.normal_(module.weight, std=0.02)
                if module.bias is not None:
                    init.constant_(module.bias, 3.0)

    model = Model(Config())
    model.layer.weight.data.fill_(5.0)
    model.save_pretrained(tmp_path)
    loaded = Model.from_pretrained(tmp_path, config=Config(biased=True))
    assert (loaded.layer.weight == 5).all()
    assert (loaded.layer.bias == 3).all()


class Skipping(TorchFunctionMode):
    """Skips the functions of `torch.nn.init`, as Lightning's context for empty models does."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if getattr(func, "__module__", None) == "torch.nn.init":
            return (kwargs or {})["tensor"] if "tensor" in (kwargs or {}) else args[0]
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", NAMES)
def test_a_mode_may_skip_the_functions(name):
    generator, tensor = SeedGenerator(7), whole(name)
    with Skipping():
        assert draw(name, tensor, seed=generator) is tensor
    assert (tensor == 5).all()
    assert generator.count == 0
    with Skipping():
        assert init.normal_(tensor=tensor) is tensor
    draw(name, tensor, seed=generator)
    assert not (tensor == 5).all()


class Seen(torch.Tensor):
    """Notes the functions that are called with it."""

    calls = []

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        cls.calls.append(func)
        return super().__torch_function__(func, types, args, kwargs or {})


@pytest.mark.parametrize("name", NAMES)
def test_classes_that_override_functions_see_the_call(name):
    Seen.calls.clear()
    tensor = whole(name).as_subclass(Seen)
    assert type(draw(name, tensor, seed=7)) is Seen
    assert torch.equal(tensor.as_subclass(torch.Tensor), draw(name, whole(name), seed=7))
    first = Seen.calls[0]
    assert (first.__module__, first.__name__) == ("torch.nn.init", name)


def test_functions_can_be_pickled():
    for name in NAMES:
        function = getattr(init, name)
        assert pickle.loads(pickle.dumps(function)) is function


def test_modules_without_values_stay_without():
    layer = nn.utils.skip_init(nn.Linear, 3, 4)
    assert layer.weight.shape == (4, 3)


# Tensors whose values lie elsewhere


@pytest.mark.parametrize("name", NAMES)
def test_a_partitioned_parameter_is_refused(name):
    parameter = nn.Parameter(torch.empty(0))
    parameter.ds_id, parameter.ds_shape, parameter.ds_numel = 3, torch.Size((6, 4)), 24
    generator = SeedGenerator(7)
    with pytest.raises(ValueError, match="ZeRO has partitioned"):
        draw(name, parameter, seed=generator)
    assert generator.count == 0
    gathered = nn.Parameter(whole(name))
    gathered.ds_id, gathered.ds_numel = 3, gathered.numel()
    assert torch.equal(draw(name, gathered, seed=7), draw(name, whole(name), seed=7))


def test_a_partitioned_module_is_refused_before_a_draw():
    module = nn.Linear(3, 3)
    before = module.weight.detach().clone()
    module.bias.data = torch.empty(0)
    module.bias.ds_id, module.bias.ds_numel = 3, 3
    with pytest.raises(ValueError, match="ZeRO has partitioned"):
        oneseed_torch.initialize_(module, SCHEME, seed=7)
    assert torch.equal(module.weight, before)


class Hook:
    """What accelerate hangs on a layer whose parameters it loads at each call."""

    offload = True


class Several:
    hooks = (object(), Hook())


@pytest.mark.parametrize("hook", [Hook, Several])
def test_offloaded_parameters_are_refused_before_a_draw(hook):
    module = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3, device="meta"))
    module[1]._hf_hook = hook()
    before = module[0].weight.detach().clone()
    with pytest.raises(ValueError, match=r"accelerate has offloaded.*'1.weight'"):
        oneseed_torch.initialize_(module, SCHEME, seed=7, device="cpu")
    assert torch.equal(module[0].weight, before)
    assert module[1].weight.is_meta
    del module[1]._hf_hook
    oneseed_torch.initialize_(module, SCHEME, seed=7, device="cpu")


def test_flat_parameters_are_refused_and_whole_ones_filled(run_ranks):
    run_ranks("torch_flat_ranks.py", 2)


def test_a_computed_weight_is_not_filled_without_a_word():
    module = nn.Linear(4, 6)
    parametrize.register_parametrization(module, "weight", nn.Softplus())
    with pytest.warns(UserWarning, match=r"`module.parametrizations.weight.original`") as caught:
        init.normal_(module.weight, seed=7)
    assert caught[0].filename == __file__
    original = module.parametrizations.weight.original
    assert torch.equal(init.normal_(original, seed=7), init.normal_(torch.empty(6, 4), seed=7))


# Memory


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float8_e4m3fn", "float8_e5m2", "complex64"])
@pytest.mark.parametrize("name", ["normal_", "orthogonal_", "constant_"])
def test_a_tensor_can_be_resized_after_a_draw(name, dtype):
    tensor = draw(name, torch.empty(4, 4, dtype=getattr(torch, dtype)), seed=7)
    want = tensor.clone()
    tensor.resize_(100, 4)
    assert torch.equal(tensor[:4].view(torch.uint8), want.view(torch.uint8))
    tensor.untyped_storage().resize_(0)


@pytest.mark.parametrize(
    "make", [initializers.HeNormal, initializers.Orthogonal, initializers.Zeros, initializers.Identity]
)
def test_what_is_made_can_be_resized_and_shared(make):
    tensor = make()((8, 8), backend="torch")
    tensor.share_memory_()
    assert tensor.is_shared()
    make()((8, 8), backend="torch").resize_(100)
    with oneseed.using(backend="torch"):
        K.variable(tensor).data.resize_(100)


def test_freed_memory_is_not_written_to():
    tensor = torch.empty(4, 4)
    tensor.untyped_storage().resize_(0)
    calls = (init.normal_, init.orthogonal_, init.zeros_, init.ones_, init.eye_, partial(init.constant_, val=2.0))
    for fill in calls:
        with pytest.raises(ValueError, match="has been freed"):
            fill(tensor)
    kernel = torch.empty(4, 4, 3)
    kernel.untyped_storage().resize_(0)
    with pytest.raises(ValueError, match="has been freed"):
        init.dirac_(kernel)


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning")
def test_quantized_tensors_take_constants_alone():
    tensor = torch.quantize_per_tensor(torch.ones(4, 4), 0.5, 0, torch.qint8)
    for fill in (init.normal_, init.uniform_, init.orthogonal_):
        with pytest.raises(TypeError, match="dtype"):
            fill(tensor)
    assert (tensor.dequantize() == 1).all()
    assert (init.zeros_(tensor).dequantize() == 0).all()
    assert (init.constant_(tensor, 2.5).dequantize() == 2.5).all()


def test_elements_that_share_memory_are_refused():
    for tensor in (torch.empty(6, 1).expand(6, 4), torch.empty(40).as_strided((8, 4), (2, 1))):
        with pytest.raises(ValueError, match="memory of its own for each element"):
            init.normal_(tensor, seed=7)
    woven = torch.empty(100).as_strided((8, 4), (3, 8))
    assert torch.equal(init.normal_(woven, seed=7), init.normal_(torch.empty(8, 4), seed=7))
    with pytest.raises(ValueError, match="must be dense"):
        init.normal_(torch.nested.nested_tensor([torch.ones(2, 3), torch.ones(4, 3)], layout=torch.jagged), seed=7)


def test_inference_tensors():
    want = init.normal_(torch.empty(6, 4), seed=7)
    with torch.inference_mode():
        inference = torch.empty(6, 4)
        ordinary = init.normal_(torch.empty(6, 4), seed=7)
    assert torch.equal(init.normal_(inference, seed=7), want)
    assert torch.equal(ordinary, want)
    plain = torch.empty(6, 4)
    with torch.inference_mode():
        init.normal_(plain, seed=7)
    assert torch.equal(plain, want)
    assert plain._version == 1


# Names and empty tensors


def test_the_names_that_programs_copy():
    for shape in ((4, 3), (8, 3, 5, 5), (2, 2, 1), (0, 3), (3, 2, 0)):
        tensor = torch.empty(shape)
        assert init._calculate_fan_in_and_fan_out(tensor) == nn.init._calculate_fan_in_and_fan_out(tensor)
        for mode in ("fan_in", "FAN_OUT"):
            assert init._calculate_correct_fan(tensor, mode) == nn.init._calculate_correct_fan(tensor, mode)
    for shape in ((), (3,)):
        with pytest.raises(ValueError, match="at least 2 axes"):
            init._calculate_fan_in_and_fan_out(torch.empty(shape))
    with pytest.raises(ValueError, match="`mode` must be"):
        init._calculate_correct_fan(torch.empty(3, 3), "fan_avg")
    theirs = {name for name, value in vars(nn.init).items() if getattr(value, "__module__", None) == "torch.nn.init"}
    assert {name for name in theirs if name not in vars(init)} <= {"_make_deprecate", "_P", "_R"}


def test_functions_without_a_gradient():
    oneseed.set_random_seed(7)
    made = [
        init._no_grad_uniform_(torch.empty(3), -1.0, 2.0),
        init._no_grad_normal_(torch.empty(3), 1.0, 2.0),
        init._no_grad_trunc_normal_(torch.empty(3), 0.0, 1.0, -1.0, 2.0),
    ]
    oneseed.set_random_seed(7)
    assert torch.equal(made[0], init.uniform_(torch.empty(3), -1.0, 2.0))
    assert torch.equal(made[1], init.normal_(torch.empty(3), 1.0, 2.0))
    assert torch.equal(made[2], init.trunc_normal_(torch.empty(3), 0.0, 1.0, -1.0, 2.0))
    assert init._no_grad_fill_(torch.empty(2), 3.0).tolist() == [3, 3]
    assert init._no_grad_zero_(torch.ones(2)).tolist() == [0, 0]


EMPTY = [(0,), (0, 3), (3, 0), (0, 0), (2, 0, 4), (0, 3, 4), (2, 3, 0), (4, 0, 3, 3), (0, 3, 3, 3, 3)]
DTYPES = ["float32", "float64", "float16", "bfloat16", "complex64", "complex128", "int32", "int64", "int8", "bool"]


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_empty_tensors_are_accepted_where_pytorch_accepts_them(name, dtype):
    arguments = {"constant_": (0.5,), "sparse_": (0.3,)}.get(name, ())
    for shape in EMPTY:
        tensor = torch.empty(shape, dtype=getattr(torch, dtype))
        try:
            getattr(nn.init, name)(tensor, *arguments)
        except (ValueError, RuntimeError, ZeroDivisionError, IndexError):
            continue
        assert getattr(init, name)(tensor, *arguments) is tensor


def test_dirac_in_the_dtypes_that_pytorch_hardly_knows():
    for name in ("uint16", "uint32", "uint64", "complex64", "float8_e5m2"):
        tensor = torch.full((4, 3, 3), 1, dtype=torch.uint8).to(getattr(torch, name))
        made = init.dirac_(tensor, groups=2).to(torch.complex64 if name == "complex64" else torch.float32)
        assert torch.equal(made.real, nn.init.dirac_(torch.empty(4, 3, 3), groups=2))


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_sparse_complex_matrices(dtype):
    made = init.sparse_(torch.empty(400, 50, dtype=getattr(torch, dtype)), sparsity=0.25, std=0.5, seed=7)
    assert ((made == 0).sum(0) == 100).all()
    rest = made[made != 0]
    assert (rest.real != 0).all()
    assert rest.abs().square().mean().item() == pytest.approx(0.25, rel=0.03)
    assert rest.imag.square().mean().item() == pytest.approx(0.125, rel=0.04)
    where = init.sparse_(torch.empty(400, 50), sparsity=0.25, seed=7) == 0
    assert torch.equal(made == 0, where)
    numpy = initializers.Sparse(0.25, 0.5, per="input", seed=7)((400, 50), dtype, axes="o i", backend="numpy")
    assert torch.equal(made, torch.from_numpy(numpy))
