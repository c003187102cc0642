"""``plantgate key``: show the signing key's public half, or make the key before the first start."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from agent.keys import KeyProblem, SigningKey, fingerprint, key_path, published
from agent.sites import load_site
from config.problem import SiteProblems

key = typer.Typer(
    help="The gateway's signing key: what the platform needs to enrol this gateway. Never shows the private half.",
    no_args_is_help=True,
)

SiteFile = Annotated[Path, typer.Argument(metavar="SITE.toml", help="The site file; the key lies in its state_dir.")]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print fingerprint, kid and public JWK as JSON; verify --key takes it as it is.")
]


@key.command()
def show(site: SiteFile, as_json: AsJson = False) -> None:
    """Show fingerprint and public key. Use it when enrolling the gateway on the platform.

    Creates nothing. Exit 1 when there is no key yet or it cannot be used.
    """
    path = _path(site)
    if not os.path.lexists(path):
        print(f"plantgate: no key yet: {path}", file=sys.stderr)
        print(f"plantgate: it is made on the first run, or now with: plantgate key make {site}", file=sys.stderr)
        raise typer.Exit(1)
    _print(_use(path, may_create=False), path, as_json=as_json)


@key.command()
def make(site: SiteFile, as_json: AsJson = False) -> None:
    """Make the signing key if there is none, and show it. Use it to enrol a gateway before its first run.

    Run it as the user the gateway runs as. An existing key is never replaced.
    """
    path = _path(site)
    _print(_use(path, may_create=True), path, as_json=as_json)


def _path(site: Path) -> Path:
    try:
        return key_path(load_site(site).gateway.state_dir)
    except SiteProblems as problems:
        print(problems, file=sys.stderr)
        print(f"plantgate: the site file has mistakes; see: plantgate check {site}", file=sys.stderr)
        raise typer.Exit(1) from None


def _use(path: Path, *, may_create: bool) -> SigningKey:
    try:
        return SigningKey.load_or_create(path, may_create=may_create)
    except KeyProblem as problem:
        print(f"plantgate: {problem}", file=sys.stderr)
        raise typer.Exit(1) from None


def _print(found: SigningKey, path: Path, *, as_json: bool) -> None:
    jwk = published(found.public)
    if as_json:
        print(json.dumps({"fingerprint": fingerprint(found.public), "kid": found.kid, "file": str(path), "jwk": jwk}))
        return
    print(f"fingerprint  {fingerprint(found.public)}")
    print(f"kid          {found.kid}")
    print(f"file         {path}")
    print(f"public JWK   {json.dumps(jwk)}")
