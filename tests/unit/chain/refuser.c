#include "chain/refuser.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/buf.h"

#define CONNS_MAX 64
#define SENDS_MAX 256

struct conn {
    int fd; /* -1 = free */
    struct buf in;
};

struct refuser {
    pthread_t thread;
    pthread_mutex_t lock;
    int listen_fd, stop_fd[2];
    uint16_t port;
    char url[32], last[8192];
    struct conn conns[CONNS_MAX];
    unsigned times;
    char message[200]; /* "" = close */
    char *sends[SENDS_MAX];
    size_t n_sends;
};

static void die(const char *what)
{
    perror(what);
    abort();
}

static struct sockaddr_in loopback(uint16_t port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

static int write_all(int fd, const void *data, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = send(fd, (const char *)data + done, len - done, MSG_NOSIGNAL);
        if (n <= 0)
            return -1;
        done += (size_t)n;
    }
    return 0;
}

/* Asks the endpoint, on a connection of its own; out: the body of its answer. */
static void ask_upstream(struct refuser *r, struct buf *out, const char *body)
{
    struct sockaddr_in to = loopback(r->port);
    struct buf req = { 0 }, all = { 0 };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
        die("refuser: connect");
    buf_printf(&req,
               "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
               "Content-Length: %zu\r\n\r\n%s",
               strlen(body), body);
    char chunk[4096];
    ssize_t n = write_all(fd, req.data, req.len);
    while (n >= 0 && (n = recv(fd, chunk, sizeof chunk, 0)) > 0)
        buf_append(&all, chunk, (size_t)n);
    const char *text = buf_cstr(&all), *end = strstr(text, "\r\n\r\n");
    buf_puts(out, end ? end + 4 : "");
    buf_free(&req);
    buf_free(&all);
    (void)close(fd);
}

static uint64_t id_of(const char *body)
{
    const char *at = strstr(body, "\"id\":");
    return at ? strtoull(at + 5, NULL, 10) : 0;
}

/* What to answer; false: close the connection. */
static int answer(struct refuser *r, struct buf *out, const char *body)
{
    bool is_send = strstr(body, "eth_sendRawTransaction") != NULL, refuse = false;
    char message[200] = "";
    if (is_send) {
        (void)pthread_mutex_lock(&r->lock);
        if (r->n_sends < SENDS_MAX)
            r->sends[r->n_sends++] = xstrdup(body);
        refuse = r->times > 0;
        r->times -= refuse;
        memcpy(message, r->message, sizeof message);
        (void)pthread_mutex_unlock(&r->lock);
    }
    if (refuse && message[0]) {
        buf_printf(out, "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"error\":{\"code\":-32000,\"message\":\"%s\"}}",
                   (unsigned long long)id_of(body), message);
        return 1;
    }
    ask_upstream(r, out, body);
    return !refuse;
}

static void conn_close(struct conn *c)
{
    (void)close(c->fd);
    c->fd = -1;
    buf_free(&c->in);
}

