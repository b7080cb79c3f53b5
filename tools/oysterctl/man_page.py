#!/usr/bin/env python3
"""Writes the man page of oysterctl from what the program itself says: `man_page.py OYSTERCTL`, as the build does.

Names, arguments, options, their help and the exit codes come from --help; only the texts below are written by hand.
"""
import re
import subprocess
import sys

DESCRIPTION = """\
.B oysterctl
registers an Oyster serverless executor on its chain, watches it, and gives it jobs.
.PP
The chain, its contracts and the ledger come from the node's own configuration
.RB ( \\-\\-config\\-file ),
or are named one by one. A transaction is signed with a key from a web3 keystore
.RB ( \\-\\-keystore )
or a key file
.RB ( \\-\\-key\\-file );
a key on the command line is refused.
.PP
Before anything is spent, the call is tried on the chain and shown with its arguments, gas and cost; then the program
asks.
.B \\-\\-yes
answers for you. Without a terminal and without
.B \\-\\-yes
nothing is sent.
.B \\-\\-dry\\-run
shows it all and ends.
.PP
With
.B \\-\\-json
standard output holds exactly one JSON document, also when the command fails.
"""

EXAMPLES = """\
.nf
oysterctl status \\-\\-config\\-file config.json
oysterctl register \\-\\-attestation attestation.json \\-\\-keystore owner.json
oysterctl job create \\-\\-code\\-file hello.js \\-\\-input you \\-\\-key\\-file author.key
oysterctl drain \\-\\-keystore owner.json && oysterctl wait \\-\\-drained
.fi
"""

COMMON = ('Options of every command', 'The key that signs', 'Exit codes')


def escape(text):
    text = text.replace('\\', '\\e').replace('-', '\\-')
    return re.sub(r"^([.'])", r'\\&\1', text)


def entries(lines):
    """Lines of two blanks, a term, blanks and its text."""
    for line in lines:
        found = re.match(r'  (\S.*?) {2,}(\S.*)$', line)
        if found:
            yield found[1], found[2]


def sections(help_text):
    """{title: lines}; '' is what stands before the first title."""
    title, found = '', {'': []}
    for line in help_text.split('\n'):
        if re.fullmatch(r'[A-Z].*:', line) and not line.startswith('Usage:'):
            title = line[:-1]
            found[title] = []
        else:
            found[title].append(line)
    return found


def ask(program, *words):
    return subprocess.run([program, *words, '--help'], check=True, capture_output=True, text=True).stdout


def put_entries(out, lines):
    for term, text in entries(lines):
        out += ['.TP', f'.B {escape(term)}', escape(text)]


def put_command(out, program, name):
    parts = sections(ask(program, *name.split(' ')))
    usage = re.match(r'Usage: oysterctl (.*)', parts[''][0])[1].replace(' [OPTIONS]', '')
    text = [line for line in parts[''][1:] if line]
    out += ['.SS ' + escape(usage)] + [escape(line) for line in text]
    for title, lines in parts.items():
        if title and title not in COMMON:
            put_entries(out, lines)
    if COMMON[1] in parts:
        out += ['.PP', 'It signs: see', '.BR "THE KEY THAT SIGNS" .']


def page(program):
    parts = sections(ask(program))
    groups = [title for title in parts if title and title not in COMMON]
    out = ['.\\" Written by tools/oysterctl/man_page.py.',
           '.TH OYSTERCTL 1 "" "oyster-serverless-executor" "User Commands"',
           '.SH NAME', 'oysterctl \\- the owner\'s tool of an Oyster serverless executor',
           '.SH SYNOPSIS', '.B oysterctl',
           '.RI [ OPTIONS ]', '.I COMMAND', '.RI [ ARGUMENTS ] " " [ OPTIONS ]', '.SH DESCRIPTION',
           DESCRIPTION.rstrip('\n')]
    signing = None
    for group in groups:
        out.append('.SH ' + group.upper())
        for term, _ in entries(parts[group]):
            name = ' '.join(word for word in term.split(' ') if word.islower() and word.isalpha())
            put_command(out, program, name)
            signing = signing or sections(ask(program, *name.split(' '))).get(COMMON[1])
    out.append('.SH THE KEY THAT SIGNS')
    put_entries(out, signing or [])
    out.append('.SH OPTIONS OF EVERY COMMAND')
    put_entries(out, parts[COMMON[0]])
    out += ['.SH ENVIRONMENT', 'Options of every command and those of the key may also stand in the environment:',
            '.B OYSTERCTL_RPC_URL', 'is', '.BR \\-\\-rpc\\-url ;', 'a flag is 1 or 0. The command line wins.',
            '.SH EXIT STATUS']
    put_entries(out, parts[COMMON[2]])
    out += ['.SH EXAMPLES', EXAMPLES.rstrip('\n'), '.SH SEE ALSO', '.BR oyster\\-keygen (1)']
    return '\n'.join(out) + '\n'


if __name__ == '__main__':
    sys.stdout.write(page(sys.argv[1]))
