/* Flags, environment, file, defaults: who may say what, and who wins. */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config/keys.h"
#include "util/cleanup.h"
#include "util/nearest.h"

#define PREFIX CONFIG_ENVIRONMENT_PREFIX
#define FILE_VARIABLE "CONFIG_FILE" /* behind the prefix: not a key, names the file */

struct reading {
    struct config *config;
    const char *name; /* of the file, for messages */
    struct err *e;
};

/* ---- names ---- */

void config_put_flag_name(struct buf *out, const char *key)
{
    buf_puts(out, "--");
    for (; *key; key++)
        buf_push(out, *key == '_' ? '-' : (uint8_t)*key);
}

static void put_variable(struct buf *out, const char *key)
{
    buf_puts(out, PREFIX);
    for (; *key; key++)
        buf_push(out, (uint8_t)toupper((unsigned char)*key));
}

void config_put_place(struct buf *out, const char *file, const struct key *k, enum config_origin origin)
{
    switch (origin) {
    case CONFIG_FLAG:
        config_put_flag_name(out, k->name);
        break;
    case CONFIG_ENVIRONMENT:
        buf_puts(out, "environment ");
        put_variable(out, k->name);
        break;
    case CONFIG_FILE:
    case CONFIG_DEFAULT:
        buf_printf(out, "%s: key %s", file, k->name);
        break;
    }
}

static const char *key_name(size_t i)
{
    const struct key *k = config_key_at(i);
    return k ? k->name : NULL;
}

/* ---- one value ---- */

/* A value as a message shows it: numbers and texts as they stand (cut), the rest by its type. */
static void put_found(struct buf *out, const struct json *v)
{
    size_t len;
    const char *s = json_str(v, &len);
    if (s) {
        json_put_str(out, s, len > CONFIG_FOUND_MAX ? CONFIG_FOUND_MAX : len);
        if (len > CONFIG_FOUND_MAX)
            buf_printf(out, " (cut, %zu bytes)", len);
    } else if (json_kind(v) == JSON_KIND_ARRAY || json_kind(v) == JSON_KIND_OBJECT) {
        buf_printf(out, "an %s", json_kind_name(v));
    } else {
        json_dump(out, v);
    }
}

static int fail_value(const struct reading *r, const struct key *k, enum config_origin origin, const struct json *v,
                      const struct err *why)
{
    struct buf place = { 0 }, found = { 0 }, expected = { 0 };
    config_put_place(&place, r->name, k, origin);
    if (why->code)
        buf_puts(&found, why->msg);
    else
        put_found(&found, v);
    config_put_expected(&expected, k);
    int rc =
        err_set(r->e, -EINVAL, "%s: found %s, expected %s", buf_cstr(&place), buf_cstr(&found), buf_cstr(&expected));
    buf_free(&place);
    buf_free(&found);
    buf_free(&expected);
    return rc;
}

/* Puts v in the place of what a weaker source gave. */
static int take(struct reading *r, size_t index, enum config_origin origin, const struct json *v)
{
    const struct key *k = config_key_at(index);
    struct config *c = r->config;
    struct err why = { 0 };
    if (k->kind->release)
        k->kind->release(k, config_member(c, k));
    if (k->kind->read(k, config_member(c, k), v, &why) < 0)
        return fail_value(r, k, origin, v, &why);
    json_free(c->values[index]);
    c->values[index] = json_keep(v);
    c->origins[index] = origin;
    return 0;
}

/* ---- values written as text ---- */

static void put_items(struct buf *json, const char *text)
{
    for (size_t len; *text; text += len + (text[len] == ',')) {
        len = strcspn(text, ",");
        if (json->len > 1)
            buf_puts(json, ",");
        json_put_raw_str(json, (const uint8_t *)text, len);
    }
}

/* The JSON that a text of a flag or a variable stands for; NULL where it is not UTF-8. A text that is no JSON is taken
 * as a string, which the key's reader then refuses by what it is. */
static struct json *value_of(const struct key *k, const char *const texts[], size_t n)
{
    struct buf json = { 0 };
    struct json *v = NULL;
    if (k->kind->form == FORM_JSON)
        v = json_parse(texts[0], strlen(texts[0]), NULL);
    if (!v && k->kind->form != FORM_LIST) {
        json_put_raw_str(&json, (const uint8_t *)texts[0], strlen(texts[0]));
        v = json_parse((char *)json.data, json.len, NULL);
    } else if (!v) {
        buf_puts(&json, "[");
        for (size_t i = 0; i < n; i++)
            put_items(&json, texts[i]);
        buf_puts(&json, "]");
        v = json_parse((char *)json.data, json.len, NULL);
    }
    buf_free(&json);
    return v;
}

static int take_texts(struct reading *r, size_t index, enum config_origin origin, const char *const texts[], size_t n)
{
    const struct key *k = config_key_at(index);
    struct json *v = value_of(k, texts, n);
    struct err why = { 0 };
    if (!v) {
        (void)err_set(&why, -EINVAL, "a text that is not UTF-8");
        return fail_value(r, k, origin, NULL, &why);
    }
    int rc = take(r, index, origin, v);
    json_free(v);
    return rc;
}

