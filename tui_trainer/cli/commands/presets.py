"""`tui-trainer presets`: list the presets, or print one."""

from __future__ import annotations

import click

from tui_trainer.cli.options import json_option, print_json, print_table


@click.command(
    epilog="""\b
Examples:
  tui-trainer presets
  tui-trainer presets digits-mlp > mine.toml"""
)
@click.argument("name", metavar="[NAME]", default="")
@json_option
def command(name: str, as_json: bool) -> int:
    """List the presets. With a NAME, print its full configuration as TOML."""
    if name:
        return _show(name, as_json)
    from tui_trainer.session.catalog import list_presets

    presets = list_presets()
    if as_json:
        fields = ("name", "title", "summary", "group", "variants")
        print_json([{field: getattr(preset, field) for field in fields} for preset in presets])
    else:
        print_table([(p.name, p.group, p.title, p.summary) for p in presets], ("name", "group", "title", "summary"))
    return 0


def _show(name: str, as_json: bool) -> int:
    from tui_trainer.config.preset import dump, load

    preset = load(name)
    runs = preset.runs
    if as_json:
        configs = {variant: config.model_dump(mode="json", exclude_none=True) for variant, config in runs.items()}
        print_json(configs[""] if list(configs) == [""] else configs)
        return 0
    for variant, config in runs.items():
        if variant:
            click.echo(f"# variant {variant}")
        click.echo(dump(config), nl=False)
    return 0
