"""What `oneseed init` reads: lists, headers, indexes; and that nothing malformed gets further than one line."""

import json
import os
import struct
import subprocess
import sys

import numpy as np
import pytest
import tomli_w
from checkpoints import PARAMS, ROWS, SCHEME, TIED, plan, values
from safetensors.numpy import load_file, save_file

import oneseed
from oneseed import Parameter, Rule, Scheme, checkpoint, schemes
from oneseed.checkpoint import headers, sources


@pytest.fixture
def scheme(tmp_path):
    (tmp_path / "scheme.toml").write_text(SCHEME.to_toml())
    return tmp_path / "scheme.toml"


@pytest.fixture
def refused(run, tmp_path, scheme):
    """Run `oneseed init` on a source; return the one line with which it ends."""

    def refused(source, *options, scheme=scheme):
        out = tmp_path / "refused"
        status, printed, err = run("init", source, "--scheme", scheme, "--seed", 7, "--out", out, *options)
        assert (status, printed) == (2, "")
        assert len(err.splitlines()) == 1
        assert err.startswith("oneseed: ")
        assert not out.exists()
        return err

    return refused


def test_a_list_in_json_and_in_toml(tmp_path, run, scheme):
    (tmp_path / "p.json").write_text(json.dumps({"parameters": ROWS}))
    (tmp_path / "bare.json").write_text(json.dumps(ROWS))
    (tmp_path / "p.toml").write_text(tomli_w.dumps({"parameters": ROWS}))
    (tmp_path / "plan.json").write_text(json.dumps(plan().as_dict()))
    made = []
    for name in ("p.json", "bare.json", "p.toml", "plan.json"):
        out = tmp_path / f"out of {name}"
        assert run("init", tmp_path / name, "--scheme", scheme, "--seed", 7, "--out", out, "--shard-size", 3000)[0] == 0
        assert run("verify", out)[0] == 0
        made.append({path.name: path.read_bytes() for path in out.iterdir() if path.suffix == ".safetensors"})
    assert all(its.keys() == made[0].keys() for its in made)
    # The name of the scheme is the file's; all that decides a value is the same.
    assert made[0] == made[1] == made[2] == made[3]
    found = sources.read(tmp_path / "p.toml")
    assert (found.tied, found.params["h.0.w"]) == (TIED, Parameter((40, 24), "bfloat16", "o i"))


def test_headers_alone_give_the_same_shapes_and_new_weights(tmp_path, run):
    theirs = {
        "a.weight": np.ones((6, 4), "float32"),
        "a.bias": np.ones(6, "float16"),
        "conv.weight": np.ones((2, 3, 5, 5), "float32"),
        "step": np.ones((), "int64"),
    }
    save_file(theirs, tmp_path / "theirs.safetensors", metadata={"format": "pt"})
    data = (tmp_path / "theirs.safetensors").read_bytes()
    length = headers.read(tmp_path / "theirs.safetensors").size
    (tmp_path / "header.safetensors").write_bytes(data[:length])
    (tmp_path / "s.toml").write_text(
        oneseed.Scheme(
            [oneseed.Rule("step", "zeros"), oneseed.Rule("*.bias", "zeros"), oneseed.Rule("*", "he_normal")]
        ).to_toml()
    )
    for name in ("theirs", "header"):
        out = tmp_path / f"from {name}"
        assert (
            run("init", tmp_path / f"{name}.safetensors", "--scheme", tmp_path / "s.toml", "--seed", 7, "--out", out)[0]
            == 0
        )
        header = headers.read(out / "model.safetensors")
        assert {n: (t.dtype, t.shape) for n, t in header.tensors.items()} == {
            n: (t.dtype, t.shape) for n, t in headers.read(tmp_path / "theirs.safetensors").tensors.items()
        }
        from safetensors.numpy import load_file

        got = load_file(out / "model.safetensors")["conv.weight"]
        expected = oneseed.initializers.HeNormal(seed=7)((2, 3, 5, 5), axes="o i h w", path="conv.weight")
        assert got.tobytes() == expected.tobytes()


def test_an_index_and_its_files(tmp_path):
    checkpoint.write(plan(), 7, tmp_path, shard_size=3000)
    found = sources.read(tmp_path / "model.safetensors.index.json")
    assert {name: (tuple(p.shape), p.dtype) for name, p in found.params.items()} == {
        name: (tuple(p.shape), p.dtype) for name, p in PARAMS.items()
    }
    assert found.params["h.0.w"].axes == "o i"
    assert found.params["h.0.b"].axes is None


