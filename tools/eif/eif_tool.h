/* What the commands of oyster-eif share. Exit status: 0 done, 1 a file is wrong or something failed, 2 the command line
 * is wrong. */
#ifndef OYSTER_EIF_TOOL_H
#define OYSTER_EIF_TOOL_H

#include <stdbool.h>

#include "enclave/eif.h"
#include "util/err.h"

enum { STATUS_OK = 0, STATUS_FAILED = 1, STATUS_USAGE = 2 };

#define EIF_FILE_MAX ((size_t)4 << 30)

/* One image read from a file, with all that can be known of it. */
struct image {
    struct buf bytes;
    struct eif eif;
    struct eif_measurements pcrs;
    struct cert *certificate; /* NULL: not signed, or the signature is no good */
    bool is_signed;
    struct err crc;       /* code 0: the checksum is right */
    struct err signature; /* code 0: not signed, or the signature is right */
};

/* Reads and takes apart. Returns 0 or an error whose text begins with the path. Free in any case. */
int image_load(struct image *out, const char *path, struct err *e);
void image_free(struct image *img);

/* Writes what is known to standard output, as text or as one JSON document (members as nitro-cli describe-eif has them,
 * and ours). */
void image_print(const struct image *img, bool json);

/* The commands; argv[0] is the command's name. Each returns an exit status. */
int cmd_build(int argc, char **argv);
int cmd_describe(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_extract(int argc, char **argv);

/* Say one line on standard error. Return STATUS_FAILED / STATUS_USAGE. */
int fail(const struct err *e);
int usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
