#include "net/url.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A copy of one part that is ours to free, or NULL where the URL does not have it. */
static char *part(CURLU *u, CURLUPart what, unsigned flags)
{
    char *theirs = NULL;
    if (curl_url_get(u, what, &theirs, flags) != CURLUE_OK)
        return NULL;
    char *ours = xstrdup(theirs);
    curl_free(theirs);
    return ours;
}

static void take_host(struct url *out, CURLU *u)
{
    out->host = part(u, CURLUPART_HOST, 0);
    if (!out->host || out->host[0] != '[')
        return;
    size_t len = strlen(out->host);
    memmove(out->host, out->host + 1, len - 2);
    out->host[len - 2] = '\0';
}

static void take_target(struct url *out, CURLU *u)
{
    char *path = part(u, CURLUPART_PATH, 0);
    char *query = part(u, CURLUPART_QUERY, 0);
    struct buf b = { 0 };
    buf_puts(&b, path && path[0] ? path : "/");
    if (query)
        buf_printf(&b, "?%s", query);
    buf_push(&b, '\0');
    out->target = (char *)buf_steal(&b);
    free(path);
    free(query);
}

static void take_port(struct url *out, CURLU *u, uint16_t fallback)
{
    char *port = part(u, CURLUPART_PORT, 0); /* libcurl has checked digits and range */
    out->port = port ? (uint16_t)strtoul(port, NULL, 10) : fallback;
    free(port);
}

int url_parse(struct url *out, const char *text, const char *plain, const char *tls, struct err *e)
{
    memset(out, 0, sizeof *out);
    CURLU *u = curl_url();
    if (!u)
        abort();
    if (curl_url_set(u, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK) {
        out->scheme = part(u, CURLUPART_SCHEME, 0);
        out->user = part(u, CURLUPART_USER, CURLU_URLDECODE);
        out->password = part(u, CURLUPART_PASSWORD, CURLU_URLDECODE);
        take_host(out, u);
        take_target(out, u);
        take_port(out, u, out->scheme && strcmp(out->scheme, tls) == 0 ? 443 : 80);
    }
    curl_url_cleanup(u);
    if (out->host && out->host[0] && out->scheme && (strcmp(out->scheme, plain) == 0 || strcmp(out->scheme, tls) == 0))
        return 0;
    url_free(out);
    return err_set(e, -EINVAL, "not an %s:// or %s:// URL", plain, tls);
}

void url_free(struct url *u)
{
    free(u->scheme);
    free(u->host);
    free(u->target);
    free(u->user);
    free(u->password);
    memset(u, 0, sizeof *u);
}

void url_authority(struct buf *out, const struct url *u)
{
    buf_printf(out, strchr(u->host, ':') ? "[%s]:%u" : "%s:%u", u->host, u->port);
}

void url_origin(struct buf *out, const struct url *u)
{
    buf_printf(out, "%s://", u->scheme);
    url_authority(out, u);
}
