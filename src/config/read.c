#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/keys.h"
#include "config/listen_addr.h"
#include "enclave/vsock.h"
#include "util/cleanup.h"

#define WEI_PER_GWEI 1e9

static int read_text(const struct key *k, void *field, const struct json *v, struct err *why)
{
    size_t len;
    const char *s = json_str(v, &len);
    if (!s || len < k->min)
        return -EINVAL;
    if (memchr(s, 0, len))
        return err_set(why, -EINVAL, "a text with a NUL character in it");
    *(char **)field = xstrdup(s);
    return 0;
}

static int read_u64(const struct key *k, void *field, const struct json *v, struct err *why)
{
    (void)why;
    uint64_t n;
    if (!json_u64(v, &n) || n < k->min || n > k->max)
        return -EINVAL;
    *(uint64_t *)field = n * k->unit;
    return 0;
}

static int read_u32(const struct key *k, void *field, const struct json *v, struct err *why)
{
    uint64_t n;
    if (read_u64(k, &n, v, why) < 0)
        return -EINVAL;
    *(uint32_t *)field = (uint32_t)n;
    return 0;
}

static int read_address(const struct key *k, void *field, const struct json *v, struct err *why)
{
    (void)k;
    size_t len;
    const char *s = json_str(v, &len);
    struct err reason = { 0 };
    if (!s)
        return -EINVAL;
    if (address_parse(field, s, len, &reason) < 0)
        return err_set(why, -EINVAL, "a bad address (%s)", reason.msg);
    if (address_is_zero(field))
        return err_set(why, -EINVAL, "the zero address");
    return 0;
}

static int read_env(const struct key *k, void *field, const struct json *v, struct err *why)
{
    struct config *c = (struct config *)(void *)((char *)field - offsetof(struct config, env_choice));
    uint64_t n = 0;
    if (json_kind(v) == JSON_KIND_NULL) {
        c->env_choice = ENV_GENERATION_1;
        return 0;
    }
    if (read_u64(k, &n, v, why) < 0)
        return -EINVAL;
    c->env_choice = ENV_NUMBER;
    c->execution_env = (uint8_t)n;
    return 0;
}

/* Which of the words that `expected` quotes it is, counted from 0; -1 = none. */
static int choice_of(const struct key *k, const struct json *v)
{
    size_t len;
    const char *s = json_str(v, &len), *quote = k->expected;
    if (!s)
        return -1;
    for (int i = 0; (quote = strchr(quote, '"')); i++) {
        const char *end = strchr(quote + 1, '"');
        if ((size_t)(end - quote) - 1 == len && memcmp(quote + 1, s, len) == 0)
            return i;
        quote = end + 1;
    }
    return -1;
}

/* One of two words; the first is true. */
static int read_word(const struct key *k, void *field, const struct json *v, struct err *why)
{
    (void)why;
    int i = choice_of(k, v);
    *(bool *)field = i == 0;
    return i < 0 ? -EINVAL : 0;
}

/* One of several words: an enum in their order. */
static int read_choice(const struct key *k, void *field, const struct json *v, struct err *why)
{
    (void)why;
    int i = choice_of(k, v);
    *(unsigned *)field = i < 0 ? 0 : (unsigned)i;
    return i < 0 ? -EINVAL : 0;
}

static int read_ip(const struct key *k, void *field, const struct json *v, struct err *why)
{
    struct in6_addr any;
    if (read_text(k, field, v, why) < 0)
        return -EINVAL;
    const char *text = *(char **)field;
    return inet_pton(AF_INET, text, &any) == 1 || inet_pton(AF_INET6, text, &any) == 1 ? 0 : -EINVAL;
}

static int read_bool(const struct key *k, void *field, const struct json *v, struct err *why)
{
    (void)k, (void)why;
    if (json_kind(v) != JSON_KIND_BOOL)
        return -EINVAL;
    *(bool *)field = json_bool(v, false);
    return 0;
}

/* A fraction is allowed: chains of the second layer count their fees in hundredths of a gwei. */
static int read_gwei(const struct key *k, void *field, const struct json *v, struct err *why)
{
    (void)k, (void)why;
    double gwei;
    if (!json_f64(v, &gwei) || !(gwei >= 0) || gwei > 1e9)
        return -EINVAL;
    *(struct u256 *)field = u256_from_u64((uint64_t)llround(gwei * WEI_PER_GWEI));
    return 0;
}

static int read_listen_addr(const struct key *k, void *field, const struct json *v, struct err *why)
{
    int rc = read_text(k, field, v, why);
    if (rc == 0 && !listen_addr_ok(*(char **)field))
        rc = -EINVAL;
    return rc;
}

static int read_vsock_addr(const struct key *k, void *field, const struct json *v, struct err *why)
{
    struct vsock_addr parsed;
    if (read_text(k, field, v, why) < 0)
        return -EINVAL;
    return vsock_parse(&parsed, *(char **)field, NULL);
}

/* ---- URLs: messages never quote one, because it may carry a provider's key ---- */

static bool port_ok(const char *s)
{
    size_t n = strspn(s, "0123456789");
    unsigned long port = strtoul(s, NULL, 10);
    return n > 0 && n <= 5 && s[n] == 0 && port > 0 && port <= 65535;
}

