"""A released model is watched: from the server's log or from files, alarms told once, by every channel."""

from __future__ import annotations

import json
import socketserver
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

import luthier
from luthier.api.telling import Channels, tell
from luthier.cli.app import app
from luthier.errors import BadSettings, NoBaseline, NotSent
from luthier.monitoring import Alarm

from .conftest import NOW, MakeStudy, rows, serve


def test_the_server_s_log_is_watched_and_what_was_promised_stands_beside_what_came(churn: str) -> None:
    serve(rows(1500, 2))
    state = luthier.monitor(churn, now=NOW)
    assert state.alarms == ()
    assert len(state.watched.looks) == 9
    assert state.watched.online.labelled == 1500
    assert state.facts.kept is True
    body = json.loads(json.dumps(state.to_dict(), allow_nan=False))
    assert body["promise_kept"] is True
    assert "without labels a change" in "\n".join(state.summary())
    assert luthier.monitor(churn, now=NOW).watched.looks[0].to_json() == state.watched.looks[0].to_json()


def test_before_labels_come_the_score_is_expected(churn: str) -> None:
    serve(rows(800, 3), labels=False)
    state = luthier.monitor(churn, now=NOW)
    assert "no label has come yet" in state.summary()[1]
    assert state.watched.latest is not None
    assert state.watched.latest.expected is not None


def test_drift_ends_with_code_3_and_is_told_once(churn: str, tmp_path: Path) -> None:
    Path("luthier.toml").write_text(
        '[alarms]\nlog = "alarms.jsonl"\n[cost]\nfn = 50\nfp = 2\n[monitor]\nevery = "3d"\n'
    )
    rows(900, 4, shift=1.5).to_csv("moved.csv", index=False)
    said = CliRunner().invoke(app, ["monitor", churn, "--on", "moved.csv", "--json", "--html", "state.html"])
    assert said.exit_code == 3
    body = json.loads(said.stdout)
    assert body["alarms"][0]["subject"] == ["a"]
    assert body["cost"]["delivered"] >= 0
    page = Path("state.html").read_text()
    assert "<script" not in page
    assert "Columns at the latest look" in page
    serve(rows(900, 4, shift=1.5))
    assert luthier.monitor(churn, now=NOW, send=True).told[0].detector == "inputs"
    assert luthier.monitor(churn, now=NOW, send=True).told == ()
    lines = [json.loads(line) for line in Path("alarms.jsonl").read_text().splitlines()]
    assert {line["model"] for line in lines} == {"churn"}
    assert "a: median" in lines[0]["words"]


def test_a_folder_of_files_without_times_is_one_look(churn: str) -> None:
    for i in range(2):
        rows(300, 5 + i).drop(columns="y").to_parquet(f"part{i}.parquet")
    state = luthier.monitor(churn, on="part*.parquet")
    assert [look.n for look in state.watched.looks] == [600]
    assert state.alarms == ()


def test_a_column_that_is_gone_is_an_alarm_and_not_an_error(churn: str) -> None:
    state = luthier.monitor(churn, on=rows(300, 7).drop(columns=["a", "y"]))
    assert "a: the column is not there" in state.alarms[0].words


def test_a_model_without_a_baseline_says_what_to_do(make_study: MakeStudy) -> None:
    luthier.release(make_study(), "bare")
    with pytest.raises(NoBaseline, match=r"(?s)nothing is known.*--reference"):
        luthier.monitor("bare", on=rows(100, 0))
    assert luthier.monitor("bare", on=rows(300, 0), reference=rows(1000, 1)).alarms == ()


def test_a_model_that_nobody_asked_anything_says_so(churn: str) -> None:
    with pytest.raises(NoBaseline, match=r"(?s)no answer of churn yet.*luthier serve churn"):
        luthier.monitor(churn)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[monitor]\nalarms_per_year = 0", "above zero"),
        ("[monitor]\nevry = '1d'", "no setting 'evry'"),
        ("[alarms]\nwebhook = 'ftp://x'", "no web address"),
        ("[alarms]\nemail_to = 'a@b.c'", "no email_from"),
    ],
)
def test_settings_without_meaning_are_refused(churn: str, text: str, said: str) -> None:
    Path("luthier.toml").write_text(text)
    with pytest.raises(BadSettings, match=said):
        luthier.monitor(churn, on=rows(100, 0))


# --- channels ---------------------------------------------------------------------------------------------------------

ALARM = Alarm("inputs", ("age",), "age: median 40 → 47", since_us=0, slices=("plan = 'basic'",))


@contextmanager
def listening(handler: type[socketserver.StreamRequestHandler]) -> Iterator[int]:
    with socketserver.TCPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_alarms_are_posted_mailed_and_handed_to_a_command(tmp_path: Path) -> None:
    got: dict[str, str] = {}

    class Web(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            length = 0
            while (line := self.rfile.readline().strip()) != b"":
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            got["webhook"] = self.rfile.read(length).decode()
            self.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok")

    class Mail(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 here\r\n")
            while line := self.rfile.readline().strip():
                if line.upper() == b"DATA":
                    self.wfile.write(b"354 go\r\n")
                    text = b""
                    while (part := self.rfile.readline()) != b".\r\n":
                        text += part
                    got["mail"] = text.decode()
                if line.upper() == b"QUIT":
                    self.wfile.write(b"221 bye\r\n")
                    return
                self.wfile.write(b"250 ok\r\n")

    out = tmp_path / "command.json"
    keep = f"{sys.executable} -c \"import sys; open(sys.argv[1], 'w').write(sys.stdin.read())\" {out}"
    with listening(Web) as web, listening(Mail) as mail:
        channels = Channels.of(
            {"webhook": f"http://127.0.0.1:{web}/x", "command": keep, "email_to": "shop@example.org",
             "email_from": "luthier@example.org", "smtp": f"127.0.0.1:{mail}"}
        )  # fmt: skip
        tell(channels, "churn", [ALARM])
    assert json.loads(got["webhook"])["words"] == ALARM.words
    assert json.loads(out.read_text())["model"] == "churn"
    assert "Subject: Luthier: churn, inputs" in got["mail"]


def test_a_channel_that_fails_does_not_silence_the_others(tmp_path: Path) -> None:
    channels = Channels(command="false", log=str(tmp_path / "alarms.jsonl"))
    with pytest.raises(NotSent, match=r"(?s)1 messages about churn were not sent: command.*\[alarms\]"):
        tell(channels, "churn", [ALARM])
    assert json.loads((tmp_path / "alarms.jsonl").read_text())["detector"] == "inputs"
