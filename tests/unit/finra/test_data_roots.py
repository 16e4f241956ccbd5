"""A param names files below the worker's folders only, whatever way leads there; what is beyond is not told."""

import os
import socket
import tempfile
from pathlib import Path

import pytest

from activities.finra import data_roots as module
from activities.finra.data_roots import confined, data_roots, open_confined
from spine_temporal import ErrorCategory, SpineError


@pytest.fixture
def root(tmp_path, monkeypatch):
    """The one folder that is allowed; beside it lies what is not."""
    folder = tmp_path / "data"
    folder.mkdir()
    (tmp_path / "secret").write_text("s3cr3t")
    (folder / "week.csv").write_text("a week")
    monkeypatch.setenv("SPINE_DATA_ROOTS", str(folder))
    return folder


def refusal(given):
    with pytest.raises(SpineError) as caught:
        open_confined(str(given), "file_path").close()
    assert (caught.value.code, caught.value.category) == ("NOT_ALLOWED", ErrorCategory.CONFIGURATION)
    return str(caught.value)


def read(given):
    with open_confined(str(given), "file_path") as file:
        return file.read()


def test_a_file_in_a_folder_of_the_worker_is_read(root, monkeypatch):
    (root / "deep").mkdir()
    (root / "deep" / "link").symlink_to("../week.csv")
    monkeypatch.chdir(root)
    monkeypatch.setenv("HOME", str(root))
    for given in (root / "week.csv", "week.csv", "deep/../week.csv", "deep/link", "~/week.csv"):
        assert read(given) == b"a week"


@pytest.mark.parametrize(
    "way",
    [
        lambda root: root.parent / "secret",
        lambda root: root / ".." / "secret",
        lambda root: linked(root / "link", root.parent / "secret"),
        lambda root: linked(root / "folder", root.parent) / "secret",
        lambda root: linked(root / "first", linked(root / "second", "/etc")) / "passwd",
        lambda root: f"{root}-beside",
        lambda _: "/etc/passwd",
        lambda _: "/proc/self/environ",
        lambda _: "/dev/zero",
        lambda _: "~root/.pgpass",
    ],
)
def test_no_way_leads_out_and_nothing_is_told_of_what_is_there(root, way):
    given = way(root)
    error = refusal(given)
    assert str(root) in error
    assert "SPINE_DATA_ROOTS" in error
    assert "s3cr3t" not in error


def linked(link, to):
    link.symlink_to(to)
    return link


def test_a_file_that_is_not_there_is_told_as_one_that_is(root):
    assert refusal(root.parent / "secret").replace("secret", "") == refusal(root.parent / "none").replace("none", "")


def test_only_regular_files_are_opened(root):
    os.mkfifo(root / "pipe")
    (root / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(root / "socket"))
        assert "is a socket" in refusal(root / "socket")
    assert "is a pipe" in refusal(root / "pipe")
    assert "is a folder" in refusal(root / "folder")
    with pytest.raises(FileNotFoundError):
        open_confined(str(root / "none"), "file_path")


def test_a_device_is_not_read_where_its_folder_is_allowed(monkeypatch):
    monkeypatch.setenv("SPINE_DATA_ROOTS", "/dev")
    assert "is a device" in refusal("/dev/zero")


def test_a_link_that_comes_between_the_look_and_the_opening_is_noticed(root, monkeypatch):
    """What the path leads to is looked at first, and changed by somebody else before it is opened."""
    folder = root / "folder"
    folder.mkdir()
    (folder / "secret").write_text("a week")
    opened = os.open

    def swap(path, flags, *rest, **named):
        if Path(path) == folder / "secret":
            folder.rename(root / "away")
            folder.symlink_to(root.parent)
        return opened(path, flags, *rest, **named)

    monkeypatch.setattr(module.os, "open", swap)
    assert "leads out of the folders" in refusal(folder / "secret")


def test_a_pipe_that_comes_between_is_not_waited_for(root, monkeypatch):
    opened = os.open

    def swap(path, flags, *rest, **named):
        if Path(path) == root / "week.csv":
            (root / "week.csv").unlink()
            os.mkfifo(root / "week.csv")
        return opened(path, flags, *rest, **named)

    monkeypatch.setattr(module.os, "open", swap)
    assert "is a pipe" in refusal(root / "week.csv")


def test_without_a_setting_it_is_the_folders_that_a_new_user_works_in(tmp_path, monkeypatch):
    monkeypatch.delenv("SPINE_DATA_ROOTS", raising=False)
    monkeypatch.setenv("SPINE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    assert data_roots() == (tmp_path, tmp_path / "home", Path(tempfile.gettempdir()).resolve())
    assert confined("week.csv", "file_path") == tmp_path / "week.csv"


def test_a_service_whose_current_folder_is_the_root_does_not_open_everything(monkeypatch):
    monkeypatch.delenv("SPINE_DATA_ROOTS", raising=False)
    monkeypatch.chdir("/")
    assert Path("/") not in data_roots()
    refusal("/etc/passwd")


def test_several_folders_are_given_as_in_path(tmp_path, monkeypatch):
    monkeypatch.setenv("SPINE_DATA_ROOTS", f"{tmp_path}/a b:{tmp_path}/c,d: ")
    assert data_roots() == (tmp_path / "a b", tmp_path / "c,d")
