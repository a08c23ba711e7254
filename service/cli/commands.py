"""The command line. What is heavy is imported inside the commands: ``--help`` is quick."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from kg.errors import KgError, Refused, UnknownFormat
from service.cli.output import (
    Progress,
    figures,
    import_report,
    problem_lines,
    query_rows,
    show,
    undo_report,
)
from service.core.settings import BadSetting, Settings, read

if TYPE_CHECKING:
    from service.core.accounts import Accounts
    from service.core.control import Beside
    from service.core.operations import Operations
    from service.core.rights import Role
    from service.core.runtime import Matching, Runtime
    from service.core.tokens import Tokens

TYPES = {
    ".ttl": "text/turtle",
    ".nt": "application/n-triples",
    ".jsonld": "application/ld+json",
    ".json": "application/ld+json",
}
DEMO = {
    "text": "Stari ljudi žive sami u selima u koja ne vozi nijedan autobus.",
    "territory": "HR035",
    "limit": 3,
}
#: the keys of ``matcher.kinds.KINDS``, whose import would make ``--help`` slow
QUESTIONS = ("similar", "transfer", "partners", "instruments", "consortium", "groups")
OUTPUT = click.Path(dir_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


class _Commands(click.Group):
    """Turns every foreseen error into one sentence on standard error and exit code 2."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401
        """Run the command."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            sentence = error.format_message()
        except (KgError, BadSetting, OSError) as error:
            sentence = str(error).partition("\n")[0] or type(error).__name__
            if isinstance(error, Refused) and error.problems:
                first = error.problems[0]
                sentence = f"{first.path}: {first.message}"
                sentence += f" {first.hint}" if first.hint else ""
        click.echo(sentence, err=True)
        sys.exit(2)


def common(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command ``--home`` and ``--json``."""
    home = click.option(
        "--home",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        help="Where everything is kept; else PASSERELLE_HOME.",
    )
    return home(click.option("--json", "as_json", is_flag=True, help="One JSON document.")(command))


def _settings(home: Path | None) -> Settings:
    return read(os.environ, home)


def _set_up_models(settings: Settings) -> None:
    """Set what the model libraries read from the environment, before one of them is imported.

    What is set already stays. The network is switched off unless a model comes from a hub.
    """
    named = [name for name in (settings.model, settings.reranker) if name]
    if all(name == "default" or Path(name).is_dir() for name in named):
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # Waiting threads sleep: 2 ms more alone, half the time when others use the cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


@click.group(cls=_Commands)
@click.version_option(package_name="passerelle")
def main() -> None:
    """Passerelle: social innovation practices, and what could be carried over where."""


@main.command()
@common
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--demo", is_flag=True, help="Also print a first transfer match with its reasons.")
def serve(home: Path | None, as_json: bool, host: str, demo: bool) -> None:
    """Serve pages, API and SPARQL on PORT until SIGTERM or Ctrl-C."""
    from service.core import server

    settings = _settings(home)
    _set_up_models(settings)
    for number in (signal.SIGTERM, signal.SIGINT):  # a shell's background job ignores SIGINT
        signal.signal(number, lambda *_: sys.exit(0))
    with server.bind(host, settings.port) as bound:
        shown = "127.0.0.1" if host == "0.0.0.0" else host
        settings = replace(settings, host=shown, port=bound.getsockname()[1])
        from service import create_app
        from service.core.control import ControlSocket
        from service.core.runtime import Runtime

        with Runtime(settings, tell=Progress()) as runtime, ControlSocket(runtime):
            address = settings.address.rstrip("/")
            running = server.make(create_app(runtime), bound)
            ready = (runtime, address, as_json, demo)
            try:  # until a signal, or until the model turns out to be unusable
                threading.Thread(target=_announce, args=ready, daemon=True).start()
                sys.setswitchinterval(server.TURN)
                running.run()
                running.close()
            finally:
                if runtime.unusable:
                    raise runtime.unusable


