/* The table of an image: what its first process sets up and which programs it runs. Text, one directive a line:
 *
 *   # a comment
 *   hostname NAME
 *   network INTERFACE ADDRESS/BITS      an IPv4 address for a card; an enclave has none
 *   heartbeat CID:PORT | none           where the parent waits for a sign of life, 3:9000 unless said
 *   once NAME PROGRAM [ARGUMENT...]     runs to its end before what is below starts; must end with status 0
 *   keep NAME PROGRAM [ARGUMENT...]     is started again whenever it ends
 *
 * Words have blanks between; there is no quoting. Programs start in this order and are stopped in the reverse one. */
#ifndef OYSTER_INIT_TABLE_H
#define OYSTER_INIT_TABLE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

#define TABLE_FILE_MAX ((size_t)16 * 1024)
#define TABLE_PROGRAMS_MAX 16
#define TABLE_WORDS_MAX 24
#define TABLE_HOSTNAME_MAX 64

/* A program and its arguments; argv ends with NULL, its words lie in the table's text. */
struct table_program {
    const char *name;
    bool keep;
    const char *argv[TABLE_WORDS_MAX + 1];
};

/* What a file says; text is owned, the rest leads into it. */
struct table {
    char *text;
    const char *hostname;
    const char *interface; /* NULL = no network beside the loopback */
    struct in_addr address, netmask;
    bool heartbeat;
    uint32_t heartbeat_cid, heartbeat_port;
    struct table_program programs[TABLE_PROGRAMS_MAX];
    size_t n_programs;
};

/* Reads len bytes of text; name stands for the file in messages. Returns 0, or -EINVAL with one line: file, line, what
 * was found, what was expected. On failure *out holds nothing. Pure. */
int table_parse(struct table *out, const char *name, const char *text, size_t len, struct err *e);

/* The same from a file of at most TABLE_FILE_MAX bytes. */
int table_load(struct table *out, const char *path, struct err *e);

/* Releases the text. A {0} table is allowed. */
void table_free(struct table *t);

#endif
