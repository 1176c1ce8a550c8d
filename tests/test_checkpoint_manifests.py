"""Headers and manifests that anyone may have changed: an error of one line, and no file elsewhere."""

import json
import random
from contextlib import suppress

from checkpoints import plan

from oneseed import Parameter, checkpoint
from oneseed.checkpoint import headers, sources


def test_fuzzed_headers_and_manifests(tmp_path):
    """Any bytes end in a ValueError or in parameters, and never in another error."""
    checkpoint.write(plan(), 7, tmp_path, shard_size=3000)
    file, manifest = tmp_path / "model-00001-of-00006.safetensors", tmp_path / "oneseed.json"
    size = headers.read(file).size
    dice = random.Random(7)
    for path, end in ((file, size), (manifest, manifest.stat().st_size)):
        whole = path.read_bytes()
        for _ in range(600):
            data = bytearray(whole)
            for _ in range(dice.choice((1, 1, 2, 8))):
                at = dice.randrange(end)
                kind = dice.randrange(4)
                if kind == 0:
                    data[at] = dice.randrange(256)
                elif kind == 1:
                    del data[at : at + dice.randrange(9)]
                elif kind == 2:
                    data[at:at] = dice.choice(
                        (b'"', b"[", b"}", b"null", b"-1", b"9" * 30, b"\\ud800", b"1e9", b"true")
                    )
                else:
                    data[at : at + 4] = data[dice.randrange(end) :][:4]
            if data == whole:
                continue
            path.write_bytes(data)
            if path == file:
                with suppress(ValueError):
                    assert all(isinstance(param, Parameter) for param in sources.read(path).params.values())
            wrong = checkpoint.verify(tmp_path, quick=True)
            assert wrong is None or len(str(wrong)) < 1000
        path.write_bytes(whole)
    assert checkpoint.verify(tmp_path) is None


def test_manifests_that_lie_with_a_digest_that_fits(tmp_path):
    from oneseed.checkpoint.manifest import _digest

    checkpoint.write(plan(), 7, tmp_path)
    path = tmp_path / "oneseed.json"
    whole = json.loads(path.read_text())
    for its in whole["parameters"]:
        del its["fingerprint"]
    whole["complete"] = False
    dice = random.Random(7)
    odd = (None, True, -1, 10**30, 1.5, "", "x", "../x", [], [[]], {}, {"a": 1}, [-1], [10**18, 10**18], "keep")

    def places(node):
        for key in list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ():
            yield node, key
            yield from places(node[key])

    for _ in range(500):
        data = json.loads(json.dumps(whole))
        node, key = dice.choice(list(places(data)))
        node[key] = dice.choice(odd)
        if "digest" in data:
            data["digest"] = _digest(data)
        path.write_text(json.dumps(data))
        wrong = checkpoint.verify(tmp_path)
        assert wrong is not None
        assert len(str(wrong)) < 1000


def test_a_manifest_names_no_file_elsewhere(tmp_path):
    from oneseed.checkpoint.manifest import _digest

    checkpoint.write(plan(), 7, tmp_path / "in")
    path = tmp_path / "in" / "oneseed.json"
    data = json.loads(path.read_text())
    for row in data["parameters"]:
        row["file"] = "../model.safetensors"
        row.pop("fingerprint")
    data["files"], data["complete"] = ["../model.safetensors"], False
    data["digest"] = _digest(data)
    path.write_text(json.dumps(data))
    (tmp_path / "in" / "model.safetensors").rename(tmp_path / "model.safetensors")
    assert "must lie in its folder" in checkpoint.verify(tmp_path / "in").reason
