#include "table.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/cleanup.h"

#define HEARTBEAT_CID 3
#define HEARTBEAT_PORT 9000

/* A line, split: words[0] is the directive; behind the last stands NULL. */
struct line {
    const char *words[TABLE_WORDS_MAX + 3];
    size_t n;
};

/* Reads the words of a directive into the table. Returns 0, or -EINVAL; why is set where there is more to say than what
 * was expected. */
typedef int directive_fn(struct table *t, const struct line *l, struct err *why);

static directive_fn read_hostname, read_network, read_heartbeat, read_program;

struct directive {
    const char *name;
    directive_fn *read;
    size_t least, most; /* words, the directive itself included */
    const char *expected;
};

static const struct directive directives[] = {
    { "hostname", read_hostname, 2, 2, "hostname NAME, of 1 to 63 characters" },
    { "network", read_network, 3, 3, "network INTERFACE ADDRESS/BITS" },
    { "heartbeat", read_heartbeat, 2, 2, "heartbeat CID:PORT, or heartbeat none" },
    { "once", read_program, 3, TABLE_WORDS_MAX + 2, "once NAME PROGRAM [ARGUMENT...], the program by its whole path" },
    { "keep", read_program, 3, TABLE_WORDS_MAX + 2, "keep NAME PROGRAM [ARGUMENT...], the program by its whole path" },
};
#define N_DIRECTIVES (sizeof directives / sizeof *directives)

static int read_hostname(struct table *t, const struct line *l, struct err *why)
{
    (void)why;
    if (strlen(l->words[1]) >= TABLE_HOSTNAME_MAX)
        return -EINVAL;
    t->hostname = l->words[1];
    return 0;
}

/* A decimal number up to most that ends at *end. */
static bool read_number(uint32_t *out, const char *text, char **end, uint32_t most)
{
    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    unsigned long long n = strtoull(text, end, 10);
    *out = (uint32_t)n;
    return errno == 0 && n <= most;
}

static int read_network(struct table *t, const struct line *l, struct err *why)
{
    char address[INET_ADDRSTRLEN];
    const char *slash = strchr(l->words[2], '/');
    size_t len = slash ? (size_t)(slash - l->words[2]) : sizeof address;
    char *end;
    uint32_t bits;
    if (t->interface)
        return err_set(why, -EINVAL, "a second network");
    if (len >= sizeof address || !read_number(&bits, slash + 1, &end, 32) || *end || bits == 0)
        return -EINVAL;
    memcpy(address, l->words[2], len);
    address[len] = '\0';
    if (inet_pton(AF_INET, address, &t->address) != 1)
        return -EINVAL;
    t->netmask.s_addr = htonl(UINT32_MAX << (32 - bits));
    t->interface = l->words[1];
    return 0;
}

static int read_heartbeat(struct table *t, const struct line *l, struct err *why)
{
    (void)why;
    char *end;
    t->heartbeat = strcmp(l->words[1], "none") != 0;
    if (!t->heartbeat)
        return 0;
    if (!read_number(&t->heartbeat_cid, l->words[1], &end, UINT32_MAX) || *end != ':' ||
        !read_number(&t->heartbeat_port, end + 1, &end, UINT32_MAX) || *end)
        return -EINVAL;
    return 0;
}

static int read_program(struct table *t, const struct line *l, struct err *why)
{
    if (t->n_programs == TABLE_PROGRAMS_MAX)
        return err_set(why, -EINVAL, "more than %d programs", TABLE_PROGRAMS_MAX);
    for (size_t i = 0; i < t->n_programs; i++)
        if (strcmp(t->programs[i].name, l->words[1]) == 0)
            return err_set(why, -EINVAL, "a second program of the name %s", l->words[1]);
    if (l->words[2][0] != '/')
        return -EINVAL;
    struct table_program *p = &t->programs[t->n_programs++];
    p->name = l->words[1];
    p->keep = l->words[0][0] == 'k';
    memcpy(p->argv, l->words + 2, (l->n - 1) * sizeof *p->argv); /* with the NULL behind them */
    return 0;
}

static const struct directive *find_directive(const char *name)
{
    for (size_t i = 0; i < N_DIRECTIVES; i++)
        if (strcmp(directives[i].name, name) == 0)
            return &directives[i];
    return NULL;
}

/* Splits a line in place; false where it has too many words. */
static bool split(struct line *l, char *text)
{
    char *save;
    l->n = 0;
    for (char *word = strtok_r(text, " \t\r", &save); word; word = strtok_r(NULL, " \t\r", &save)) {
        if (l->n + 1 == sizeof l->words / sizeof *l->words)
            return false;
        l->words[l->n++] = word;
    }
    l->words[l->n] = NULL;
    return true;
}

static int read_line(struct table *t, char *text, struct err *e)
{
    struct line l;
    if (!split(&l, text))
        return err_set(e, -EINVAL, "too many words, expected at most %d", TABLE_WORDS_MAX);
    if (l.n == 0 || l.words[0][0] == '#')
        return 0;
    const struct directive *d = find_directive(l.words[0]);
    if (!d)
        return err_set(e, -EINVAL, "found \"%s\", expected hostname, network, heartbeat, once or keep", l.words[0]);
    struct err why = { 0 };
    if (l.n >= d->least && l.n <= d->most && d->read(t, &l, &why) == 0)
        return 0;
    return err_set(e, -EINVAL, "%s%sexpected %s", why.msg, why.code ? ", " : "", d->expected);
}

static int read_lines(struct table *t, const char *name, struct err *e)
{
    unsigned number = 0;
    for (char *at = t->text, *line; (line = strsep(&at, "\n"));) {
        number++;
        if (read_line(t, line, e) < 0)
            return err_wrap(e, "%s: line %u", name, number);
    }
    return t->n_programs > 0 ? 0 : err_set(e, -EINVAL, "%s: names no program, expected once or keep lines", name);
}

int table_parse(struct table *out, const char *name, const char *text, size_t len, struct err *e)
{
    *out = (struct table){ .hostname = "oyster", .heartbeat = true, .heartbeat_cid = HEARTBEAT_CID };
    out->heartbeat_port = HEARTBEAT_PORT;
    if (len > TABLE_FILE_MAX || memchr(text, 0, len))
        return err_set(e, -EINVAL, "%s: expected a text of at most %zu bytes", name, TABLE_FILE_MAX);
    out->text = strndup(text, len);
    if (!out->text)
        abort();
    int rc = read_lines(out, name, e);
    if (rc < 0)
        table_free(out);
    return rc;
}

int table_load(struct table *out, const char *path, struct err *e)
{
    char text[TABLE_FILE_MAX + 1];
    size_t len = 0;
    CLEANUP(fd_close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "%s", path);
    for (ssize_t n; len < sizeof text && (n = read(fd, text + len, sizeof text - len)) != 0; len += (size_t)n)
        if (n < 0)
            return err_sys(e, "%s", path);
    return table_parse(out, path, text, len, e);
}

void table_free(struct table *t)
{
    free(t->text);
    *t = (struct table){ 0 };
}
