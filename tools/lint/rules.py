#!/usr/bin/env python3
"""The rules of this tree that no ready-made tool knows: `rules.py [--root DIR] FILE...` prints a line
`file:line: what` for each breach and ends with status 1 when there is one. tools/lint.sh runs it on every tracked file.

A rule is a function (file) -> iterable of (line, what); RULES says which files it looks at.
"""
import argparse
import re
import sys
from functools import cached_property
from pathlib import Path

# Includes go down only: a room may include rooms of a lower rank and itself. What stands directly in src/ (main.c) may
# include everything; no room includes it.
RANKS = {'node': 8, 'api': 7, 'job': 6, 'worker': 5, 'chain': 5, 'config': 5, 'net': 4, 'ledger': 4, 'enclave': 4,
         'eth': 3, 'util': 2}
TOP = 9

# Which files may include a library's headers.
LIBRARIES = [
    (r'curl/', r'src/net/(http_\w+|url)\.[ch]'),
    (r'libwebsockets', r'src/net/ws_\w+\.[ch]'),
    (r'microhttpd', r'src/api/http_\w+\.[ch]'),
    (r'secp256k1', r'src/eth/key\.c'),
    (r'tomcrypt', r'src/eth/(keccak|cipher)\.c'),
    (r'sodium', r'src/eth/(seal|scrypt)\.c'),
    (r'jansson', r'src/util/json\.c'),
    (r'sqlite3', r'src/ledger/\w+\.[ch]'),
    (r'seccomp', r'src/worker/\w+\.c'),
    (r'openssl/', r'src/enclave/(crypto|cert)\.c'),
    (r'cbor\.h', r'src/enclave/cbor\.c'),
    (r'uv\.h', r'(?!src/(eth|util)/).*'),  # pure rooms know no loop ...
    (r'(sys/socket|netinet/|sys/un|netdb)', r'(?!src/(eth|util)/).*'),  # ... and no network
]

# Mutable variables at file scope, each with why it cannot be avoided.
MUTABLE = {
    'src/eth/key.c': 'shared_ctx: the library context, made once',
    'src/util/clock.c': 'source: tests drive the clock',
    'src/util/log.c': 'log_format_now, log_least: set once at start',
}

BANNED = {
    'strcpy': 'snprintf or buf', 'strcat': 'buf', 'sprintf': 'snprintf', 'vsprintf': 'vsnprintf', 'gets': 'read',
    'strtok': 'strtok_r', 'atoi': 'strtoul or u256_parse', 'system': 'a spawned program without a shell',
    'popen': 'a spawned program without a shell', 'alloca': 'buf',
}

FUNCTION_LINES_MAX = 100
FILE_LINES_MAX = 1000
COLUMNS_MAX = 120


def blank(match):
    """The same number of characters and lines, without content."""
    return re.sub(r'[^\n]', ' ', match.group())


def without_comments(text):
    """C text with comments and the inside of literals blanked out; lines keep their numbers."""
    literal = r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
    return re.sub(rf'/\*.*?\*/|//[^\n]*|{literal}', blank, text, flags=re.S)


class File:
    """A tracked file; path is relative to the root, with slashes."""

    def __init__(self, path, raw, root=Path('.')):
        self.path, self.raw, self.root = path, raw, root

    @cached_property
    def text(self):
        return self.raw.decode('utf-8', errors='replace')

    @cached_property
    def lines(self):
        return self.text.split('\n')

    @cached_property
    def code(self):
        return without_comments(self.text)

    @cached_property
    def code_lines(self):
        return self.code.split('\n')


def includes(file):
    """(line number, opening, name) of each #include."""
    for number, line in enumerate(file.lines, 1):
        found = re.match(r'\s*#\s*include\s*(["<])([^">]+)', line)
        if found:
            yield number, found[1], found[2]


def layering(file):
    parts = file.path.split('/')
    room = parts[1] if len(parts) > 2 else None
    rank = RANKS.get(room, TOP)
    if room and room not in RANKS:
        yield 1, f'src/{room} has no place among the layers (tools/lint/rules.py)'
    for number, opening, name in includes(file):
        if opening != '"':
            continue
        target = name.split('/')[0] if '/' in name else None
        if not (file.root / 'src' / name).is_file():
            yield number, f'"{name}" is not a file of src/'
        elif target is None and room:
            yield number, f'{room} includes "{name}": rooms do not know what stands directly in src/'
        elif target and target != room and RANKS.get(target, TOP) >= rank:
            yield number, f'{room} includes "{name}": includes go down only ({room} is not above {target})'


def libraries(file):
    for number, opening, name in includes(file):
        for library, users in LIBRARIES:
            if opening == '<' and re.match(library, name) and not re.fullmatch(users, file.path):
                yield number, f'<{name}> is included by {users} only'


def prototypes(file):
    """(first line, name) of each function declared in a header, as clang-format lays it out."""
    depth = 0
    for number, line in enumerate(file.code_lines, 1):
        found = re.match(r'(?!static|typedef|#|extern)[a-zA-Z_][\w\s*]*?\b(\w+)\((?!\()', line)
        if depth == 0 and found:
            yield number, found[1]
        depth += line.count('{') - line.count('}') + line.count('(') - line.count(')')


