"""The `oneseed` command, as a user runs it."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import oneseed
from oneseed import registry
from oneseed.cli import sampling
from oneseed.initializers import HeNormal
from oneseed_numpy import engine


def test_sample_shows_what_was_drawn(run):
    status, out, err = run("sample", "he_normal", "--shape", "3,3,64,128", "--seed", 7)
    assert (status, err) == (0, "")
    for shown in ("HeNormal", "truncated_normal", "576", "1152", "0.05892557", "bd726f57b38ca74c"):
        assert shown in out
    assert out.count("\u2588") + out.count("#") > 100


def test_sample_json_equals_the_library(run):
    status, out, _ = run("sample", "he_normal", "--shape", "30,40", "--seed", 7, "--dtype", "float16", "--json")
    facts = json.loads(out)
    values = HeNormal(7)((30, 40), "float16")
    assert status == 0
    assert facts["fingerprint"] == oneseed.fingerprint(values)
    assert facts["statistics"]["mean"] == pytest.approx(values.astype(float).mean())
    assert facts["statistics"]["stddev"] == pytest.approx(values.astype(float).std())
    assert facts["statistics"]["max"] == values.max()
    assert sum(facts["histogram"]["counts"]) == 1200
    assert (facts["fan_in"], facts["fan_out"], facts["seed"]) == (30, 40, 7)


def test_path_axes_and_arguments_reach_the_draw(run):
    options = ("--path", "a/b", "--axes", "o i", "--set", "stddev=0.5", "--set", "mean=1", "--seed", 3)
    _, out, _ = run("sample", "random_normal", "--shape", "5,6", *options, "--json")
    values = oneseed.initializers.RandomNormal(1, 0.5, 3)((5, 6), axes="o i", path="a/b")
    assert json.loads(out)["fingerprint"] == oneseed.fingerprint(values, "o i")


def test_brackets_in_names_and_files_are_shown(run, tmp_path):
    file = tmp_path / "w[bold].npy"
    _, out, _ = run("sample", "he_normal", "--shape", "5,6", "--path", "block[a]/w", "--out", file)
    assert file.exists()
    assert "block[a]/w" in out
    assert "w[bold].npy" in "".join(out.split())


def test_words_are_taken_as_arguments_too(run):
    _, out, _ = run("describe", "variance_scaling", "--shape", "5,6", "--set", "mode=fan_out", "--json")
    assert json.loads(out)["stddev_after_truncation"] == pytest.approx(6**-0.5)


def test_without_a_seed_one_is_drawn_and_shown(run):
    _, out, _ = run("sample", "he_normal", "--shape", "5", "--json")
    facts = json.loads(out)
    assert oneseed.fingerprint(HeNormal(facts["seed"])((5,))) == facts["fingerprint"]


@pytest.mark.parametrize("shape, sizes", [("", ()), ("0,3", (0, 3)), ("1", (1,)), (" 2, 3 ", (2, 3))])
def test_any_shape(run, shape, sizes):
    status, out, _ = run("sample", "he_normal", "--shape", shape, "--seed", 7, "--json")
    assert status == 0
    assert json.loads(out)["fingerprint"] == oneseed.fingerprint(HeNormal(7)(sizes))


@pytest.mark.parametrize("name", ["zeros", "ones", "constant", "identity", "orthogonal"])
def test_a_seed_is_no_error_where_none_is_needed(run, name):
    assert run("sample", name, "--shape", "4,4", "--seed", 7)[0] == 0


def test_values_that_are_not_finite_or_not_there_have_no_statistics(run):
    status, out, _ = run("sample", "constant", "--shape", "2", "--set", "value=NaN", "--json")
    assert (status, json.loads(out)["statistics"], json.loads(out)["value"]) == (0, None, "nan")
    assert "no statistics: not all values are finite" in run("sample", "nan", "--shape", "2")[1]
    assert "no statistics: there are no values" in run("sample", "ones", "--shape", "0")[1]


def test_out_writes_the_values(run, tmp_path):
    file = tmp_path / "w.npy"
    status, out, _ = run("sample", "he_normal", "--shape", "30,40", "--seed", 7, "--out", file)
    assert status == 0
    assert str(file.name) in out.replace("\n", "")
    assert (np.load(file) == HeNormal(7)((30, 40))).all()
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("option, suffix", [("--out", ".npy"), ("--plot", ".png")])
def test_a_folder_is_not_written_over(run, tmp_path, option, suffix):
    folder = tmp_path / f"w{suffix}"
    folder.mkdir()
    status, out, err = run("sample", "he_normal", "--shape", "3", option, folder)
    assert (status, out) == (2, "")
    assert err == f"oneseed: {option} must name a file, and this is a folder. Received: {folder}\n"
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="no /proc on this system")
def test_a_file_that_cannot_be_written_is_named(run):
    err = run("sample", "he_normal", "--shape", "3", "--out", "/proc/self/w.npy")[2]
    assert err == "oneseed: /proc/self/w.npy cannot be written: No such file or directory\n"


def test_a_failure_leaves_the_old_file(run, tmp_path, monkeypatch):
    file = tmp_path / "w.npy"
    file.write_bytes(b"old")

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(sampling.np, "save", full)
    status, _, err = run("sample", "he_normal", "--shape", "30,40", "--out", file)
    assert (status, err) == (2, "oneseed: No space left on device\n")
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("axes", [None, "o i"])
def test_a_long_draw_is_made_block_by_block(run, monkeypatch, axes):
    calls = []
    draw = HeNormal._draw
    monkeypatch.setattr(HeNormal, "_draw", lambda *args, **kwargs: calls.append(1) or draw(*args, **kwargs))
    monkeypatch.setattr(sampling, "BLOCK", 1000)
    options = ("--axes", axes) if axes else ()
    _, out, _ = run("sample", "he_normal", "--shape", "101,30", "--seed", 7, *options, "--json")
    assert len(calls) > 4
    assert json.loads(out)["fingerprint"] == oneseed.fingerprint(HeNormal(7)((101, 30), axes=axes), axes)


def test_backends(run, monkeypatch):
    monkeypatch.setattr(registry, "available_backends", lambda: ("broken", "numpy", "registered"))
    oneseed.config.register_backend("broken", lambda: 1 / 0)
    oneseed.config.register_backend("registered", "oneseed_numpy:backend")
    status, out, err = run("backends", "--json")
    facts = json.loads(out)
    assert (status, err, facts["default"]) == (0, "", "numpy")
    broken = "broken: ZeroDivisionError('division by zero')"
    assert facts["backends"] == {"broken": broken, "numpy": "ready", "registered": "ready"}
    assert facts["kernel"] == (engine.kernels and engine.kernels.kernel())
    assert "registered" in run("backends")[1]


def test_a_framework_that_ends_the_process_is_broken(run, tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "available_backends", lambda: ("numpy", "tensorflow"))
    monkeypatch.setattr(registry, "_loaded", {})
    (tmp_path / "oneseed_tensorflow.py").write_text("import os; print('last words', flush=True); os._exit(3)")
    monkeypatch.syspath_prepend(tmp_path)
    facts = json.loads(run("backends", "--json")[1])
    assert facts["backends"]["tensorflow"] == "broken: The process ended with status 3: last words"


def test_backends_say_which_kernel_draws(run, monkeypatch):
    monkeypatch.setattr(registry, "available_backends", lambda: ("numpy",))
    monkeypatch.setattr(engine, "kernels", SimpleNamespace(kernel=lambda: "avx2"))
    assert run("backends")[1].endswith("compiled kernel: avx2\n")
    monkeypatch.setattr(engine, "kernels", None)
    assert run("backends")[1].endswith("compiled kernel: none; NumPy makes the same values, more slowly\n")
    assert json.loads(run("backends", "--json")[1])["kernel"] is None


def test_version_and_help(run):
    assert run("--version")[:2] == (0, oneseed.__version__ + "\n")
    assert "sample" in run()[1]
    assert run("sample", "--help") == run("sample", "-h")
    assert "--shape" in run("sample", "-h")[1]
    assert run("-h") == run()


@pytest.mark.parametrize(
    "arguments, reason",
    [
        (("sample", "he_norml", "--shape", "3"), "Unknown initializer 'he_norml'. Did you mean 'he_normal'?"),
        (("sample", "he_normal"), "Missing option '--shape'. See `oneseed sample --help`."),
        (("explain",), "Missing argument 'name'. See `oneseed explain --help`."),
        (("list", "he"), "(he). See `oneseed list --help`."),
        (("smple", "he_normal"), "Did you mean 'sample'? See `oneseed --help`."),
        (("sample", "he_normal", "--shape", "3,x"), "--shape must be integers separated by commas"),
        (("sample", "he_normal", "--shape", "3,-1"), "sizes of 0 or more"),
        (
            ("sample", "he_normal", "--shape", "3", "--sed", "1"),
            "--shape). See `oneseed sample --help`.\n",
        ),
        (("sample", "he_normal", "--shape", "3", "--set", "stddev=" + "[" * 100_000), "has no argument stddev"),
        *(
            ((*words, "--seed", seed), f"--seed must be an integer in [0, 2**64). Received: --seed {shown}\n")
            for words in (("sample", "zeros", "--shape", "3"), ("describe", "ones", "--shape", "3"), ("init", "p.json"))
            for seed, shown in (("x", "x"), ("1.5", "1.5"), ("-1", "-1"), (2**64, 2**64), ("", "''"), ("1 2", "'1 2'"))
        ),
        (("sample", "he_normal", "--shape", "3", "--dtype", "floot32"), "Did you mean 'float32'?"),
        (("sample", "he_normal", "--shape", "3", "--axes", "i o"), "`axes` names 2 axes"),
        (
            ("sample", "he_normal", "--shape", "3", "--set", "stddev=1"),
            "he_normal has no argument stddev; it takes",
        ),
        (("sample", "he_normal", "--shape", "3", "--set", "stddev"), "argument=value"),
        (("sample", "he_normal", "--shape", "3", "--set", "sed=1"), "Did you mean 'seed'?"),
        (("sample", "zeros", "--shape", "3", "--set", "seed=1"), "zeros has no argument seed; it takes none."),
        (("sample", "he_normal", "--shape", "3", "--set", "dtype=float16"), "dtype is an option of its own, --dtype."),
        (("sample", "siren", "--shape", "3", "--set", "seed=x"), "The seed must be an integer in [0, 2**64)."),
        (
            ("sample", "scaled", "--shape", "3", "--set", "initializer=he_norml", "--set", "factor=2"),
            "oneseed: Unknown initializer 'he_norml'. Did you mean 'he_normal'? `oneseed list` shows all.\n",
        ),
        (("sample", "blockwise", "--shape", "3"), "needs --set initializers=... --set sizes=...; see `oneseed explain"),
        (
            ("sample", "he_normal", "--shape", "3", "--seed", "1", "--set", "seed=3"),
            "The seed must be given once. Received: --seed 1 and --set seed=3",
        ),
        (
            ("describe", "random_normal", "--shape", "3", "--set", "mean=1", "--set", "mean=2"),
            "The argument mean must be given once. Received: --set mean=1 and --set mean=2",
        ),
        (
            ("schemes", "gpt2", "--set", "layers=1", "--set", "layers=2"),
            "The argument layers must be given once. Received: --set layers=1 and --set layers=2",
        ),
        (
            ("schemes", "torch", "--set", 'layers={"a": "norm", "a": "embedding"}'),
            "In --set layers the key 'a' comes twice; it must come once. Received: --set layers={",
        ),
        (("sample", "random_normal", "--shape", "3", "--set", "stddev=-1"), "`stddev` must be 0 or more"),
        (("sample", "he_normal", "--shape", "3", "--backend", "nunpy"), "Did you mean 'numpy'?"),
        (("sample", "he_normal", "--shape", "3", "--backend", ""), "Received: backend=''"),
        (("init", "p.json", "--scheme", "keras", "--seed", "1", "--out", ""), "--out must name a folder"),
        (("init", "p.json", "--scheme", "keras", "--plan"), "oneseed: No such file or directory: 'p.json'\n"),
        (("init", "--scheme", "keras"), "needs SOURCE, --seed, --out; or --status and a folder. See `oneseed init"),
        (
            (
                "init",
                "--status",
                "x",
                "--seed",
                "0",
                "--shard-size",
                "5GB",
                "--resume",
                "--set",
                "a=1",
                "--part",
                "1/2",
            ),
            "nothing else but --json. Received: --set, --seed, --shard-size, --part, --resume",
        ),
        (("sample", "he_normal", "--shape", "3", "--out", "w.txt"), "--out must name a .npy file"),
        (("sample", "he_normal", "--shape", "3", "--out", "no/such/w.npy"), "a folder that exists"),
        (
            ("describe", "ones", "--shape", "3", "--seed", "1", "--seed=2"),
            "--seed must be given once. Received: ones --shape 3 --seed 1 --seed=2\n",
        ),
        (("init", "p.json", "--out", "a b", "--out", "c"), "--out must be given once. Received: p.json --out 'a b'"),
        (("sample", "he_normal", "--shape", "3", "--dtype", "bfloat16", "--out", "w.npy"), "bfloat16"),
        (("sample", "he_normal", "--shape", "3", "--dtype", "float8_e5m2", "--out", "w.npy"), "float8_e5m2"),
        (("sample", "initializer", "--shape", "3"), "Unknown initializer 'initializer'."),
        (
            ("explain", "he_norml"),
            "Unknown initializer 'he_norml'. Did you mean 'he_normal'? `oneseed list`",
        ),
        (("completion", "bsh"), "Did you mean 'bash'?"),
        (("schemes", "gpt2", "--json", "--toml"), "--json and --toml exclude each other"),
        (("schemes", "--set", "layers=2"), "--set and --toml are for one scheme"),
        (("schemes", "gpt2", "--set", "layer=2"), "Did you mean 'layers'?"),
        (("describe", "identity", "--shape", "3"), "must have at least 2 axes"),
    ],
)
def test_bad_arguments_end_with_status_2_and_one_line(run, arguments, reason):
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert reason in err
    assert err.startswith("oneseed: ")
    assert err.count("\n") == 1


def test_too_much_memory_is_one_line_too(run):
    status, _, err = run("sample", "he_normal", "--shape", "1000000,1000000,100000")
    assert status == 1
    assert err.startswith("oneseed: Not enough memory")
    assert err.count("\n") == 1


def test_an_interrupt_is_no_traceback(run, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(HeNormal, "_draw", interrupt)
    assert run("describe", "he_normal", "--shape", "3") == (130, "", "")


@pytest.mark.skipif(os.name != "posix", reason="a process cannot be started without standard output")
@pytest.mark.parametrize("end, status", [(">&-", 0), ("| true; exit ${PIPESTATUS[0]}", 1), ("2>&- >/dev/null", 0)])
def test_output_that_nobody_reads_is_no_traceback(end, status):
    command = f"'{sys.executable}' -m oneseed list {end}"
    done = subprocess.run(["bash", "-c", command], stderr=subprocess.PIPE, text=True, check=False)
    # A reader that ends soon may end before the first line or after the last.
    assert done.returncode in {0, status}
    assert done.stderr == ""


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_as_a_module_in_any_encoding(encoding):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "oneseed", "sample", "he_normal", "--shape", "50,50", "--seed", "7"],
        capture_output=True,
        env={"PYTHONIOENCODING": encoding},
        check=True,
    )
    assert oneseed.fingerprint(HeNormal(7)((50, 50))) in done.stdout.decode(encoding)
    assert done.stderr == b""


def test_logs_get_a_line_now_and_then(capsys, monkeypatch):
    from oneseed.cli import progress

    monkeypatch.setattr(progress, "EVERY", 0.0)
    with progress.Progress("writing") as shown:
        shown(5 * 10**8, 2 * 10**9)
    err = capsys.readouterr().err
    assert err.startswith("oneseed: writing: 500.0 MB of 2.0 GB, ")
    assert err.rstrip().endswith("left")
    assert progress.line(10, 100, 2.0) == "10 bytes of 100 bytes, 5 bytes/s, 0:00:18 left"
    assert progress.size(1_234_567) == "1.2 MB"
    assert progress.clock(3725) == "1:02:05"


def test_what_libraries_log_past_python_is_dropped(capfd):
    from oneseed.cli.processes import quiet

    with quiet():
        os.write(2, b"I0000 00:00:17.09 log of a library\n")
        print("a warning", file=sys.stderr)
    os.write(2, b"after\n")
    assert capfd.readouterr().err in ("a warning\nafter\n", "after\na warning\n")


def test_a_library_that_ends_the_process_says_where(tmp_path):
    code = "import os; from oneseed.cli.processes import quiet\nwith quiet(): os.abort()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "Aborted" in done.stderr
    assert "line 2" in done.stderr