def test_dtype_is_that_of_all_floats(tmp_path, run, scheme):
    (tmp_path / "p.json").write_text(json.dumps(ROWS))
    out = tmp_path / "out"
    assert (
        run("init", tmp_path / "p.json", "--scheme", scheme, "--seed", 7, "--out", out, "--dtype", "bfloat16")[0] == 0
    )
    dtypes = {name: stored.dtype for name, stored in headers.read(out / "model.safetensors").tensors.items()}
    assert {dtypes[name] for name in ("h.0.w", "h.1.w", "h.1.b", "embed.weight")} == {"BF16"}
    assert (dtypes["ids"], dtypes["mask"], dtypes["h.1.c"], dtypes["step"]) == ("I32", "BOOL", "C64", "I64")


def test_dtype_stands_in_where_a_list_says_none(tmp_path, run):
    rows = [{"name": "0.weight", "shape": [3, 8]}, {"name": "0.bias", "shape": [3], "dtype": "float16"}]
    rows += [{"name": "1.mask", "shape": [3], "dtype": "bool"}]
    (tmp_path / "p.json").write_text(json.dumps(rows))
    (tmp_path / "p.toml").write_text(tomli_w.dumps({"parameters": rows}))
    layers = json.dumps({"0": {"kind": "linear", "fan_in": 8}, "1": {"kind": "prelu"}})
    (tmp_path / "scheme.json").write_text(
        Scheme([Rule("1.mask", "ones"), *schemes.torch({"0": schemes.Layer("linear", 8)}).rules]).to_json()
    )
    for name in ("p.json", "p.toml"):
        asked = ("init", tmp_path / name, "--scheme", tmp_path / "scheme.json", "--seed", 7)
        assert run(*asked, "--out", tmp_path / name[2:], "--dtype", "float32")[0] == 0
        stored = headers.read(tmp_path / name[2:] / "model.safetensors").tensors
        assert {name: of.dtype for name, of in stored.items()} == {
            "0.weight": "F32",
            "0.bias": "F32",
            "1.mask": "BOOL",
        }
        assert "--dtype stands in" in run(*asked, "--out", tmp_path / "none")[2]
        assert "Did you mean 'float32'" in run(*asked, "--out", tmp_path / "none", "--dtype", "floot32")[2]
    # Numbered layers are not the `layers` of the scheme `torch`, which are given as JSON.
    (tmp_path / "q.json").write_text(json.dumps(rows[:2]))
    asked = ("init", tmp_path / "q.json", "--scheme", "torch", "--seed", 7, "--dtype", "float32")
    assert "torch needs --set layers=" in run(*asked, "--out", tmp_path / "q")[2]
    assert run(*asked, "--out", tmp_path / "q", "--set", f"layers={layers}")[0] == 0
    weight = load_file(tmp_path / "q" / "model.safetensors")["0.weight"]
    assert (weight == load_file(tmp_path / "json" / "model.safetensors")["0.weight"]).all()


LISTS = {
    "not JSON": ("[", "is not JSON"),
    "a number": ("7", "must hold a list of parameters"),
    "of numbers": ("[7]", "must hold a list of parameters"),
    "no list": ('{"parameters": 7}', "must hold a list of parameters"),
    "a key twice": ('[{"name": "w", "name": "v"}]', "the key 'name' comes twice"),
    "no name": ('[{"shape": [2], "dtype": "float32"}]', "must give each parameter a name"),
    "no shape": ('[{"name": "w", "dtype": "float32"}]', "must have a shape"),
    "negative": ('[{"name": "w", "shape": [-2], "dtype": "float32"}]', "must have a shape"),
    "fractions": ('[{"name": "w", "shape": [2.5], "dtype": "float32"}]', "must have a shape"),
    "truth": ('[{"name": "w", "shape": [true], "dtype": "float32"}]', "must have a shape"),
    "huge": ('[{"name": "w", "shape": [9223372036854775807, 9], "dtype": "float32"}]', "fewer than 2**63"),
    "no dtype": ('[{"name": "w", "shape": [2]}]', "must have a dtype"),
    "another dtype": ('[{"name": "w", "shape": [2], "dtype": "float31"}]', "Did you mean 'float32'"),
    "a dtype that files lack": ('[{"name": "w", "shape": [2], "dtype": "complex128"}]', "'w' of complex128"),
    "two of a name": (
        '[{"name": "w", "shape": [2], "dtype": "int8"}, {"name": "w", "shape": [2], "dtype": "int8"}]',
        "twice",
    ),
    "tied to itself": ('[{"name": "w", "shape": [2], "dtype": "float32", "tied": ["w"]}]', "'w' twice"),
    "tied twice": (
        '[{"name": "w", "shape": [2], "dtype": "int8", "tied": ["v"]}, {"name": "v", "shape": [2], "dtype": "int8"}]',
        "'v' twice",
    ),
    "one stream": (
        '[{"name": "w", "shape": [2], "dtype": "half"}, {"name": "v", "logical": "w", "shape": [2], "dtype": "half"}]',
        "a logical name of its own",
    ),
    "unknown keys": ('[{"name": "w", "shape": [2], "dtype": "float32", "axis": "o"}]', "Did you mean 'axes'"),
    "bad axes": ('[{"name": "w", "shape": [2, 2], "dtype": "float32", "axes": "o i h"}]', "axes"),
    "reserved": ('[{"name": "__metadata__", "shape": [2], "dtype": "float32"}]', "no tensor the name"),
    "half a character": ('[{"name": "\\ud800", "shape": [2], "dtype": "float32"}]', "names in Unicode"),
    "deep": ("[" * 100_000, "is not JSON"),
    "nothing": ("[]", "a plan of none"),
}


