#include "api/service.h"

#include <signal.h>
#include <stddef.h>
#include <uv.h>

#include "util/log.h"

struct service {
    uv_loop_t loop;
    uv_signal_t signals[2];
    struct http_server *server;
};

static void close_signals(struct service *s)
{
    for (size_t i = 0; i < 2; i++)
        uv_close((uv_handle_t *)&s->signals[i], NULL);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct service *s = handle->data;
    log_info("stopping", F_STR("signal", number == SIGTERM ? "SIGTERM" : "SIGINT"));
    close_signals(s);
    http_server_free(s->server);
    s->server = NULL;
}

static void open_signals(struct service *s)
{
    static const int numbers[2] = { SIGTERM, SIGINT };
    (void)signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < 2; i++) {
        uv_signal_init(&s->loop, &s->signals[i]);
        s->signals[i].data = s;
        uv_signal_start(&s->signals[i], on_signal, numbers[i]);
    }
}

int service_run(const char *ip, uint16_t port, http_handler_fn *handler, void (*ready)(void *arg, uint16_t port),
                void *arg, struct err *e)
{
    struct service s = { .server = NULL };
    uv_loop_init(&s.loop);
    open_signals(&s);
    s.server = http_server_new(&s.loop, ip, port, handler, arg, e);
    if (s.server)
        ready(arg, http_server_port(s.server));
    else
        close_signals(&s);
    int rc = s.server ? 0 : -1;
    (void)uv_run(&s.loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&s.loop);
    return rc < 0 ? e->code : 0;
}