def _announce(runtime: Runtime, address: str, as_json: bool, demo: bool) -> None:
    """Say where the service is once it is ready; end it if the model can never be used."""
    if not runtime.wait_ready():
        if runtime.unusable:
            os.kill(os.getpid(), signal.SIGTERM)
        return
    from matcher.model.answer import plain
    from service.api import requests
    from service.cli.answers import lines

    answer = requests.answer("transfer", dict(DEMO), runtime.matcher) if demo else None
    line = f"Passerelle is ready at {address}"
    show({"ready": address, "demo": plain(answer) if answer else None}, as_json, line)
    if answer and not as_json:
        click.echo(f"\nA first question: {DEMO['text']} ({DEMO['territory']})")
        click.echo(lines(answer, 1))


@main.command("import")
@click.argument("name")
@click.argument("file", type=FILE)
@click.option("--limit", type=click.IntRange(1), help="Read only the first rows.")
@common
def import_(home: Path | None, as_json: bool, name: str, file: Path, limit: int | None) -> None:
    """Import FILE: entries (rdf), or a list as susy or esif publish it; 1 if rows are refused."""

    def rows(done: int, total: int) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r{done} rows", err=True, nl=False)

    with _graph(_settings(home)) as graph:
        report = graph.import_file(name, str(file), limit, rows)
    show(report, as_json, import_report(report))
    sys.exit(1 if report["refused"] else 0)


@contextmanager
def _graph(settings: Settings) -> Iterator[Operations | Beside]:
    """The graph of a home: by the service that holds it, or opened here where none runs."""
    from service.core.control import Beside
    from service.core.operations import Operations

    if beside := Beside.of(settings.home):
        yield beside
        return
    from kg.catalogue.places import Atlas
    from service.core.runtime import open_graph

    intake = open_graph(settings, Progress())
    yield Operations(intake, Atlas.of(intake.store, settings.home))


@main.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(["nquads", "turtle", "jsonld"]),
    default="nquads",
    show_default=True,
)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Else to stdout.")
@common
def export(home: Path | None, as_json: bool, form: str, output: Path | None) -> None:
    """Write all entries; nquads also holds provenance and vocabularies."""
    if as_json and output is None:
        raise click.UsageError("With --json name a file by --output.")
    progress = Progress()
    with _graph(_settings(home)) as graph:
        pieces = graph.export(form, lambda d, n: progress.counted("Writing", d, n))
        if output is None:
            for piece in pieces:
                click.echo(piece, nl=False)
            return
        fresh = output.with_name(output.name + ".new")
        with fresh.open("w", encoding="utf-8", newline="") as stream:
            stream.writelines(pieces)
        fresh.replace(output)
        count = graph.entry_count(lambda done, total: None)
    body = {"entries": count, "format": form, "output": str(output)}
    show(body, as_json, f"{count} entries written to {output}")


