/* Inside of the configuration, for config.c (the table of keys), read.c (one reader a kind of value), sources.c (flags,
 * environment, file, defaults), reload.c and show.c. */
#ifndef OYSTER_CONFIG_KEYS_H
#define OYSTER_CONFIG_KEYS_H

#include "config/config.h"
#include "util/json.h"

#define CONFIG_FOUND_MAX 60 /* bytes of a value that a message quotes */

struct key;

/* How a flag or a variable writes a value: as it stands, as JSON (a number, true, null), or with commas between. */
enum key_form { FORM_TEXT, FORM_JSON, FORM_LIST };

/* What values a key takes. */
struct kind {
    /* Reads v into the member at `field`, which holds nothing. Returns 0, or -EINVAL where v is not what the key
     * expects; why is set when there is more to say than the value itself. */
    int (*read)(const struct key *k, void *field, const struct json *v, struct err *why);
    enum key_form form;
    void (*release)(const struct key *k, void *field); /* NULL = owns no memory */
    bool hidden;                                       /* may carry a secret: shown in part only */
};

extern const struct kind kind_text, kind_http_urls, kind_ws_urls, kind_address, kind_ip, kind_u64, kind_u32, kind_env,
    kind_word, kind_choice, kind_bool, kind_gwei, kind_listen_addr, kind_vsock_addr;

/* Whether a running node takes a change of the key (SIGHUP). */
enum key_change { RESTART, LIVE };

/* One key. min and max bound integers and, for texts, min is the least length; unit multiplies an integer. */
struct key {
    const char *name;
    const struct kind *kind;
    size_t offset; /* of the member in struct config */
    uint64_t min, max, unit;
    const char *fallback; /* JSON text; NULL = required; "" = absence leaves the zero value */
    const char *expected; /* NULL = an integer from min to max */
    enum key_change change;
};

/* The i-th key of the table; NULL behind the last. */
const struct key *config_key_at(size_t i);

/* The key of that name and its index, or NULL. name: len bytes. */
const struct key *config_key_named(const char *name, size_t len, size_t *index);

/* Appends what the key expects ("an integer from 0 to 255"). */
void config_put_expected(struct buf *out, const struct key *k);

/* Appends where a message has found a value: "FILE: key x", "environment OYSTER_EXECUTOR_X", "--x". */
void config_put_place(struct buf *out, const char *file, const struct key *k, enum config_origin origin);

/* The member of c that belongs to k. */
void *config_member(struct config *c, const struct key *k);

#endif
