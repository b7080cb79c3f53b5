#!/usr/bin/env python3
"""Files as C arrays: `embed.py OUTPUT FILE...` writes the table that dashboard_files.h declares."""
import sys
from pathlib import Path

TYPES = {
    '.html': 'text/html; charset=utf-8',
    '.css': 'text/css; charset=utf-8',
    '.js': 'text/javascript; charset=utf-8',
    '.svg': 'image/svg+xml',
}


def rows(data):
    for at in range(0, len(data), 24):
        yield '    ' + ','.join(str(byte) for byte in data[at:at + 24]) + ','


def main():
    output, files = Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]]
    lines = ['/* Made by embed.py. */', '#include "api/dashboard_files.h"', '']
    table = []
    for number, file in enumerate(files):
        data = file.read_bytes()
        path = '/dashboard' + ('' if file.suffix == '.html' else file.name.removeprefix('dashboard'))
        lines += [f'static const unsigned char file_{number}[] = {{', *rows(data), '};']
        table.append(f'    {{ "{path}", "{TYPES[file.suffix]}", file_{number}, sizeof file_{number} }},')
    lines += ['const struct dashboard_file dashboard_files[] = {', *table, '};']
    lines += [f'const size_t dashboard_n_files = {len(files)};']
    output.write_text('\n'.join(lines) + '\n')


if __name__ == '__main__':
    main()