/* ---- the four sources ---- */

static int take_defaults(struct reading *r)
{
    const struct key *k;
    for (size_t i = 0; (k = config_key_at(i)); i++) {
        if (!k->fallback || !*k->fallback)
            continue;
        struct json *v = json_parse(k->fallback, strlen(k->fallback), r->e);
        int rc = v ? take(r, i, CONFIG_DEFAULT, v) : -EINVAL;
        json_free(v);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int take_member(void *arg, const char *name, const struct json *v)
{
    struct reading *r = arg;
    size_t index, len = strlen(name);
    if (config_key_named(name, len, &index))
        return take(r, index, CONFIG_FILE, v);
    struct buf quoted = { 0 };
    json_put_str(&quoted, name, len > CONFIG_FOUND_MAX ? CONFIG_FOUND_MAX : len);
    int rc = err_set(r->e, -EINVAL, "%s: key %s: unknown, the nearest known key is %s", r->name, buf_cstr(&quoted),
                     nearest_word(name, key_name));
    buf_free(&quoted);
    return rc;
}

static int take_file(struct reading *r, const char *text, size_t len)
{
    struct err why = { 0 };
    struct json *root = json_parse(text, len, &why);
    if (!root)
        return err_set(r->e, -EINVAL, "%s: not JSON: %s", r->name, why.msg);
    int rc =
        json_kind(root) == JSON_KIND_OBJECT
            ? json_each(root, take_member, r)
            : err_set(r->e, -EINVAL, "%s: found %s, expected a JSON object of keys", r->name, json_kind_name(root));
    json_free(root);
    return rc;
}

static int fail_variable(const struct reading *r, const char *name, const char *key)
{
    struct buf quoted = { 0 }, nearest = { 0 };
    size_t len = strlen(name);
    json_put_str(&quoted, name, len > CONFIG_FOUND_MAX ? CONFIG_FOUND_MAX : len);
    put_variable(&nearest, nearest_word(key, key_name));
    int rc = err_set(r->e, -EINVAL, "environment %s: unknown, the nearest known variable is %s", buf_cstr(&quoted),
                     buf_cstr(&nearest));
    buf_free(&quoted);
    buf_free(&nearest);
    return rc;
}

/* variable: "OYSTER_EXECUTOR_JOB_CAPACITY=5". */
static int take_variable(struct reading *r, const char *variable)
{
    size_t len = strcspn(variable, "="), index = 0;
    const char *text = variable + len + (variable[len] == '=');
    CLEANUP(free_p) char *name = xmemdup(variable, len + 1);
    name[len] = 0;
    if (strcmp(name + strlen(PREFIX), FILE_VARIABLE) == 0)
        return 0;
    CLEANUP(free_p) char *key = xstrdup(name + strlen(PREFIX));
    for (char *c = key; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    const struct key *k = config_key_named(key, strlen(key), &index);
    struct buf written = { 0 };
    if (k)
        put_variable(&written, k->name);
    bool same = k && strcmp(buf_cstr(&written), name) == 0;
    buf_free(&written);
    return same ? take_texts(r, index, CONFIG_ENVIRONMENT, &text, 1) : fail_variable(r, name, key);
}

/* Kubernetes tells a container of every service in its namespace (enableServiceLinks): one that is called
 * oyster-executor, or oyster-executor-anything, does so in names like ours. Somebody may make that service while the
 * node runs, and its next start must not end there. */
static bool is_service_link(const char *variable)
{
    static const char shapes[] = "^OYSTER_EXECUTOR(_[A-Z0-9_]+)?_(SERVICE_HOST=|SERVICE_PORT(_[A-Z0-9_]+)?=|"
                                 "PORT=(tcp|udp|sctp)://|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?=)";
    regex_t re;
    if (regcomp(&re, shapes, REG_EXTENDED | REG_NOSUB) != 0)
        return false;
    bool matches = regexec(&re, variable, 0, NULL, 0) == 0;
    regfree(&re);
    return matches;
}

static int take_environment(struct reading *r, char *const *environment)
{
    for (; environment && *environment; environment++) {
        if (strncmp(*environment, PREFIX, strlen(PREFIX)) != 0 || is_service_link(*environment))
            continue;
        int rc = take_variable(r, *environment);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* The texts of one key's flags at a time: a list is the sum of them. */
static int take_flags(struct reading *r, const struct config_flag *flags, size_t n)
{
    CLEANUP(free_p) const char **texts = xcalloc(n + 1, sizeof *texts);
    for (size_t index = 0; config_key_at(index); index++) {
        size_t count = 0;
        for (size_t i = 0; i < n; i++)
            if (flags[i].key == index)
                texts[count++] = flags[i].text;
        int rc = count ? take_texts(r, index, CONFIG_FLAG, texts, count) : 0;
        if (rc < 0)
            return rc;
    }
    return 0;
}

int config_check_flag(const struct config_flag *flag, struct err *e)
{
    struct config scratch = { 0 };
    struct reading r = { .config = &scratch, .name = "", .e = e };
    int rc = take_texts(&r, flag->key, CONFIG_FLAG, &flag->text, 1);
    config_free(&scratch);
    return rc;
}

/* ---- all of them ---- */

static int check_complete(const struct reading *r)
{
    const struct key *k;
    for (size_t i = 0; (k = config_key_at(i)); i++) {
        if (k->fallback || r->config->values[i])
            continue;
        struct buf expected = { 0 };
        config_put_expected(&expected, k);
        int rc = err_set(r->e, -EINVAL, "%s: key %s: missing, expected %s", r->name, k->name, buf_cstr(&expected));
        buf_free(&expected);
        return rc;
    }
    return 0;
}

/* Rules that join two keys: workers ahead of their jobs are no more than jobs. */
static int check_together(const struct reading *r)
{
    struct config *c = r->config;
    size_t warm;
    const struct key *k = config_key_named("warm_workers", strlen("warm_workers"), &warm);
    if (c->warm_workers <= c->capacity)
        return 0;
    struct buf text = { 0 };
    if (c->origins[warm] == CONFIG_DEFAULT) {
        c->warm_workers = c->capacity;
        buf_printf(&text, "%u", c->capacity);
        json_free(c->values[warm]);
        c->values[warm] = json_parse((char *)text.data, text.len, NULL);
        buf_free(&text);
        return 0;
    }
    config_put_place(&text, r->name, k, c->origins[warm]);
    int rc = err_set(r->e, -EINVAL, "%s: found %u, expected at most job_capacity, which is %u", buf_cstr(&text),
                     c->warm_workers, c->capacity);
    buf_free(&text);
    return rc;
}

void config_defaults(struct config *out)
{
    struct reading r = { .config = out, .name = "" };
    *out = (struct config){ 0 };
    int rc = take_defaults(&r);
    assert(rc == 0); /* the table's own values */
}

int config_parse(struct config *out, const char *name, const char *text, size_t len,
                 const struct config_sources *sources, struct err *e)
{
    static const struct config_sources none;
    const struct config_sources *from = sources ? sources : &none;
    struct reading r = { .config = out, .name = name, .e = e };
    *out = (struct config){ .file = xstrdup(name) };
    int rc = take_defaults(&r);
    if (rc == 0)
        rc = take_file(&r, text, len);
    if (rc == 0)
        rc = take_environment(&r, from->environment);
    if (rc == 0)
        rc = take_flags(&r, from->flags, from->n_flags);
    if (rc == 0)
        rc = check_complete(&r);
    if (rc == 0)
        rc = check_together(&r);
    if (rc < 0)
        config_free(out);
    return rc;
}

static int read_file(struct buf *out, const char *path, struct err *e)
{
    struct stat st;
    CLEANUP(fd_close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_set(e, -errno, "%s: %s, expected a JSON file (--config-file names it)", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return err_set(e, -EINVAL, "%s: not a regular file, expected a JSON file", path);
    while (out->len <= CONFIG_FILE_MAX) {
        buf_reserve(out, 4096);
        ssize_t n = read(fd, out->data + out->len, 4096);
        if (n < 0)
            return err_sys(e, "%s: cannot be read", path);
        if (n == 0)
            return 0;
        out->len += (size_t)n;
    }
    return err_set(e, -EFBIG, "%s: over %zu bytes, expected a JSON file of keys", path, CONFIG_FILE_MAX);
}

/* The file that the environment names; NULL = none. */
static const char *file_variable(char *const *environment)
{
    static const char name[] = PREFIX FILE_VARIABLE "=";
    for (; environment && *environment; environment++)
        if (strncmp(*environment, name, sizeof name - 1) == 0)
            return *environment + sizeof name - 1;
    return NULL;
}

int config_load(struct config *out, const struct config_sources *from, struct err *e)
{
    const char *named = from->file ? from->file : file_variable(from->environment);
    const char *path = named ? named : CONFIG_FILE_DEFAULT;
    CLEANUP(buf_free) struct buf text = { 0 };
    struct err why = { 0 }, incomplete = { 0 };
    *out = (struct config){ 0 };
    int rc = read_file(&text, path, &why);
    if (rc == 0)
        return config_parse(out, path, text.data ? (const char *)text.data : "", text.len, from, e);
    if (named || rc != -ENOENT)
        return err_set(e, rc, "%s", why.msg);
    rc = config_parse(out, path, "{}", 2, from, &incomplete);
    if (rc < 0) /* a wrong value is told as such; that something is missing is the file's absence */
        return err_set(e, rc, "%s", strncmp(incomplete.msg, path, strlen(path)) == 0 ? why.msg : incomplete.msg);
    return 0;
}
