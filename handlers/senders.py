"""Senders of mail and push. `console` is the default; `params` can name a function of yours instead.

`work.target` of a mail is its address, and `work.payload` is `{subject, text}`. docs/chat.md describes a push.
"""

import asyncio
import logging
import os
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from hapiish import boom

TIMEOUT: Final = 10.0
"""Seconds for each step of the dialog with a mail server."""

log = logging.getLogger("chat.outbox")


async def console(server: Any, work: Any) -> None:
    """Logs that there is a mail or push to send, and with the local database of development also the text of a mail.

    The text of a mail contains a secret link: it must not be in the log of a service.
    """
    if work.kind != "mail":
        log.info("%s to %s: no sender is configured", work.kind, work.target)
    elif _is_development(server):
        log.warning("mail to %s: %s\n\n%s\n", work.target, work.payload["subject"], work.payload["text"])
    else:
        log.warning("a mail was not sent (%s): set CHAT_MAIL_SENDER", work.payload["subject"])


async def smtp(server: Any, work: Any) -> None:
    """Sends a mail with the server in `SMTP_URL` (`smtps://user:password@host:465`, `smtp://…` for STARTTLS).

    The sender's address is `MAIL_FROM`. Raises a 400 if the mail server permanently refuses the receiver's address, and
    other errors for failures that a repetition may mend.
    """
    mail = EmailMessage()
    mail["From"] = os.environ["MAIL_FROM"]
    mail["To"] = work.target
    mail["Subject"] = work.payload["subject"]
    mail["Date"] = formatdate()
    mail["Message-ID"] = make_msgid(idstring=work.id, domain=mail["From"].addresses[0].domain)
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(work.payload["text"])
    await asyncio.to_thread(_deliver, os.environ["SMTP_URL"], mail)


def _deliver(url: str, mail: EmailMessage) -> None:
    given, context = urlsplit(url), ssl.create_default_context()
    host, port = given.hostname or "", given.port or 0
    try:
        with (
            smtplib.SMTP_SSL(host, port, timeout=TIMEOUT, context=context)
            if given.scheme == "smtps"
            else smtplib.SMTP(host, port, timeout=TIMEOUT)
        ) as server:
            server.ehlo()
            if given.scheme != "smtps" and (given.username or server.has_extn("starttls")):
                server.starttls(context=context)  # raises if the server has none: no password is sent in plain text
            if given.username:
                server.login(unquote(given.username), unquote(given.password or ""))
            server.send_message(mail)
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        if all(code >= 500 for code in codes):
            raise boom.BadRequest("the mail server refuses the address") from error
        raise


def _is_development(server: Any) -> bool:
    """Returns True if the database is the local one of `hapiish run`, which is not for production."""
    database = server.checked_table.database
    return database is not None and not database.uri
