"""Send alarms to where people are: a file, a webhook, e-mail, a command."""

from __future__ import annotations

import json
import logging
import os
import shlex
import smtplib
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Self
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from luthier.errors import BadSettings, NotSent
from luthier.monitoring import Alarm

TIMEOUT_S = 10.0
PASSWORD = "LUTHIER_SMTP_PASSWORD"  # noqa: S105 - the name of a variable
"""Environment variable with the password for e-mail: secrets do not belong into a file that is committed."""

log = logging.getLogger("luthier.monitor")


@dataclass(frozen=True, slots=True)
class Channels:
    """Where alarms go, as `[alarms]` in `luthier.toml` says.

    Attributes
    ----------
    log
        File that gets one JSON line an alarm.
    webhook
        http or https address that gets each alarm as a JSON body.
    command
        Program that is run with the alarm as JSON on its standard input.
    email_to, email_from, smtp, user
        E-mail by an SMTP server, "host:port"; STARTTLS and a password when `user` is given.
    """

    log: str | None = None
    webhook: str | None = None
    command: str | None = None
    email_to: str | None = None
    email_from: str | None = None
    smtp: str = "localhost:25"
    user: str | None = None

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Self:
        """Read the section.

        Raises
        ------
        BadSettings
            It says something that has no meaning.
        """
        BadSettings.check_names("alarms", said, cls.__dataclass_fields__)
        for name, value in said.items():
            if not isinstance(value, str):
                raise BadSettings(f"[alarms] {name} is text, not {value!r}", fix=f'write {name} = "..."')
        channels = cls(**said)
        if channels.webhook is not None and urlsplit(channels.webhook).scheme not in {"http", "https"}:
            raise BadSettings(f"[alarms] webhook {channels.webhook!r} is no web address", fix="begin it with https://")
        if channels.email_to is not None and channels.email_from is None:
            raise BadSettings("[alarms] email_to has no email_from", fix='write email_from = "luthier@example.org"')
        return channels


def tell(channels: Channels, model: str, alarms: Sequence[Alarm]) -> None:
    """Send alarms by all channels.

    Raises
    ------
    NotSent
        A channel did not take them. The others were tried before that is said.
    """
    failed = []
    ways = {"log": _log, "webhook": _post, "command": _run, "email_to": _mail}
    for alarm in alarms:
        body = {"model": model, "at": datetime.now(UTC).isoformat(timespec="seconds"), **alarm.to_dict()}
        log.warning("alarm model=%s detector=%s words=%s", model, alarm.detector, alarm.words)
        for name, send in ways.items():
            if getattr(channels, name) is None:
                continue
            try:
                send(channels, body)
            except (OSError, smtplib.SMTPException, subprocess.SubprocessError, ValueError) as error:
                failed.append(f"{name}: {error}")
    if failed:
        raise NotSent(
            f"{len(failed)} messages about {model} were not sent: {failed[0]}",
            fix="mend [alarms] in luthier.toml; the alarms are sent again with the next look",
        )


def _log(channels: Channels, body: Mapping[str, Any]) -> None:
    assert channels.log is not None
    path = Path(channels.log)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(body) + "\n")


def _post(channels: Channels, body: Mapping[str, Any]) -> None:
    assert channels.webhook is not None
    said = Request(  # noqa: S310 - checked to be http or https when the settings were read
        channels.webhook, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urlopen(said, timeout=TIMEOUT_S) as answer:  # noqa: S310
            answer.read(1)
    except URLError as error:
        raise OSError(str(error)) from error


def _run(channels: Channels, body: Mapping[str, Any]) -> None:
    assert channels.command is not None
    subprocess.run(  # noqa: S603 - the project's own command, from its own settings
        shlex.split(channels.command), input=json.dumps(body).encode(), check=True, timeout=60, capture_output=True
    )


def _mail(channels: Channels, body: Mapping[str, Any]) -> None:
    message = EmailMessage()
    message["Subject"] = f"Luthier: {body['model']}, {body['detector']}"
    message["From"], message["To"] = channels.email_from, channels.email_to
    message.set_content("\n".join([str(body["words"]), *body["slices"]]))
    host, _, port = channels.smtp.partition(":")
    with smtplib.SMTP(host, int(port or 25), timeout=TIMEOUT_S) as server:
        if channels.user is not None:
            server.starttls()
            server.login(channels.user, os.environ.get(PASSWORD, ""))
        server.send_message(message)