/* authority: what stands between "//" and the path, NUL-terminated. */
static int check_authority(const char *authority, struct err *why)
{
    const char *at = strrchr(authority, '@');
    const char *host = at ? at + 1 : authority;
    const char *end;
    if (*host == '[') {
        end = strchr(host, ']');
        if (!end || end == host + 1 || (end[1] && end[1] != ':'))
            return err_set(why, -EINVAL, "a URL with a broken [IPv6] host");
        end++;
    } else {
        end = host + strcspn(host, ":");
        if (end == host)
            return err_set(why, -EINVAL, "a URL without a host");
    }
    if (*end == ':' && !port_ok(end + 1))
        return err_set(why, -EINVAL, "a URL whose port is not a number from 1 to 65535");
    return 0;
}

static int check_url(const char *url, size_t len, const char *scheme, struct err *why)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)url[i] <= ' ' || (unsigned char)url[i] >= 0x7f)
            return err_set(why, -EINVAL, "a URL with a blank, control or non-ASCII character in it");
    const char *rest = strstr(url, "://");
    if (!rest)
        return err_set(why, -EINVAL, "a text without a scheme (%s:// or %ss://)", scheme, scheme);
    size_t n = (size_t)(rest - url), want = strlen(scheme);
    bool plain = n == want, secure = n == want + 1 && (url[want] == 's' || url[want] == 'S');
    if (strncasecmp(url, scheme, want) != 0 || (!plain && !secure))
        return err_set(why, -EINVAL, "a URL of scheme %.*s", n > 16 ? 16 : (int)n, url);
    rest += 3;
    CLEANUP(free_p) char *authority = strndup(rest, strcspn(rest, "/?#"));
    if (!authority)
        return err_set(why, -ENOMEM, "a URL too long for the memory at hand");
    return check_authority(authority, why);
}

/* The list's pointer and its length lie side by side in struct config. */
static void url_list_of(struct config *c, const struct key *k, char ****urls, size_t **n)
{
    bool http = k->kind == &kind_http_urls;
    *urls = http ? &c->http_rpc_urls : &c->web_socket_urls;
    *n = http ? &c->n_http_rpc_urls : &c->n_web_socket_urls;
}

static int read_url_list(const struct key *k, void *field, const struct json *v, struct err *why)
{
    struct config *c = (struct config *)(void *)((char *)field - k->offset);
    const char *scheme = k->kind == &kind_http_urls ? "http" : "ws";
    bool list = json_kind(v) == JSON_KIND_ARRAY;
    size_t count = list ? json_len(v) : 1, *n;
    char ***urls;
    url_list_of(c, k, &urls, &n);
    if (count == 0)
        return err_set(why, -EINVAL, "an empty list");
    if (count > CONFIG_URLS_MAX)
        return err_set(why, -EINVAL, "a list of %zu", count);
    *urls = xcalloc(count, sizeof **urls);
    for (size_t i = 0; i < count; i++) {
        const struct json *item = list ? json_at(v, i) : v;
        size_t len;
        const char *s = json_str(item, &len);
        struct err reason = { 0 };
        if (!s)
            (void)err_set(&reason, -EINVAL, "%s", json_kind_name(item));
        if (!s || check_url(s, len, scheme, &reason) < 0)
            return list ? err_set(why, -EINVAL, "%s at place %zu of the list", reason.msg, i + 1)
                        : err_set(why, -EINVAL, "%s", reason.msg);
        (*urls)[(*n)++] = xstrdup(s);
    }
    return 0;
}

/* ---- what is owned ---- */

static void release_text(const struct key *k, void *field)
{
    (void)k;
    free(*(char **)field);
    *(char **)field = NULL;
}

static void release_url_list(const struct key *k, void *field)
{
    char ***urls;
    size_t *n;
    url_list_of((struct config *)(void *)((char *)field - k->offset), k, &urls, &n);
    for (size_t i = 0; i < *n; i++)
        free((*urls)[i]);
    free(*urls);
    *urls = NULL;
    *n = 0;
}

const struct kind kind_text = { read_text, FORM_TEXT, release_text, false };
const struct kind kind_http_urls = { read_url_list, FORM_LIST, release_url_list, true };
const struct kind kind_ws_urls = { read_url_list, FORM_LIST, release_url_list, true };
const struct kind kind_address = { read_address, FORM_TEXT, NULL, false };
const struct kind kind_ip = { read_ip, FORM_TEXT, release_text, false };
const struct kind kind_listen_addr = { read_listen_addr, FORM_TEXT, release_text, false };
const struct kind kind_vsock_addr = { read_vsock_addr, FORM_TEXT, release_text, false };
const struct kind kind_u64 = { read_u64, FORM_JSON, NULL, false };
const struct kind kind_u32 = { read_u32, FORM_JSON, NULL, false };
const struct kind kind_env = { read_env, FORM_JSON, NULL, false };
const struct kind kind_word = { read_word, FORM_TEXT, NULL, false };
const struct kind kind_choice = { read_choice, FORM_TEXT, NULL, false };
const struct kind kind_bool = { read_bool, FORM_JSON, NULL, false };
const struct kind kind_gwei = { read_gwei, FORM_JSON, NULL, false };
