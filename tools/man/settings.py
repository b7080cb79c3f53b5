#!/usr/bin/env python3
"""Fills a manual page with the settings of docs/configuration.md: `settings.py PAGE.in CONFIGURATION.md OUT` replaces
the line @SETTINGS@ by an entry for each row of its tables of keys."""
import re
import sys
from pathlib import Path


def roff(text):
    """A Markdown cell as roff: links and code lose their marks, what roff would take for a command is quoted."""
    text = re.sub(r'\[([^\]]*)\]\([^)]*\)', r'\1', text)
    text = text.replace('\\', '\\e').replace('-', '\\-')
    text = re.sub(r'`([^`]*)`', r'\\fB\1\\fR', text)
    return text.replace('→', '\\->').replace('\u2026', '...')


def entries(markdown):
    for row in re.findall(r'^\| `(\w+)` \| (.*?) \| (.*?) \| (.*?) \|$', markdown, flags=re.M):
        key, expected, default, meaning = row
        said = {'required': 'Required.', 'absent': ''}.get(default, f'Default: {default}.')
        yield '.TP'
        yield f'.BR {roff("--" + key.replace("_", "-"))}'
        yield f'{roff(meaning)} Expected: {roff(expected)}. {roff(said)}'.rstrip()


def main():
    page, configuration, out = map(Path, sys.argv[1:])
    rows = '\n'.join(entries(configuration.read_text()))
    if not rows:
        sys.exit(f'{configuration}: no table of keys')
    out.write_text(page.read_text().replace('@SETTINGS@', rows))


main()