@pytest.mark.parametrize("case", LISTS)
def test_malformed_lists(tmp_path, refused, case):
    text, said = LISTS[case]
    (tmp_path / "p.json").write_text(text)
    assert said in refused(tmp_path / "p.json")


def test_sources_of_no_known_kind(tmp_path, refused):
    (tmp_path / "p.txt").write_text("x")
    assert "`source` must be a list" in refused(tmp_path / "p.txt")
    assert "No such file" in refused(tmp_path / "p.json")
    assert "No such file" in refused(tmp_path / "x.safetensors")
    (tmp_path / "p.toml").write_text("x = ")
    assert "is not TOML" in refused(tmp_path / "p.toml")
    (tmp_path / "folder.json").mkdir()
    refused(tmp_path / "folder.json")


@pytest.mark.parametrize(
    "place", ["../a.safetensors", "/etc/a.safetensors", "x/../../a.safetensors", "..", "", "C:\\a", "a\0b", "..\\a"]
)
def test_paths_that_leave_the_folder(tmp_path, refused, place):
    save_file({"w": np.ones(3, "float32")}, tmp_path / "a.safetensors")
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"w": place}}))
    assert "must" in refused(inner / "model.safetensors.index.json")


def test_malformed_indexes(tmp_path, refused):
    save_file({"w": np.ones(3, "float32")}, tmp_path / "a.safetensors")
    save_file({"w": np.ones(3, "float32"), "v": np.ones(2, "float32")}, tmp_path / "b.safetensors")
    index = tmp_path / "model.safetensors.index.json"
    for text, said in (
        ("{", "is not JSON"),
        ("[]", "must have the key 'weight_map'"),
        ('{"weight_map": []}', "must have the key 'weight_map'"),
        ('{"weight_map": {"w": 7}}', "must have the key 'weight_map'"),
        ('{"weight_map": {"w": "a.safetensors", "w": "b.safetensors"}}', "comes twice"),
        ('{"weight_map": {"x": "a.safetensors"}}', "'x' is not in 'a.safetensors'"),
        (
            '{"weight_map": {"w": "a.safetensors", "v": "b.safetensors"}}',
            "'w' is in 'a.safetensors', but 'b.safetensors' has it",
        ),
        ('{"weight_map": {"w": "c.safetensors"}}', "No such file"),
        ('{"weight_map": {}}', "a plan of none"),
    ):
        index.write_text(text)
        assert said in refused(index), text


def with_header(text):
    data = text if isinstance(text, bytes) else text.encode()
    return struct.pack("<Q", len(data)) + data