/* Answers each complete request in the buffer. Returns -1 where the connection must go. */
static int conn_serve(struct refuser *r, struct conn *c)
{
    for (;;) {
        const char *text = buf_cstr(&c->in), *end = strstr(text, "\r\n\r\n"),
                   *len = strcasestr(text, "content-length:");
        if (!end || !len)
            return 0;
        size_t head = (size_t)(end + 4 - text), body_len = strtoul(len + 15, NULL, 10);
        if (c->in.len < head + body_len)
            return 0;
        char *body = strndup(text + head, body_len);
        struct buf out = { 0 }, http = { 0 };
        int go_on = answer(r, &out, body);
        buf_printf(&http, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", out.len);
        buf_append(&http, out.data, out.len);
        int rc = go_on ? write_all(c->fd, http.data, http.len) : -1;
        buf_consume(&c->in, head + body_len);
        free(body);
        buf_free(&out);
        buf_free(&http);
        if (rc < 0)
            return -1;
    }
}

static void conn_readable(struct refuser *r, struct conn *c)
{
    char chunk[4096];
    ssize_t n = recv(c->fd, chunk, sizeof chunk, 0);
    if (n <= 0) {
        conn_close(c);
        return;
    }
    buf_append(&c->in, chunk, (size_t)n);
    if (conn_serve(r, c) < 0)
        conn_close(c);
}

static void accept_one(struct refuser *r)
{
    int fd = accept4(r->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    for (size_t i = 0; fd >= 0 && i < CONNS_MAX; i++) {
        if (r->conns[i].fd >= 0)
            continue;
        r->conns[i].fd = fd;
        return;
    }
    if (fd >= 0)
        (void)close(fd);
}

static void *run(void *arg)
{
    struct refuser *r = arg;
    for (;;) {
        struct pollfd fds[CONNS_MAX + 2] = { { r->stop_fd[0], POLLIN, 0 }, { r->listen_fd, POLLIN, 0 } };
        for (size_t i = 0; i < CONNS_MAX; i++)
            fds[i + 2] = (struct pollfd){ r->conns[i].fd, POLLIN, 0 };
        if (poll(fds, CONNS_MAX + 2, -1) < 0)
            continue;
        if (fds[0].revents)
            return NULL;
        for (size_t i = 0; i < CONNS_MAX; i++)
            if (fds[i + 2].revents)
                conn_readable(r, &r->conns[i]);
        if (fds[1].revents)
            accept_one(r);
    }
}

struct refuser *refuser_start(uint16_t port)
{
    struct refuser *r = xcalloc(1, sizeof *r);
    struct sockaddr_in at = loopback(0);
    socklen_t len = sizeof at;
    r->port = port;
    for (size_t i = 0; i < CONNS_MAX; i++)
        r->conns[i].fd = -1;
    r->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (r->listen_fd < 0 || bind(r->listen_fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(r->listen_fd, 64) < 0 ||
        getsockname(r->listen_fd, (struct sockaddr *)&at, &len) < 0 || pipe(r->stop_fd) < 0)
        die("refuser: listen");
    (void)snprintf(r->url, sizeof r->url, "http://127.0.0.1:%u", ntohs(at.sin_port));
    (void)pthread_mutex_init(&r->lock, NULL);
    if (pthread_create(&r->thread, NULL, run, r) != 0)
        die("refuser: thread");
    return r;
}

void refuser_stop(struct refuser *r)
{
    if (!r)
        return;
    (void)close(r->stop_fd[1]);
    (void)pthread_join(r->thread, NULL);
    for (size_t i = 0; i < CONNS_MAX; i++)
        if (r->conns[i].fd >= 0)
            conn_close(&r->conns[i]);
    (void)close(r->listen_fd);
    (void)close(r->stop_fd[0]);
    for (size_t i = 0; i < r->n_sends; i++)
        free(r->sends[i]);
    (void)pthread_mutex_destroy(&r->lock);
    free(r);
}

const char *refuser_url(const struct refuser *r)
{
    return r->url;
}

void refuser_refuse(struct refuser *r, unsigned times, const char *message)
{
    (void)pthread_mutex_lock(&r->lock);
    r->times = times;
    (void)snprintf(r->message, sizeof r->message, "%s", message ? message : "");
    (void)pthread_mutex_unlock(&r->lock);
}

size_t refuser_sends(struct refuser *r)
{
    (void)pthread_mutex_lock(&r->lock);
    size_t n = r->n_sends;
    (void)pthread_mutex_unlock(&r->lock);
    return n;
}

/* Without the id, which is another one each time. */
const char *refuser_send(struct refuser *r, size_t i)
{
    (void)pthread_mutex_lock(&r->lock);
    const char *params = i < r->n_sends ? strstr(r->sends[i], "[\"0x") : NULL;
    (void)snprintf(r->last, sizeof r->last, "%s", params ? params : "");
    (void)pthread_mutex_unlock(&r->lock);
    char *end = strchr(r->last, ']');
    if (end)
        *end = 0;
    return r->last;
}
