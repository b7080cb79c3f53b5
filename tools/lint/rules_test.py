#!/usr/bin/env python3
"""Each rule of rules.py sees the breach it is for and leaves right code alone."""
import tempfile
import unittest
from pathlib import Path

import rules


class Rules(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        for name in ['util/err.h', 'eth/key.h', 'net/rpc.h', 'chain/log.h', 'worker/pool.h', 'config/config.h',
                     'job/jobs.h', 'api/routes.h', 'node/node.h', 'top.h']:
            path = self.root / 'src' / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()

    def found(self, path, text):
        return rules.check(rules.File(path, text.encode(), self.root))

    def assert_clean(self, path, text):
        self.assertEqual(self.found(path, text), [])

    def assert_found(self, path, text, *lines_and_words):
        found = self.found(path, text)
        self.assertEqual([line for line, _ in found], [line for line, _ in lines_and_words], found)
        for (_, what), (_, word) in zip(found, lines_and_words):
            self.assertIn(word, what)

    def test_layers(self):
        self.assert_clean('src/job/a.c', '#include "chain/log.h"\n#include "job/jobs.h"\n#include "worker/pool.h"\n')
        self.assert_clean('src/config/a.c', '#include "config/config.h"\n#include "net/rpc.h"\n')
        self.assert_clean('src/node/a.c', '#include "api/routes.h"\n#include "config/config.h"\n')
        self.assert_clean('src/node/a.c', '#include "node/node.h"\n#include "worker/pool.h"\n')
        self.assert_clean('src/main.c', '#include "config/config.h"\n#include "node/node.h"\n#include "top.h"\n')
        self.assert_found('src/chain/a.c', '#include "worker/pool.h"\n', (1, 'go down only'))
        self.assert_found('src/worker/a.c', '\n#include "chain/log.h"\n', (2, 'go down only'))
        self.assert_found('src/eth/a.c', '#include "net/rpc.h"\n', (1, 'go down only'))
        self.assert_found('src/config/a.c', '#include "worker/pool.h"\n', (1, 'go down only'))
        self.assert_found('src/worker/a.c', '#include "config/config.h"\n', (1, 'go down only'))
        self.assert_found('src/chain/a.c', '#include "config/config.h"\n', (1, 'go down only'))
        self.assert_found('src/api/a.c', '#include "node/node.h"\n', (1, 'go down only'))
        self.assert_found('src/node/a.c', '#include "top.h"\n', (1, 'directly in src/'))
        self.assert_found('src/job/a.c', '#include "jobs.h"\n', (1, 'not a file of src/'))
        self.assert_found('src/newroom/a.c', '#include "util/err.h"\n', (1, 'no place among the layers'))

    def test_libraries(self):
        self.assert_clean('src/eth/key.c', '#include <secp256k1.h>\n#include <secp256k1_recovery.h>\n')
        self.assert_clean('src/net/http_client.c', '#include <curl/curl.h>\n')
        for path, name in [('src/eth/tx.c', 'secp256k1.h'), ('src/job/a.c', 'curl/curl.h'),
                           ('src/net/a.c', 'jansson.h'),
                           ('src/net/rpc.c', 'libwebsockets.h'), ('src/api/routes.c', 'microhttpd.h'),
                           ('src/eth/a.c', 'tomcrypt.h'), ('src/job/a.c', 'sqlite3.h'), ('src/job/a.c', 'seccomp.h'),
                           ('src/util/a.c', 'uv.h'), ('src/eth/a.c', 'sys/socket.h'), ('src/eth/key.c', 'sodium.h'),
                           ('tools/keygen/keygen.c', 'secp256k1.h')]:
            self.assert_found(path, f'#include <{name}>\n', (1, 'is included by'))

    def test_documented(self):
        head = '/* A room. */\n#ifndef X\n#define X\n'
        self.assert_clean('src/util/a.h', head + '\n/* Says so. */\nint a(int x);\nint b(int x,\n      int y);\n')
        self.assert_clean('src/util/a.h', head + '\n/* s */\nstruct s {\n    int (*fn)(int x);\n    int y;\n};\n')
        self.assert_clean('src/util/a.h', head + '\n/* Two\n * lines. */\nchar *a(char out[3], const struct s *x);\n')
        self.assert_clean('src/util/a.h', head + '\nint a(int x); /* says so */\n')
        self.assert_found('src/util/a.h', head + '\nint a(int x);\n', (5, 'a is not documented'))
        self.assert_found('src/util/a.h', head + '\n/* A. */\nint a(int x);\n\nint b(int x);\n', (8, 'b is not'))

    def test_sizes(self):
        body = lambda n: 'int f(void)\n{\n' + '    g();\n' * n + '}\n'
        self.assert_clean('src/util/a.c', body(100))
        self.assert_found('src/util/a.c', body(101), (2, 'a function of 101 lines'))
        self.assert_found('src/util/a.c', '\n' * 1001, (1, 'more than one reason'))

    def test_banned(self):
        self.assert_clean('src/util/a.c', 'void f(void)\n{\n    /* no strcpy(a, b) */\n    x = "system(1)";\n}\n')
        self.assert_clean('src/util/a.c', 'void f(void)\n{\n    my_system(1);\n    p->system(1);\n}\n')
        self.assert_found('src/util/a.c', 'void f(void)\n{\n    strcpy(a, b);\n    x = atoi(s);\n}\n', (3, 'strcpy'),
                          (4, 'atoi'))

    def test_typedefs(self):
        self.assert_clean('src/util/a.h', '/* A. */\ntypedef int fn(int x);\n')
        self.assert_found('src/util/a.h', '/* A. */\ntypedef struct a a_t;\n', (2, 'typedef'))

    def test_globals(self):
        right = ['static const char *const names[] = { "a" };', 'static const struct s one = { 1 };', 'struct key;',
                 'static int f(int x);', 'const int n = 3;', 'extern char **environ;',
                 '__extension__ typedef unsigned __int128 u128;']
        self.assert_clean('src/job/a.c', '\n'.join(right) + '\n')
        for line in ['static int n;', 'int n = 3;', 'static struct job *all;', 'static char text[3];',
                     'static const char *name = "a";', 'struct list head = { 0 };']:
            self.assert_found('src/job/a.c', line + '\n', (1, 'file scope'))

    def test_text(self):
        self.assert_found('README.md', 'a \nb', (1, 'white space'), (2, 'no newline'))
        self.assert_found('src/util/a.c', '/* ' + 'x' * 118 + ' */\n', (1, 'columns'))
        self.assert_clean('tests/fuzz/corpus/hex/a', 'a \nb')

    def test_foreign(self):
        self.assert_clean('README.md', 'install into /usr/local, see ../work/x and $HOME/root/y\n')
        for word in ['/wor' + 'k/main/x', 'cd /roo' + 't/x', '/hom' + 'e/me/src', 'https://registr' + 'y.example.org',
                     'npmj' + 's.org', 'deb.debia' + 'n.org']:
            self.assert_found('README.md', f'\nsee {word}\n', (2, 'somebody' if word[0] in '/c' else 'registry'))

    def test_registered(self):
        build = self.root / 'tests/unit/meson.build'
        build.parent.mkdir(parents=True)
        build.write_text("unit_tests = [\n  'eth/abi',\n]\nexecutable('k', 'tools/keygen_test.c')\n")
        self.assert_clean('tests/unit/eth/abi_test.c', '')
        self.assert_clean('tests/unit/tools/keygen_test.c', '')
        self.assert_found('tests/unit/eth/rlp_test.c', '', (1, 'not registered'))
        self.assert_found('tests/fuzz/abi_fuzz.c', '', (1, 'not registered'))


if __name__ == '__main__':
    unittest.main()
