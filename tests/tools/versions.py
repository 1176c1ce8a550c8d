"""Check the version of what is built: ``python tests/tools/versions.py WHEEL SOURCES``.

The installed package, its metadata, the wheel and the unpacked sources must agree, and the README that they show must
have no link that leads nowhere. Where this is a repository, clones of it get the version of their last tag, and without
a tag or with a part of the history still one that pip accepts.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import metadata
from pathlib import Path

import oneseed

VERSION = r"\d+(\.\d+)*(\.dev\d+)?(\+\w+(\.\w+)*)?"
TARGET = re.compile(r"""\]\(([^)]*)\)|(?:src|srcset|href)=["']([^"']*)["']""")


def run(*command: str, folder: Path) -> str:
    """Run a command in a folder, and return what it prints."""
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def version(folder: Path) -> str:
    """Return the version that a build in a folder would have."""
    found = run(sys.executable, "-m", "hatchling", "version", folder=folder)
    assert re.fullmatch(VERSION, found), f"{folder}: {found}"
    return found


def main(wheel: str, sources: str) -> None:
    """Compare the versions."""
    held = metadata("oneseed")
    built = Path(wheel).name.split("-")[1]
    assert oneseed.__version__ == held["Version"] == built == version(Path(sources)), (built, oneseed.__version__)
    print(f"{built}: the wheel, its metadata, the module and the sources")
    links = {one or other for one, other in TARGET.findall(held["Description"])}
    assert links, "the README must have links"
    assert not (relative := [link for link in links if not link.startswith(("https:", "#"))]), relative
    here = Path.cwd()
    if not (here / ".git").exists() or not shutil.which("git"):
        return
    with tempfile.TemporaryDirectory() as name:
        whole, part = Path(name, "whole"), Path(name, "part")
        run("git", "clone", "--quiet", "--no-tags", str(here), str(whole), folder=here)
        print(f"{version(whole)}: a clone without tags")
        run("git", "tag", "v12.3", folder=whole)
        assert version(whole) == "12.3"
        run("git", "clone", "--quiet", "--no-tags", "--depth=1", whole.as_uri(), str(part), folder=here)
        print(f"{version(part)}: a part of the history")
        shutil.rmtree(whole / ".git")
        print(f"{version(whole)}: a copy without history")


if __name__ == "__main__":
    main(*sys.argv[1:])
