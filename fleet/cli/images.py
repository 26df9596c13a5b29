"""`fleet images`: the images of all hosts, and the past of one."""

from __future__ import annotations

import click

from fleet.cli.errors import FAILED, OK
from fleet.cli.options import fleet_options, host_options, json_option
from fleet.cli.settings import Settings


def _complete(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Tags of the running fleet's images."""
    from fleet.cli.completing import images

    return images(ctx.params.get("config") or None, incomplete)


@click.command(
    "images",
    epilog="""\b
Examples:
  fleet images                       all images of all hosts
  fleet images --host db-1 --unused  what nothing on db-1 is made of
  fleet images redis:7               who has it, what the tag meant when, who used it
  fleet images 4f5b2a                the same by the beginning of an id
  fleet images --json | jq -r '.images[] | select(.containers == []) | .id'

\b
Exit code 1: a host could not be asked, so the list is not complete.""",
)
@click.argument("reference", metavar="[REF]", required=False, shell_complete=_complete)
@host_options
@click.option("--unused", is_flag=True, help="Only images that no container is made of.")
@json_option
@fleet_options
def command(
    settings: Settings,
    reference: str | None,
    hosts: tuple[str, ...],
    labels: tuple[str, ...],
    unused: bool,
    as_json: bool,
) -> int:
    """List images, or show one: where it is, its versions over time, and its containers.

    A running fleet knows them: it needs one.
    """
    from fleet.cli.containers import tell_unreachable
    from fleet.cli.image_sources import listed, one_image
    from fleet.cli.image_tables import show_one, write_images
    from fleet.cli.output import write_json
    from fleet.cli.past import need_running
    from fleet.cli.view import Choice, Source, chosen

    if reference is not None and not reference.strip():
        raise click.UsageError("an image has a name: write REF, or leave it out for all images")
    if reference is not None and unused:
        raise click.UsageError("--unused is for the list of all images, not for one")
    api = need_running(Source(settings), "only a running fleet collects images")
    known = api.hosts()
    names = set(chosen(known, Choice(hosts, labels)))
    if reference is not None:
        found = one_image(api, reference, names if hosts or labels else None)
        if as_json:
            write_json(found)
        else:
            show_one(found)
        return OK
    images = listed(api, names, unused=unused)
    if as_json:
        write_json(images)
    else:
        write_images(images.images)
    return FAILED if tell_unreachable(host for host in known if host.name in names) else OK