HEADERS = {
    "nothing": b"",
    "seven bytes": b"1234567",
    "a length of 0": bytes(8),
    "a huge length": b"\xff" * 8 + b"{}",
    "a length beyond the file": struct.pack("<Q", 50) + b"{}",
    "not JSON": with_header("{x"),
    "not UTF-8": with_header(b'{"\xff": 1}'),
    "a list": with_header("[]"),
    "a number": with_header("12"),
    "deep": with_header("[" * 200_000),
    "metadata of numbers": with_header('{"__metadata__": {"a": 1}}'),
    "metadata as a list": with_header('{"__metadata__": []}'),
    "a tensor as a list": with_header('{"w": []}'),
    "a key too many": with_header('{"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4], "x": 1}}'),
    "a dtype as a number": with_header('{"w": {"dtype": 3, "shape": [1], "data_offsets": [0, 4]}}'),
    "an unknown dtype": with_header('{"w": {"dtype": "F6", "shape": [1], "data_offsets": [0, 4]}}'),
    "a negative size": with_header('{"w": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}'),
    "a size of 1e400": with_header('{"w": {"dtype": "F32", "shape": [1e400], "data_offsets": [0, 4]}}'),
    "a huge size": with_header('{"w": {"dtype": "F32", "shape": [99999999999999999999], "data_offsets": [0, 4]}}'),
    "a huge product": with_header('{"w": {"dtype": "F32", "shape": [4294967296, 4294967296], "data_offsets": [0, 4]}}'),
    "sizes without end": with_header('{"w": {"dtype": "F32", "shape": [' + "1," * 99 + '1], "data_offsets": [0, 4]}}'),
    "digits without end": with_header('{"w": {"dtype": "F32", "shape": [' + "9" * 5000 + '], "data_offsets": [0, 4]}}'),
    "one offset": with_header('{"w": {"dtype": "F32", "shape": [1], "data_offsets": [4]}}'),
    "offsets that go back": with_header('{"w": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}}'),
    "offsets of another size": with_header('{"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 8]}}'),
    "a gap": with_header('{"w": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}'),
    "an overlap": with_header(
        '{"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, '
        '"v": {"dtype": "F32", "shape": [1], "data_offsets": [2, 6]}}'
    ),
    "a name twice": with_header(
        '{"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, '
        '"w": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}'
    ),
}


@pytest.mark.parametrize("case", HEADERS)
def test_malformed_headers(tmp_path, refused, case):
    path = tmp_path / "x.safetensors"
    path.write_bytes(HEADERS[case])
    refused(path)


def test_bad_options(tmp_path, refused, scheme, run):
    path = tmp_path / "p.json"
    path.write_text(json.dumps(ROWS))
    assert "`scheme` must be one of" in refused(path, scheme="gpt3")
    assert "needs a model to ask" in refused(path, scheme="own")
    assert "No such file" in refused(path, scheme=tmp_path / "other.toml")
    (tmp_path / "bad.toml").write_text("rules = 7")
    assert "is not a scheme" in refused(path, scheme=tmp_path / "bad.toml")
    assert "no rule for embed.weight" in refused(path, scheme=few(tmp_path))
    assert "--part must be i/n" in refused(path, "--part", "9/8")
    assert "--part must be i/n" in refused(path, "--part", "x")
    assert "`dtype` must be one of" in refused(path, "--dtype", "int8")
    assert "`shard_size` must be a number" in refused(path, "--shard-size", "many")
    assert "--set is for the arguments" in refused(path, "--set", "layers=2")
    assert "say it by --set" in refused(path, scheme="llama")
    for missing, options in (
        ("SOURCE", ()),
        ("--scheme", (path,)),
        ("--seed, --out", (path, "--scheme", scheme)),
        ("--seed", (path, "--scheme", scheme, "--out", tmp_path / "o")),
    ):
        status, _, err = run("init", *options)
        assert status == 2
        assert f"needs {missing}" in err
    assert run("init", path, "--status", tmp_path)[0] == 2
    assert run("init", path, "--scheme", scheme, "--seed", 2**64, "--out", tmp_path / "o")[0] == 2
    assert not (tmp_path / "o").exists()


def few(folder):
    path = folder / "few.toml"
    path.write_text(oneseed.Scheme([oneseed.Rule("h.*", "he_normal")]).to_toml())
    return path


def test_ready_schemes_take_their_numbers_from_the_parameters(tmp_path, run):
    def plan_of(names, *options):
        rows = [{"name": name, "shape": shape, "dtype": "float32"} for name, shape in names.items()]
        (tmp_path / "p.json").write_text(json.dumps(rows))
        return run("init", tmp_path / "p.json", "--plan", "--json", *options)

    names = {f"h.{k}.attn.c_proj.weight": [8, 8] for k in range(48)}
    facts = json.loads(plan_of(names, "--scheme", "gpt2")[1])
    assert facts["scheme"] == "gpt2(layers=48)"
    assert facts["parameters"][0]["stddev"] == pytest.approx(0.02 / 96**0.5)
    facts = json.loads(plan_of(names, "--scheme", "gpt2", "--set", "layers=12")[1])
    assert facts["parameters"][0]["stddev"] == pytest.approx(0.02 / 24**0.5)
    names = {
        "model.embed_tokens.weight": [100, 64],
        "model.layers.0.self_attn.q_proj.weight": [64, 64],
        "lm_head.weight": [100, 64],
    }
    facts = json.loads(plan_of(names, "--scheme", "llama")[1])
    assert facts["scheme"] == "llama(layers=1, width=64)"
    uneven = {**{f"a.{k}.c_proj.weight": [8, 8] for k in range(3)}, "b.0.c_proj.weight": [8, 8]}
    status, _, err = plan_of(uneven, "--scheme", "gpt2")
    assert status == 2
    assert "--set layers=" in err


