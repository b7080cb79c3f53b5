#include "api/service.h"

#include <signal.h>
#include <stddef.h>

#include "util/log.h"

struct running {
    const struct service *what;
    uv_loop_t loop;
    uv_signal_t signals[2];
    struct http_server *server;
};

static void end(struct running *r)
{
    for (size_t i = 0; i < 2; i++)
        uv_close((uv_handle_t *)&r->signals[i], NULL);
    if (r->server && r->what->stopping)
        r->what->stopping(r->what->arg);
    http_server_free(r->server);
    r->server = NULL;
}

static void on_signal(uv_signal_t *handle, int number)
{
    log_info("stopping", F_STR("signal", number == SIGTERM ? "SIGTERM" : "SIGINT"));
    end(handle->data);
}

static void open_signals(struct running *r)
{
    static const int numbers[2] = { SIGTERM, SIGINT };
    (void)signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < 2; i++) {
        uv_signal_init(&r->loop, &r->signals[i]);
        r->signals[i].data = r;
        uv_signal_start(&r->signals[i], on_signal, numbers[i]);
    }
}

static int start(struct running *r, struct err *e)
{
    const struct service *what = r->what;
    r->server = http_server_new(&r->loop, what->ip, what->port, what->handler, what->arg, e);
    return r->server ? what->started(what->arg, &r->loop, http_server_port(r->server), e) : e->code;
}

int service_run(const struct service *what, struct err *e)
{
    struct running r = { .what = what };
    uv_loop_init(&r.loop);
    open_signals(&r);
    int rc = start(&r, e);
    if (rc < 0)
        end(&r);
    (void)uv_run(&r.loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&r.loop);
    return rc;
}
