"""Reports and model folders: there whole or not at all, and read without trust."""

import itertools
import os
import shutil
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luthier.errors import DamagedModel, UnwritableFolder
from luthier.store import read_model, write_bytes_atomic, write_model, write_text_atomic

OLD = {"manifest.json": b'{"files": {"booster.txt": "sha"}}', "booster.txt": b"old"}
NEW = {"manifest.json": b'{"files": {"a/b.txt": "sha"}}', "a/b.txt": b"new"}


# --- single files -----------------------------------------------------------------------------------------------------


def test_a_text_is_written_below_folders_that_were_not_there(tmp_path: Path) -> None:
    write_text_atomic(tmp_path / "deep" / "er" / "report.html", "naïve ☃")
    assert (tmp_path / "deep" / "er" / "report.html").read_bytes() == "naïve ☃".encode()


def test_a_report_has_the_rights_of_any_file_so_that_it_can_be_shared(tmp_path: Path) -> None:
    write_text_atomic(tmp_path / "report.html", "x")
    (tmp_path / "plain").write_text("x")
    assert (tmp_path / "report.html").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_write_that_fails_leaves_the_old_content_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_bytes_atomic(tmp_path / "f", b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UnwritableFolder, match=r"(?s)No space left.*fix: .*make room"):
        write_bytes_atomic(tmp_path / "f", b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("f", b"old")]


def test_a_place_that_takes_no_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    for place in ("file/report.html", "folder"):
        with pytest.raises(UnwritableFolder, match=str(tmp_path / place)):
            write_text_atomic(tmp_path / place, "x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


# --- model folders ----------------------------------------------------------------------------------------------------


def test_a_model_comes_back_file_by_file(tmp_path: Path) -> None:
    write_model(tmp_path / "out" / "model", NEW)
    assert read_model(tmp_path / "out" / "model") == NEW
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["model"]


names = st.text("abc-_.é ", min_size=1, max_size=8).filter(lambda name: name.strip(". "))


@settings(max_examples=50)  # waits for a disk
@given(files=st.dictionaries(st.lists(names, min_size=1, max_size=3).map("/".join), st.binary(max_size=40), max_size=5))
def test_any_files_come_back(tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]) -> None:
    if any(b.startswith(f"{a}/") for a in files for b in files):
        return  # a name cannot be a file and a folder
    folder = tmp_path_factory.mktemp("models") / "model"
    write_model(folder, files)
    assert read_model(folder) == files


def test_a_newer_model_replaces_the_older_one_whole(tmp_path: Path) -> None:
    write_model(tmp_path / "model", OLD)
    write_model(tmp_path / "model", NEW)
    assert read_model(tmp_path / "model") == NEW
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


class Killed(BaseException):
    """What a process feels of kill -9: nothing after it is done, not even cleaning up."""


def test_at_every_instant_of_a_replacement_there_is_a_whole_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished = False
    for strike in itertools.count():
        folder = tmp_path / str(strike) / "model"
        write_model(folder, OLD)
        with monkeypatch.context() as patch:
            die_before_step(strike, patch)
            try:
                write_model(folder, NEW)
                finished = True
            except Killed:
                pass
        assert read_model(folder) in ((NEW,) if finished else (OLD, NEW))
        write_model(folder, NEW)
        assert read_model(folder) == NEW
        assert not (folder.parent / ".model.previous").exists()
        if finished:
            assert strike > 8  # two files, their folders, two renames, the rest
            return


def die_before_step(strike: int, patch: pytest.MonkeyPatch) -> None:
    """From the n-th step that changes anything on disk, every step fails."""
    steps = itertools.count()

    def deadly(act: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: Any, **kwargs: Any) -> Any:
            if next(steps) >= strike:
                raise Killed
            return act(*args, **kwargs)

        return step

    for owner, verb in ((Path, "rename"), (Path, "mkdir"), (os, "fsync"), (shutil, "rmtree")):
        patch.setattr(owner, verb, deadly(getattr(owner, verb)))


