#include "options.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/nearest.h"

struct flag;

/* Stores a value. Returns 0, or -EINVAL with "found ..., expected ..." in e. */
typedef int set_fn(const struct flag *f, struct options *out, const char *value, struct err *e);

static set_fn set_tcp_to_vsock, set_vsock_to_tcp, set_forward, set_gather, set_spread, set_allow, set_number,
    set_log_format, set_log_level, set_action;

static const struct flag {
    const char *name;
    const char *value; /* placeholder in --help; NULL = takes no value */
    set_fn *set;
    const char *help;
    size_t offset; /* of a number in struct options; of an action: which */
    uint32_t min, max;
    const char *short_name; /* NULL = none */
} flags[] = {
    { "--tcp-to-vsock", "ADDR:PORT=CID:PORT", set_tcp_to_vsock, "listen on TCP, connect to vsock", 0, 0, 0 },
    { "--vsock-to-tcp", "CID:PORT=HOST:PORT", set_vsock_to_tcp, "listen on vsock, connect to TCP", 0, 0, 0 },
    { "--forward", "FROM=TO", set_forward, "any two of tcp:HOST:PORT, vsock:CID:PORT, unix:PATH", 0, 0, 0 },
    { "--egress-to", "ENDPOINT", set_gather,
      "in the enclave: take every TCP connection to an IPv4 address that is not\n"
      "loopback and send it there, its destination in front",
      0, 0, 0 },
    { "--egress-from", "ENDPOINT", set_spread,
      "at the parent: listen there for what --egress-to sends and connect to\n"
      "the destinations, if they are allowed",
      0, 0, 0 },
    { "--allow", "RANGE", set_allow,
      "TCP destinations allowed: ADDRESS[/BITS][:PORT], may stand often\n"
      "[default: any for --vsock-to-tcp and --forward, public ones for --egress-from]",
      0, 0, 0 },
    { "--max-streams", "N", set_number, "at a time; further ones wait [default: 4096]",
      offsetof(struct options, max_streams), 1, 100000 },
    { "--idle-seconds", "N", set_number, "a stream without a byte is reset then; 0 = never [default: 3600]",
      offsetof(struct options, idle_s), 0, 1000000 },
    { "--stall-seconds", "N", set_number,
      "one of which a side takes nothing, or is silent when the other has ended,\n"
      "is reset then; 0 = never [default: 120]",
      offsetof(struct options, stall_s), 0, 1000000 },
    { "--connect-seconds", "N", set_number, "for the other side to be connected [default: 10]",
      offsetof(struct options, connect_s), 1, 600 },
    { "--drain-seconds", "N", set_number, "after SIGTERM, for streams to end by themselves [default: 10]",
      offsetof(struct options, drain_s), 0, 3600 },
    { "--log-format", "FORMAT", set_log_format, "logfmt or json [default: logfmt]", 0, 0, 0 },
    { "--log-level", "LEVEL", set_log_level, "debug, info, warn, error [default: info]", 0, 0, 0 },
    { "--help", NULL, set_action, "print this text", OPTIONS_HELP, 0, 0, "-h" },
    { "--version", NULL, set_action, "print the version", OPTIONS_VERSION, 0, 0, "-V" },
};
#define N_FLAGS (sizeof flags / sizeof *flags)

/* ---- values ---- */

/* Returns NULL with e set where there are too many. */
static struct forward *new_forward(struct options *o, enum forward_kind kind, struct err *e)
{
    if (o->n_forwards == FORWARDS_MAX) {
        (void)err_set(e, -EINVAL, "found more than %d forwards, expected fewer", FORWARDS_MAX);
        return NULL;
    }
    o->forwards[o->n_forwards] = (struct forward){ .kind = kind };
    return &o->forwards[o->n_forwards++];
}

typedef int endpoint_parse_fn(struct endpoint *out, const char *text, struct err *e);

static int add_plain(struct options *o, const char *value, endpoint_parse_fn *from, endpoint_parse_fn *to,
                     struct err *e)
{
    const char *equals = strchr(value, '=');
    if (!equals)
        return err_set(e, -EINVAL, "found \"%.100s\", expected FROM=TO", value);
    struct forward *f = new_forward(o, FORWARD_PLAIN, e);
    if (!f)
        return -EINVAL;
    CLEANUP(free_p) char *left = strndup(value, (size_t)(equals - value));
    if (!left)
        return err_set(e, -ENOMEM, "out of memory");
    return from(&f->from, left, e) < 0 || to(&f->to, equals + 1, e) < 0 ? -EINVAL : 0;
}

static int set_tcp_to_vsock(const struct flag *f, struct options *out, const char *value, struct err *e)
{
    (void)f;
    return add_plain(out, value, endpoint_parse_tcp, endpoint_parse_vsock, e);
}

static int set_vsock_to_tcp(const struct flag *f, struct options *out, const char *value, struct err *e)
{
    (void)f;
    return add_plain(out, value, endpoint_parse_vsock, endpoint_parse_tcp, e);
}

static int set_forward(const struct flag *f, struct options *out, const char *value, struct err *e)
{
    (void)f;
    return add_plain(out, value, endpoint_parse, endpoint_parse, e);
}

