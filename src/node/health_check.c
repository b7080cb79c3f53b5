#include "node/health_check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "net/http_client.h"
#include "util/hostport.h"

#define TIMEOUT_MS 5000
#define BODY_MAX 4096

struct asking {
    struct http_client *client;
    const char *url;
    struct err *e;
};

static void on_answer(void *arg, const struct http_response *response)
{
    struct asking *a = arg;
    if (response->outcome != HTTP_DONE)
        (void)err_set(a->e, -EIO, "%s: %s", a->url, response->error);
    else if (response->status != 200)
        (void)err_set(a->e, -EIO, "%s: status %d, expected 200", a->url, response->status);
    http_client_free(a->client);
    a->client = NULL;
}

/* Where the node listens, as this machine reaches it. */
static int find_url(char *out, size_t size, const struct config *c, struct err *e)
{
    struct hostport at;
    const char *given = c->metrics_addr ? c->metrics_addr : CONFIG_METRICS_ADDR_DEFAULT;
    if (strcmp(given, "off") == 0)
        return err_set(e, -EINVAL, "metrics_addr is \"off\": there is nobody to ask");
    if (hostport_parse(&at, given, e) < 0)
        return err_wrap(e, "metrics_addr");
    if (at.port == 0)
        return err_set(e, -EINVAL, "metrics_addr has port 0: only the node's log tells which one it got");
    const char *host = strcmp(at.host, "0.0.0.0") == 0 ? "127.0.0.1" : strcmp(at.host, "::") == 0 ? "::1" : at.host;
    (void)snprintf(out, size, strchr(host, ':') ? "http://[%s]:%u/livez" : "http://%s:%u/livez", host, at.port);
    return 0;
}

int health_check(const struct config *c, struct err *e)
{
    char url[HOSTPORT_HOST_MAX + 32];
    uv_loop_t loop;
    if (find_url(url, sizeof url, c, e) < 0)
        return e->code;
    struct asking a = { .url = url, .e = e };
    struct http_request request = {
        .method = "GET", .url = url, .timeout_ms = TIMEOUT_MS, .max_response_bytes = BODY_MAX
    };
    uv_loop_init(&loop);
    a.client = http_client_new(&loop, e);
    if (a.client && !http_client_start(a.client, &request, on_answer, &a, e)) {
        http_client_free(a.client);
        a.client = NULL;
    }
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&loop);
    return e->code;
}
