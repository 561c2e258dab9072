"""A copy of a PostgreSQL database by ``pg_dump``, and the way back by ``psql``, in one transaction."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import make_url
from sqlalchemy.sql.base import Executable

from contentflow.backup.tables import Copied, compiled, counted, saved
from contentflow.config import settings
from contentflow.core.errors import Refused

READ_BYTES = 1 << 20
OF_HUEY = "huey*"  # Waiting messages, if the queues are here too: the rows say what is due.


class NoProgram(Refused):
    message = _l(
        "pg_dump et psql manquent : installez le client de PostgreSQL (postgresql-client), "
        "de la version du serveur ou plus récent."
    )


class ProgramFailed(Refused):
    def __init__(self, program: str, said: str) -> None:
        super().__init__()
        self.message = _l("%(program)s a échoué : %(said)s", program=program, said=said)


@contextmanager
def copied(workplace: Path) -> Iterator[Copied]:
    """Count and dump what one snapshot shows; writers go on beside."""
    import psycopg  # An extra: not every machine has it.

    with psycopg.connect(_url()) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        snapshot = _one(connection, "SELECT pg_export_snapshot()")
        rows = counted(lambda statement: int(_one(connection, statement)), _tables(connection))
        options = ["--no-owner", "--no-privileges", f"--snapshot={snapshot}", f"--exclude-table={OF_HUEY}"]
        hidden = [f"--exclude-table-data={table}" for table in saved().never]
        yield Copied(rows, _dumped(["pg_dump", *options, *hidden]))


def _one(connection: Any, statement: str) -> Any:
    return connection.execute(statement).fetchone()[0]


def _url() -> str:
    url = make_url(settings().database_url)
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def _tables(connection: Any) -> set[str]:
    found = "SELECT tablename FROM pg_tables WHERE schemaname = ANY (current_schemas(false))"
    return {row[0] for row in connection.execute(found)}


def tables() -> set[str]:
    import psycopg

    with psycopg.connect(_url()) as connection:
        return _tables(connection)


def _started(arguments: Sequence[str], errors: IO[bytes], **pipes: Any) -> subprocess.Popen[bytes]:
    # The password goes beside the address, where no list of processes shows it.
    url = make_url(settings().database_url)
    address = url.set(drivername="postgresql", password=None).render_as_string()
    password = {"PGPASSWORD": str(url.password)} if url.password else {}
    command, environ = [*arguments, f"--dbname={address}"], {**os.environ, **password}
    try:
        return subprocess.Popen(command, env=environ, stderr=errors, **pipes)
    except FileNotFoundError as error:
        raise NoProgram from error


def _dumped(arguments: Sequence[str]) -> Iterator[bytes]:
    with TemporaryFile() as errors, _started(arguments, errors, stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        try:
            while part := program.stdout.read(READ_BYTES):
                yield part
            _check(program, errors)
        finally:
            program.kill()


def _check(program: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
    if program.wait():
        errors.seek(0)
        said = errors.read(2_000).decode("utf-8", "replace").strip().partition("\n")[0]
        raise ProgramFailed(Path(str(program.args[0])).name, said)  # type: ignore[index]


def load(parts: Iterable[bytes], rows: dict[str, int], afterwards: Iterable[Executable]) -> None:
    """Bring the tables, count their rows and do what comes ``afterwards``: all of it, or nothing."""
    arguments = ["psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL}
    with TemporaryFile() as errors, _started(arguments, errors, **pipes) as program:
        assert program.stdin is not None
        try:
            program.stdin.write(b"BEGIN;\n")
            for part in parts:
                program.stdin.write(part)
            checks = "\n".join(
                f'IF (SELECT count(*) FROM "{table}") <> {count} '
                f"THEN RAISE EXCEPTION 'rows of {table}'; END IF;"
                for table, count in rows.items()
            )
            statements = "".join(f"{statement};\n" for statement in compiled("postgresql", afterwards))
            ending = f"\nRESET ALL;\nDO $$ BEGIN\n{checks}\nEND $$;\n{statements}"
            # Without this last word nothing stays, whatever ended us before.
            program.stdin.write(f"{ending}COMMIT;\n".encode())
            program.stdin.close()
        except BrokenPipeError:
            pass  # psql says why.
        except BaseException:
            program.kill()
            raise
        _check(program, errors)