static int set_gather(const struct flag *f, struct options *out, const char *value, struct err *e)
{
    (void)f;
    for (size_t i = 0; i < out->n_forwards; i++)
        if (out->forwards[i].kind == FORWARD_GATHER)
            return err_set(e, -EINVAL, "found twice, expected once");
    struct forward *fw = new_forward(out, FORWARD_GATHER, e);
    return fw ? endpoint_parse(&fw->to, value, e) : -EINVAL;
}

static int set_spread(const struct flag *f, struct options *out, const char *value, struct err *e)
{
    (void)f;
    struct forward *fw = new_forward(out, FORWARD_SPREAD, e);
    return fw ? endpoint_parse(&fw->from, value, e) : -EINVAL;
}

static int set_allow(const struct flag *f, struct options *out, const char *value, struct err *e)
{
    (void)f;
    return policy_add(&out->policy, value, e);
}

static int set_number(const struct flag *f, struct options *out, const char *value, struct err *e)
{
    size_t digits = strspn(value, "0123456789");
    unsigned long n = strtoul(value, NULL, 10);
    if (digits == 0 || digits > 9 || value[digits] || n < f->min || n > f->max)
        return err_set(e, -EINVAL, "found \"%.40s\", expected a number from %u to %u", value, f->min, f->max);
    *(uint32_t *)(void *)((char *)out + f->offset) = (uint32_t)n;
    return 0;
}

static int set_log_format(const struct flag *f, struct options *out, const char *value, struct err *e)
{
    (void)f;
    if (log_format_parse(&out->log_format, value))
        return 0;
    return err_set(e, -EINVAL, "found \"%.40s\", expected logfmt or json", value);
}

static int set_log_level(const struct flag *f, struct options *out, const char *value, struct err *e)
{
    (void)f;
    if (log_level_parse(&out->log_level, value))
        return 0;
    return err_set(e, -EINVAL, "found \"%.40s\", expected debug, info, warn or error", value);
}

static int set_action(const struct flag *f, struct options *out, const char *value, struct err *e)
{
    (void)value, (void)e;
    out->action = (enum options_action)f->offset;
    return 0;
}

/* ---- flags ---- */

static const char *flag_name(size_t i)
{
    return i < N_FLAGS ? flags[i].name : NULL;
}

/* The flag that arg begins with; *value: what stands behind '=', or NULL. */
static const struct flag *flag_find(const char *arg, const char **value)
{
    size_t len = strcspn(arg, "=");
    *value = arg[len] ? arg + len + 1 : NULL;
    for (size_t i = 0; i < N_FLAGS; i++) {
        const struct flag *f = &flags[i];
        if (strlen(f->name) == len && memcmp(f->name, arg, len) == 0)
            return f;
        if (f->short_name && strcmp(f->short_name, arg) == 0)
            return f;
    }
    return NULL;
}

static int check_together(const struct options *o, struct err *e)
{
    if (o->action == OPTIONS_RUN && o->n_forwards == 0)
        return err_set(e, -EINVAL,
                       "found no forward, expected one of --tcp-to-vsock, --vsock-to-tcp, --forward, "
                       "--egress-to, --egress-from (see --help)");
    return 0;
}

int options_parse(struct options *out, int argc, char *const argv[], struct err *e)
{
    *out = (struct options){ .max_streams = 4096,
                             .idle_s = 3600,
                             .stall_s = 120,
                             .connect_s = 10,
                             .drain_s = 10,
                             .log_format = LOG_FORMAT_LOGFMT,
                             .log_level = LOG_INFO };
    for (int i = 1; i < argc; i++) {
        const char *value;
        const struct flag *f = flag_find(argv[i], &value);
        if (!f)
            return err_set(e, -EINVAL, "%.100s: unknown flag, the nearest known one is %s (see --help)", argv[i],
                           nearest_word(argv[i], flag_name));
        if (!f->value && value)
            return err_set(e, -EINVAL, "%s: found a value, expected none", f->name);
        if (f->value && !value && ++i >= argc)
            return err_set(e, -EINVAL, "%s: found no value, expected %s", f->name, f->value);
        if (f->set(f, out, value || !f->value ? value : argv[i], e) < 0)
            return err_wrap(e, "%s", f->name);
    }
    return check_together(out, e);
}

void options_help(struct buf *out)
{
    buf_puts(out, "Usage: oyster-vsock-proxy FLAGS\n\n"
                  "Carries streams between TCP and vsock: for an enclave, which has no network, and for its parent.\n\n"
                  "Flags:\n");
    for (size_t i = 0; i < N_FLAGS; i++) {
        const struct flag *f = &flags[i];
        buf_printf(out, "  %s%s%s%s%s\n", f->short_name ? f->short_name : "", f->short_name ? ", " : "", f->name,
                   f->value ? " " : "", f->value ? f->value : "");
        for (const char *line = f->help; line;) {
            size_t len = strcspn(line, "\n");
            buf_printf(out, "      %.*s\n", (int)len, line);
            line = line[len] ? line + len + 1 : NULL;
        }
    }
    buf_puts(out, "\nCID: a number or \"any\" (to listen on); 3 is the parent of a Nitro enclave.\n"
                  "\nExit codes:\n"
                  "  0  ended by SIGTERM or SIGINT, or did what was asked\n"
                  "  1  could not start: one line on stderr says why\n"
                  "  2  bad command line\n");
}
