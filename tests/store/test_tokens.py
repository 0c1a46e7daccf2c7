from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from luthier.errors import StoreDamaged, UsageError
from luthier.store.tokens import hashed, new_token, read_tokens, revoke_token


def test_a_token_is_shown_once_and_only_its_hash_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    token, entry = new_token(path, "predictor", "the shop")
    assert token not in path.read_text()
    assert read_tokens(path) == [entry]
    assert entry.sha256 == hashed(token)
    assert new_token(path, "reader")[0] != token


@pytest.mark.skipif(sys.platform == "win32", reason="modes of files are POSIX's")
def test_others_cannot_read_the_hashes(tmp_path: Path) -> None:
    new_token(tmp_path / "tokens.json", "reader")
    assert stat.S_IMODE((tmp_path / "tokens.json").stat().st_mode) & 0o077 == 0


def test_a_revoked_token_is_gone_and_the_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    entries = [new_token(path, "reader")[1] for _ in range(3)]
    revoke_token(path, entries[1].id)
    assert read_tokens(path) == [entries[0], entries[2]]
    with pytest.raises(UsageError, match="0 tokens"):
        revoke_token(path, entries[1].id)


def test_an_unknown_role_and_a_file_of_something_else_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no role"):
        new_token(tmp_path / "tokens.json", "king")
    (tmp_path / "tokens.json").write_text("[]")
    with pytest.raises(StoreDamaged):
        read_tokens(tmp_path / "tokens.json")