def documented(file):
    """A prototype has a comment above it, shares that of the prototypes right above (no empty line between), or has one
    behind it."""
    for number, name in prototypes(file):
        if re.search(r';\s*/\*', file.lines[number - 1]):
            continue
        above = number - 2
        while above >= 0 and file.code_lines[above].strip():
            above -= 1
        if above < 0 or not file.lines[above].rstrip().endswith('*/'):
            yield number, f'{name} is not documented'


def function_sizes(file):
    if len(file.lines) > FILE_LINES_MAX:
        yield 1, f'{len(file.lines)} lines: over {FILE_LINES_MAX}, more than one reason to change'
    begin = None
    for number, line in enumerate(file.code_lines, 1):
        if line.startswith('{'):
            begin = number
        elif line.startswith('}') and begin:
            if number - begin - 1 > FUNCTION_LINES_MAX:
                yield begin, f'a function of {number - begin - 1} lines: over {FUNCTION_LINES_MAX}'
            begin = None


def banned_calls(file):
    for number, line in enumerate(file.code_lines, 1):
        for name in re.findall(r'(?<![\w.>])(\w+)\s*\(', line):
            if name in BANNED:
                yield number, f'{name}: use {BANNED[name]}'


def no_typedef_struct(file):
    for number, line in enumerate(file.code_lines, 1):
        if re.match(r'\s*typedef\s+(struct|enum|union)\b', line):
            yield number, 'no typedefs for structs, enums and unions'


def no_mutable_globals(file):
    if file.path in MUTABLE:
        return
    for number, line in enumerate(file.code_lines, 1):
        found = re.fullmatch(r'(?P<type>[a-zA-Z_][\w\s*]*[\s*])(?P<name>\w+)(\[[^\]]*\])*\s*(=.*|;)\s*', line)
        if not found or re.match(r'(__extension__ )?typedef\b|(extern|return|goto)\b|(struct|enum|union)\s+\w+;', line):
            continue
        of_pointer = found['type'].rpartition('*')[2]  # all of the type where there is no star
        if 'const' not in of_pointer.split():
            yield number, f'{found["name"]}: no mutable variables at file scope'


def clean_text(file):
    if b'\0' in file.raw:
        return
    if file.raw and not file.raw.endswith(b'\n'):
        yield len(file.lines), 'no newline at the end'
    for number, line in enumerate(file.lines, 1):
        if line != line.rstrip():
            yield number, 'white space at the end of the line'


def columns(file):
    for number, line in enumerate(file.lines, 1):
        if len(line) > COLUMNS_MAX:
            yield number, f'{len(line)} columns: over {COLUMNS_MAX}'


# What only one machine knows. [x] keeps this file from finding itself.
FOREIGN = [
    (r'(?<![\w.$}-])/(wor[k]|hom[e]/\w+|roo[t])/\w', 'a path of somebody\'s machine'),
    (r'bash_job[s]|/tm[p]/claude', 'a path of somebody\'s machine'),
    (r'registr[y]\.[a-z]|npmj[s]\.|pyp[i]\.org|artifactor[y]|(deb|archive|security|snapshot)\.(debia[n]|ubunt[u])',
     'the host of a package registry'),
]


def nothing_foreign(file):
    if b'\0' in file.raw:
        return
    for number, line in enumerate(file.lines, 1):
        for pattern, what in FOREIGN:
            found = re.search(pattern, line)
            if found:
                yield number, f'{what}: {found.group()}'


def registered(file):
    """A test that no build knows never runs."""
    folder, name = re.fullmatch(r'tests/(unit|fuzz)/(.*)_(?:test|fuzz)\.c', file.path).groups()
    build = file.root / 'tests' / folder / 'meson.build'
    text = build.read_text() if build.is_file() else ''
    if not re.search(rf"'{re.escape(name)}(_(test|fuzz)\.c)?'", text):
        yield 1, f'not registered in tests/{folder}/meson.build'


RULES = [
    (layering, r'src/.*\.[ch]'),
    (libraries, r'(src|tools)/.*\.[ch]'),
    (documented, r'(src|tools)/.*\.h'),
    (function_sizes, r'.*\.[ch]'),
    (banned_calls, r'(src|tools)/.*\.[ch]'),
    (no_typedef_struct, r'(src|tools|tests)/.*\.[ch]'),
    (no_mutable_globals, r'src/.*\.c'),
    (clean_text, r'(?!tests/fuzz/corpus/|.*\.(png|svg|bin)$).*'),
    (columns, r'.*\.([ch]|py)'),
    (nothing_foreign, r'(?!tests/fuzz/corpus/).*'),
    (registered, r'tests/(unit/.*_test|fuzz/.*_fuzz)\.c'),
]


def check(file):
    """Every breach of a file: (line, what), in the order of lines."""
    found = []
    for rule, paths in RULES:
        if re.fullmatch(paths, file.path):
            found.extend(rule(file))
    return sorted(found)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('--root', type=Path, default=Path('.'))
    parser.add_argument('files', nargs='+')
    args = parser.parse_args()
    bad = 0
    for path in args.files:
        whole = args.root / path
        if whole.is_symlink() or not whole.is_file():
            continue
        for line, what in check(File(path, whole.read_bytes(), args.root)):
            print(f'{path}:{line}: {what}')
            bad += 1
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