@main.command()
@click.option("--job", metavar="ID", help="An import or another job, as its report names it.")
@click.option("--token", metavar="NAME", help="Whatever was written under this label.")
@click.option("--since", metavar="TIME", help="With --token: since when, such as 2026-11-29T14:30.")
@click.option("--reason", help="Why, for the history.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@common
def undo(
    home: Path | None,
    as_json: bool,
    job: str | None,
    token: str | None,
    since: str | None,
    reason: str | None,
    dry_run: bool,
) -> None:
    """Take back what a job or a token did; what was edited since is left, and told."""
    if (job is None) == (token is None) or (token is None) != (since is None):
        raise click.UsageError("Name a --job, or a --token and the time --since when.")
    progress = Progress()
    with _graph(_settings(home)) as graph:
        report = graph.undo(
            job, token, since, dry_run, reason, lambda d, n: progress.counted("Undoing", d, n)
        )
    show(report, as_json, undo_report(report, dry_run))
    sys.exit(1 if report["left"] else 0)


@main.command()
@click.argument("file", type=FILE)
@common
def validate(home: Path | None, as_json: bool, file: Path) -> None:
    """Check the entry in FILE (Turtle, N-Triples, JSON-LD); exit code 1 if it does not conform."""
    from kg.entries.reading import read_entry
    from service.core.runtime import open_graph

    media = TYPES.get(file.suffix.lower())
    if media is None:
        raise UnknownFormat(f"{file.name} is not read; name it {', '.join(TYPES)}.")
    intake = open_graph(_settings(home), Progress())
    try:
        entry = read_entry(file.read_bytes(), media, intake.store.base, noted=intake.store.noted)
        problems, iri = list(intake.check(entry).problems), entry.iri
    except Refused as error:
        problems, iri = error.problems, None
    rows = [problem.as_dict() for problem in problems]
    good = not any(problem.severity == "violation" for problem in problems)
    text = "\n".join([*problem_lines(rows), "It conforms." if good else "Refused."])
    show({"entry": iri, "conforms": good, "problems": rows}, as_json, text)
    sys.exit(0 if good else 1)


@main.command()
@common
def reindex(home: Path | None, as_json: bool) -> None:
    """Make the whole index anew."""
    progress = Progress()
    with _matching(_settings(home), progress) as matching:
        count = matching.matcher.index.rebuild(lambda d, n: progress.counted("Indexing", d, n))
    show({"entries": count}, as_json, f"{count} entries indexed.")


@main.command()
@click.argument("kind", type=click.Choice([*QUESTIONS, "batch"]))
@click.argument("text", required=False)
@click.option("--entry", help="The IRI of an entry instead of a text.")
@click.option("--territory", "--place", "place", help="A place by its name, or NUTS or ISO code.")
@click.option("--lang", help="The language of the text; else detected.")
@click.option("--limit", type=click.IntRange(1, 100), default=10, show_default=True)
@click.option(
    "--diversity",
    type=click.Choice(["country", "approach", "language"]),
    help="similar: spread the matches over these.",
)
@click.option("--with", "more", metavar="JSON", help="More keys of the request, as the API takes.")
@click.option("--country", help="batch: its name or ISO code; all of its practices and challenges.")
@click.option("--output", type=OUTPUT, help="batch: where the lines go; a file is gone on with.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["turtle", "nt", "jsonld"]),
    help="The answer as RDF that cites what it rests on.",
)
@common
def match(
    home: Path | None,
    as_json: bool,
    kind: str,
    entry: str | None,
    more: str | None,
    country: str | None,
    output: Path | None,
    form: str | None,
    **given: Any,  # noqa: ANN401
) -> None:
    """Ask for matches of a TEXT in any language, or of an entry; or for all of a country."""
    from kg.vocabulary import context
    from matcher.kinds import KINDS
    from matcher.model.answer import plain
    from service.api import requests
    from service.api.matches import as_rdf
    from service.cli.answers import lines
    from service.http.negotiation import write

    if (kind == "batch") != (country is not None and output is not None):
        raise click.UsageError("For batch name --country and --output, and only then.")
    raw = {key: value for key, value in given.items() if value is not None}
    if as_json and form:
        raise click.UsageError("Ask for --json or for a --format.")
    if kind == "batch" and (entry or more or form or raw.keys() - {"limit"}):
        raise click.UsageError("batch takes --country, --output and --limit, and nothing else.")
    if entry is not None:
        path = entry.rsplit("/", 2)[-2] if entry.count("/") > 1 else ""
        raw[KINDS[kind].key_of(path)] = entry
    raw |= requests.read_json(more.encode()) if more else {}
    progress = Progress()
    with _matching(_settings(home), progress) as matching:
        matching.matcher.catch_up(lambda d, n: progress.counted("Indexing", d, n))
        if country is not None and output is not None:
            _batch(matching, country, output, raw["limit"], progress, as_json=as_json)
            return
        answer = requests.answer(kind, raw, matching.matcher)
    if form:
        triples = as_rdf(kind, raw, answer, matching.store.base)
        text = write(triples, form, context()).decode().rstrip("\n")
    else:
        text = lines(answer, raw["limit"])
    show(plain(answer), as_json, text)


@main.command()
@click.argument("file", type=click.File("rb"))
@click.option("--agent", required=True, help="Who tells, in a-z, 0-9 and hyphens.")
@common
def feedback(home: Path | None, as_json: bool, file: IO[bytes], agent: str) -> None:
    """Tell what became of a suggestion: FILE (- for stdin) holds JSON as the API takes it."""
    from kg.catalogue.places import Atlas
    from service.api import requests
    from service.api.feedback import record
    from service.core.runtime import open_graph
    from service.core.tokens import check_label

    check_label(agent, "agent")
    decision = requests.read_feedback(requests.read_json(file.read()))
    settings = _settings(home)
    intake = open_graph(settings, Progress())
    atlas = Atlas.of(intake.store, settings.home)
    accepted = record(intake, atlas.places, decision, agent)
    body = {"entry": accepted.entry.iri, "version": accepted.version, "problems": []}
    show(body, as_json, f"Stored as {accepted.entry.iri}")


def _batch(
    matching: Matching,
    country: str,
    output: Path,
    limit: int,
    progress: Progress,
    *,
    as_json: bool,
) -> None:
    from matcher.questions import batch

    def tell(done: int, total: int) -> None:
        progress.counted("Matching", done, total)

    places = matching.matcher.atlas.places
    code = places.territories.country(places.meant(country, "country").code)
    report = batch.run(matching.matcher, code, output, limit, tell)
    show(report, as_json, f"{report['entries']} entries matched in {output}")


def _matching(settings: Settings, progress: Progress) -> Matching:
    from service.core.runtime import Matching

    _set_up_models(settings)
    return Matching(settings, tell=progress)


@main.command()
@click.argument("name", type=click.Choice(["susy"]), required=False)
@click.argument("file", type=FILE, required=False)
@click.option("--feedback", is_flag=True, help="Report decisions and results, and re-weigh.")
@click.option("--write", type=OUTPUT, help="With --feedback: a file for PASSERELLE_WEIGHTS.")
@common
def evaluate(
    home: Path | None,
    as_json: bool,
    name: str | None,
    file: Path | None,
    feedback: bool,
    write: Path | None,
) -> None:
    """Measure the matcher on the initiatives of SUSY in FILE, or report --feedback."""
    if feedback == (name is not None) or (write and not feedback):
        raise click.UsageError("Name a collection, or ask for --feedback (then also --write).")
    if name and not file:
        raise click.UsageError("Name the FILE of the initiatives.")
    from service.cli.evaluate import outcomes, susy_report

    settings = _settings(home)
    _set_up_models(settings)
    report = susy_report(settings, file) if file else outcomes(settings, write)
    show(report, as_json, figures(report))


@main.command()
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True)
@click.option("--slowest", is_flag=True, help="The slowest first, not the latest.")
@click.option("--limited", is_flag=True, help="Only those that ran into a limit.")
@common
def queries(home: Path | None, as_json: bool, limit: int, slowest: bool, limited: bool) -> None:
    """Show the log of SPARQL queries: how long, how much, which limit; never their text."""
    from service.core.query_log import read as read_log

    noted = [seen for seen in read_log(_settings(home).home) if seen.limit or not limited]
    if slowest:
        noted.sort(key=lambda seen: -seen.milliseconds)
    rows = [vars(seen) for seen in noted[:limit]]
    show({"queries": rows, "total": len(noted)}, as_json, query_rows(rows))