@pytest.mark.parametrize(
    "stranger",
    [{"thesis.docx": b"four years"}, {"manifest.json": b"{}", "app.js": b""}, {"manifest.json": b"not json"}],
)
def test_a_folder_with_anything_but_a_model_in_it_is_never_replaced(tmp_path: Path, stranger: dict[str, bytes]) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    for name, data in stranger.items():
        (folder / name).write_bytes(data)
    if set(stranger) == {"manifest.json"}:
        (folder / "notes.txt").write_bytes(b"mine")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(UnwritableFolder, match="not a model's"):
        write_model(folder, NEW)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["documents"]


def test_a_note_put_beside_a_model_saves_the_folder(tmp_path: Path) -> None:
    write_model(tmp_path / "model", OLD)
    (tmp_path / "model" / "notes.txt").write_text("mine")
    with pytest.raises(UnwritableFolder, match=r"notes\.txt"):
        write_model(tmp_path / "model", NEW)


def test_an_empty_folder_takes_a_model_and_a_link_or_file_does_not(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    write_model(tmp_path / "model", NEW)
    (tmp_path / "link").symlink_to(tmp_path / "model")
    (tmp_path / "file").write_text("")
    for place in ("link", "file"):
        with pytest.raises(UnwritableFolder, match="not a folder"):
            write_model(tmp_path / place, NEW)


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "a/../../b", "", "a\\b", "c:evil", "nul\0"])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no name for a file"):
        write_model(tmp_path / "model", {name: b"x"})
    assert list(tmp_path.iterdir()) == []


def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_bytes(b"secret")
    for number, target in enumerate(("secret/key", "secret", "nowhere")):
        folder = tmp_path / f"model{number}"
        write_model(folder, OLD)
        (folder / "x").symlink_to(tmp_path / target)
        with pytest.raises(DamagedModel, match="x is a link"):
            read_model(folder)


def test_pipes_and_sockets_do_not_hold_the_reader_up(tmp_path: Path) -> None:
    write_model(tmp_path / "pipe", OLD)
    os.mkfifo(tmp_path / "pipe" / "x")
    with pytest.raises(DamagedModel, match="not an ordinary file"):
        read_model(tmp_path / "pipe")
    write_model(tmp_path / "socket", OLD)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket" / "x"))
        with pytest.raises(DamagedModel):
            read_model(tmp_path / "socket")


def test_a_folder_too_large_to_be_a_model_is_not_read_into_memory(tmp_path: Path) -> None:
    write_model(tmp_path / "big", OLD)
    with (tmp_path / "big" / "hole").open("wb") as file:
        file.truncate(1 << 40)  # a terabyte that costs nothing
    with pytest.raises(DamagedModel, match="larger than any model"):
        read_model(tmp_path / "big")
    (tmp_path / "many").mkdir()
    for number in range(1001):
        (tmp_path / "many" / str(number)).touch()
    with pytest.raises(DamagedModel, match="more than 1000 files"):
        read_model(tmp_path / "many")


def test_the_limit_holds_for_all_files_together(tmp_path: Path) -> None:
    write_model(tmp_path / "model", {"a": b"12345", "b": b"12345"})
    assert len(read_model(tmp_path / "model", max_bytes=10)) == 2
    with pytest.raises(DamagedModel, match="larger"):
        read_model(tmp_path / "model", max_bytes=9)


def test_a_model_that_is_not_there_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DamagedModel, match="does not exist"):
        read_model(tmp_path / "nothing")
    with pytest.raises(DamagedModel, match="is a file"):
        read_model(tmp_path / "file")


def test_model_files_have_the_rights_of_any_file(tmp_path: Path) -> None:
    write_model(tmp_path / "model", OLD)
    (tmp_path / "plain").write_text("x")
    wanted = stat.S_IMODE((tmp_path / "plain").stat().st_mode)
    assert stat.S_IMODE((tmp_path / "model" / "booster.txt").stat().st_mode) == wanted
