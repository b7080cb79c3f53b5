#include "api/client.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/buf.h"

static int connect_to(uint16_t port)
{
    struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(port) };
    struct timeval limit = { .tv_sec = 20 };
    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0 ||
        connect(fd, (struct sockaddr *)&sa, sizeof sa) < 0)
        abort();
    return fd;
}

static void work(uv_work_t *w)
{
    struct client *c = w->data;
    struct buf in = { 0 };
    int fd = connect_to(c->port);
    for (size_t done = 0; done < c->len;) {
        ssize_t n = send(fd, c->request + done, c->len - done, MSG_NOSIGNAL);
        if (n <= 0)
            break; /* the server may refuse before it has read everything */
        done += (size_t)n;
    }
    for (ssize_t n = 1; n > 0 && !c->leave;) {
        buf_reserve(&in, 4096);
        n = recv(fd, in.data + in.len, 4096, 0);
        in.len += n > 0 ? (size_t)n : 0;
    }
    (void)close(fd);
    (void)buf_cstr(&in);
    c->response_len = in.len;
    c->response = (char *)buf_steal(&in);
}

static void after(uv_work_t *w, int status)
{
    (void)status;
    ((struct client *)w->data)->finished = true;
}

void client_start(struct client *c, uv_loop_t *loop, uint16_t port, const void *request, size_t len)
{
    bool leave = c->leave;
    *c = (struct client){ .port = port, .request = xmemdup(request, len), .len = len, .leave = leave };
    c->work.data = c;
    assert_int_equal(uv_queue_work(loop, &c->work, work, after), 0);
}

static void on_limit(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
}

void run_until(uv_loop_t *loop, const bool *flag)
{
    bool late = false;
    uv_timer_t limit;
    (void)uv_timer_init(loop, &limit);
    limit.data = &late;
    (void)uv_timer_start(&limit, on_limit, 20000, 0);
    while (!*flag && !late)
        (void)uv_run(loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&limit, NULL);
    (void)uv_run(loop, UV_RUN_NOWAIT);
    assert_false(late);
}

const char *client_wait(struct client *c, uv_loop_t *loop)
{
    run_until(loop, &c->finished);
    return c->response;
}

void client_end(struct client *c)
{
    free(c->request);
    free(c->response);
    *c = (struct client){ 0 };
}

int client_status(const struct client *c)
{
    return strncmp(c->response, "HTTP/1.1 ", 9) == 0 ? atoi(c->response + 9) : 0;
}

const char *client_body(const struct client *c)
{
    const char *end = strstr(c->response, "\r\n\r\n");
    return end ? end + 4 : "";
}