def _rights(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say what somebody may do."""
    for option in (
        click.option("--organisation", metavar="IRI", help="Whose entries a contributor edits."),
        click.option("--community", multiple=True, metavar="IRI", help="A curator's communities."),
        click.option("--country", multiple=True, metavar="CC", help="A curator's countries."),
        click.option(
            "--role",
            type=click.Choice(["contributor", "curator", "administrator"]),
            default="curator",
            show_default=True,
            help="What its holder may do.",
        ),
    ):
        command = option(command)
    return command


@main.group()
def token() -> None:
    """Tokens that allow an organisation to write."""


def _tokens(home: Path | None) -> Tokens:
    from service.core.runtime import open_ledger
    from service.core.tokens import Tokens

    return Tokens(open_ledger(_settings(home)).database)


@token.command("create")
@click.argument("label")
@_rights
@click.option("--days", type=click.IntRange(1, 36_500), help="After how many days it ends.")
@common
def create_token(
    home: Path | None,
    as_json: bool,
    label: str,
    role: Role,
    country: tuple[str, ...],
    community: tuple[str, ...],
    organisation: str | None,
    days: int | None,
) -> None:
    """Make a token for the organisation LABEL and print it, this once."""
    secret = _tokens(home).create(
        label,
        role,
        countries=country,
        communities=community,
        organisation=organisation,
        days=days,
    )
    show({"label": label, "role": role, "token": secret}, as_json, secret)


@token.command("list")
@common
def list_tokens(home: Path | None, as_json: bool) -> None:
    """List who holds tokens, what they may do, since when, until when and when last used."""
    rows = [known.as_dict() for known in _tokens(home).all()]
    lines = (" ".join(str(value) for value in row.values() if value) for row in rows)
    show({"tokens": rows}, as_json, "\n".join(lines))


@token.command("revoke")
@click.argument("label")
@common
def revoke_token(home: Path | None, as_json: bool, label: str) -> None:
    """Revoke all tokens of the organisation LABEL."""
    count = _tokens(home).revoke(label)
    show({"label": label, "revoked": count}, as_json, f"{count} revoked.")


@main.group()
def account() -> None:
    """People of organisations who sign in by OpenID Connect."""


def _accounts(home: Path | None) -> Accounts:
    from service.core.accounts import Accounts
    from service.core.runtime import open_ledger

    return Accounts(open_ledger(_settings(home)).database)


@account.command("tie")
@click.argument("issuer")
@click.argument("subject")
@click.argument("label")
@_rights
@common
def tie_account(
    home: Path | None,
    as_json: bool,
    issuer: str,
    subject: str,
    label: str,
    role: Role,
    country: tuple[str, ...],
    community: tuple[str, ...],
    organisation: str | None,
) -> None:
    """Let the SUBJECT of an ISSUER write under the LABEL of an organisation."""
    _accounts(home).tie(
        issuer,
        subject,
        label,
        role,
        countries=country,
        communities=community,
        organisation=organisation,
    )
    body = {"issuer": issuer, "subject": subject, "label": label, "role": role}
    show(body, as_json, f"{subject} writes as {label}, {role}.")


@account.command("untie")
@click.argument("issuer")
@click.argument("subject")
@common
def untie_account(home: Path | None, as_json: bool, issuer: str, subject: str) -> None:
    """Take the role of a SUBJECT away; its sessions end."""
    _accounts(home).untie(issuer, subject)
    show({"issuer": issuer, "subject": subject}, as_json, f"{subject} has no role any more.")


@main.command()
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True)
@common
def audit(home: Path | None, as_json: bool, limit: int) -> None:
    """Show who was let in or turned away, the latest first."""
    from service.core.audit import Audit
    from service.core.runtime import open_ledger

    noted = Audit(open_ledger(_settings(home)).database).lines(limit)
    rows = [line.as_dict() for line in noted]
    lines = ("  ".join(value for value in row.values() if value) for row in rows)
    show({"lines": rows}, as_json, "\n".join(lines))