def words(printed):
    """Return what was printed without its line breaks."""
    return " ".join(printed.split())


def test_plan_status_and_results(tmp_path, run, scheme):
    path = tmp_path / "p.json"
    path.write_text(json.dumps(ROWS))
    out = tmp_path / "out"
    options = (path, "--scheme", scheme, "--shard-size", "3kB")
    status, printed, err = run("init", *options, "--plan", "--json")
    facts = json.loads(printed)
    assert (status, err) == (0, "")
    assert facts["files"][0]["file"] == "model-00001-of-00006.safetensors"
    assert facts["memory"]["whole"] == 24 * 24 * 4
    assert len(facts["parameters"]) == len(PARAMS)
    assert not out.exists()
    assert "nothing was written" in words(run("init", *options, "--plan")[1])
    write = ("init", *options, "--seed", 7, "--out", out)
    facts_of_part = json.loads(run(*write, "--part", "1/2", "--json")[1])
    assert (len(facts_of_part["written"]), facts_of_part["complete"]) == (3, False)
    status = json.loads(run("init", "--status", out, "--json")[1])
    assert [item["state"] for item in status["files"]] == ["complete", "missing"] * 3
    assert "3 of 6 files, not complete" in words(run("init", "--status", out)[1])
    assert run("verify", out)[0] == 1
    assert run(*write)[0] == 2
    assert "complete; seed 7" in words(run(*write, "--resume")[1])
    done = json.loads(run(*write, "--resume", "--json")[1])
    assert (done["written"], len(done["kept"]), done["complete"]) == ([], 6, True)
    assert {item["bytes"] for item in facts["files"]} == {item.stat().st_size for item in out.glob("*.safetensors")}
    assert "all values are equal" in words(run("verify", out)[1])
    assert "all fingerprints are equal" in words(run("verify", out, "--quick")[1])
    target = out / "model-00002-of-00006.safetensors"
    target.write_bytes(target.read_bytes()[:-1] + b"\xff")
    status, printed, _ = run("verify", out, "--json")
    found = json.loads(printed)
    assert status == 1
    assert found["difference"]["file"] == target.name
    assert found["difference"]["element"] is not None
    assert "was written again" in words(run(*write, "--resume")[1])
    assert run("verify", out)[0] == 0
    assert run("init", "--status", tmp_path)[0] == 2
    assert run("verify", tmp_path)[0] == 2


def test_a_full_standard_output_is_one_line(tmp_path, scheme):
    (tmp_path / "p.json").write_text(json.dumps(ROWS))
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full")
    command = [sys.executable, "-m", "oneseed", "init", "p.json", "--scheme", str(scheme), "--plan"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "No space left on device" in done.stderr


def test_ctrl_c_is_one_line(tmp_path, run, scheme, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    (tmp_path / "p.json").write_text(json.dumps(ROWS))
    monkeypatch.setattr(checkpoint, "write", interrupted)
    status, printed, err = run("init", tmp_path / "p.json", "--scheme", scheme, "--seed", 7, "--out", tmp_path / "out")
    assert (status, printed) == (130, "")
    assert err == "oneseed: Interrupted. Files that are complete stay; --resume goes on with them.\n"


def test_values_of_the_command_are_those_of_the_library(tmp_path, run, scheme):
    (tmp_path / "p.json").write_text(json.dumps(ROWS))
    run("init", tmp_path / "p.json", "--scheme", scheme, "--seed", 7, "--out", tmp_path / "out")
    rows = json.loads((tmp_path / "out" / "oneseed.json").read_text())["parameters"]
    assert {r["name"]: r["fingerprint"] for r in rows} == {
        name: oneseed.fingerprint(array, PARAMS[name].axes) for name, array in values().items()
    }
