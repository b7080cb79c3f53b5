#include "net/rpc_stream.h"

#include <stdlib.h>
#include <string.h>

#include "net/rpc_feed.h"
#include "util/buf.h"
#include "util/log.h"

#define MOVED "other endpoints are configured"

struct rpc_stream {
    struct rpc_stream_events events;
    void *arg;
    struct rpc_feed **feeds; /* one an endpoint */
    size_t n;
    size_t n_old; /* the first of them: of endpoints that are no longer configured, until another one is up */
    struct rpc_feed *leader; /* whose heads count; NULL while no feed is up */
    bool up;                 /* as on_up and on_down have told */
};

static void go_up(struct rpc_stream *s)
{
    s->up = true;
    s->events.on_up(s->arg);
}

static bool is_old(const struct rpc_stream *s, const struct rpc_feed *f)
{
    for (size_t i = 0; i < s->n_old; i++)
        if (s->feeds[i] == f)
            return true;
    return false;
}

static bool feed_wants_heads(void *arg)
{
    const struct rpc_stream *s = arg;
    return !s->leader || is_old(s, s->leader);
}

static void forget_old(struct rpc_stream *s)
{
    for (size_t i = 0; i < s->n_old; i++)
        rpc_feed_free(s->feeds[i]);
    s->n -= s->n_old;
    memmove(s->feeds, s->feeds + s->n_old, s->n * sizeof *s->feeds);
    s->n_old = 0;
}

/* The first of the new endpoints is up. */
static void move_to(struct rpc_stream *s, struct rpc_feed *f)
{
    forget_old(s);
    s->leader = f;
    rpc_feed_want_heads(f, true);
    if (s->up)
        s->events.on_switch(s->arg, MOVED);
    else if (rpc_feed_has_heads(f))
        go_up(s);
}

static void feed_up(void *arg, struct rpc_feed *f)
{
    struct rpc_stream *s = arg;
    if (s->n_old && !is_old(s, f)) {
        move_to(s, f);
        return;
    }
    bool leads = !s->leader;
    if (leads)
        s->leader = f;
    if (leads == rpc_feed_has_heads(f)) {
        if (leads)
            go_up(s);
        return;
    }
    rpc_feed_want_heads(f, leads); /* somebody was quicker, or whoever was has gone since */
}

static void feed_heads(void *arg, struct rpc_feed *f)
{
    struct rpc_stream *s = arg;
    if (f != s->leader)
        rpc_feed_want_heads(f, false);
    else if (!s->up)
        go_up(s);
}

/* The first that is up behind the leader, in a circle. */
static struct rpc_feed *next_leader(const struct rpc_stream *s)
{
    size_t at = 0;
    while (at + 1 < s->n && s->feeds[at] != s->leader)
        at++;
    for (size_t k = 1; k < s->n; k++) {
        struct rpc_feed *f = s->feeds[(at + k) % s->n];
        if (rpc_feed_is_up(f))
            return f;
    }
    return NULL;
}

void rpc_stream_pass_lead(struct rpc_stream *s, const char *reason)
{
    struct rpc_feed *next = s->up ? next_leader(s) : NULL;
    if (!next)
        return;
    rpc_feed_want_heads(s->leader, false);
    s->leader = next;
    rpc_feed_want_heads(next, true);
    s->events.on_switch(s->arg, reason);
}

/* Where another feed is up its logs have been coming all the time: it takes the lead, and nothing is down. */
static void feed_down(void *arg, struct rpc_feed *f, const char *reason)
{
    struct rpc_stream *s = arg;
    if (f != s->leader)
        return;
    s->leader = next_leader(s);
    if (s->leader)
        rpc_feed_want_heads(s->leader, true);
    if (s->up && s->leader) {
        s->events.on_switch(s->arg, reason);
    } else if (s->up) {
        s->up = false;
        s->events.on_down(s->arg, reason);
    }
}

void rpc_stream_renew_lead(struct rpc_stream *s, const char *reason)
{
    if (s->up)
        rpc_feed_renew(s->leader, reason);
}

static void feed_head(void *arg, struct rpc_feed *f, const struct json *head)
{
    struct rpc_stream *s = arg;
    if (f == s->leader && s->up)
        s->events.on_head(s->arg, head);
}

static void feed_log(void *arg, struct rpc_feed *f, const struct json *log)
{
    struct rpc_stream *s = arg;
    if (s->up)
        s->events.on_log(s->arg, log, f == s->leader);
}

static void add_feeds(struct rpc_stream *s, const struct rpc_stream_config *config, const char *log_filter)
{
    static const struct rpc_feed_events of_feeds = { feed_wants_heads, feed_up,   feed_heads,
                                                     feed_down,        feed_head, feed_log };
    struct rpc_feed **feeds = xcalloc(s->n + config->n + 1, sizeof *feeds);
    if (s->n)
        memcpy(feeds, s->feeds, s->n * sizeof *feeds);
    free(s->feeds);
    s->feeds = feeds;
    for (size_t i = 0; i < config->n; i++) {
        const struct rpc_feed_config feed = { .loop = config->loop,
                                              .ws = config->ws,
                                              .endpoint = &config->eps[i],
                                              .chain_id = config->chain_id,
                                              .silence_ms = config->silence_ms,
                                              .timeout_ms = config->timeout_ms,
                                              .log_filter = log_filter };
        s->feeds[s->n++] = rpc_feed_new(&feed, &of_feeds, s);
    }
}

struct rpc_stream *rpc_stream_new(const struct rpc_stream_config *config, const char *log_filter,
                                  const struct rpc_stream_events *events, void *arg)
{
    struct rpc_stream *s = xcalloc(1, sizeof *s);
    s->events = *events;
    s->arg = arg;
    add_feeds(s, config, log_filter);
    return s;
}

/* Of those that are there, what is up is worth keeping, for as long as it takes. */
void rpc_stream_replace(struct rpc_stream *s, const struct rpc_stream_config *config, const char *log_filter)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->n; i++)
        if (config->n && s->up && rpc_feed_is_up(s->feeds[i]))
            s->feeds[kept++] = s->feeds[i];
        else
            rpc_feed_free(s->feeds[i]);
    s->n = s->n_old = kept;
    if (!kept)
        s->leader = NULL;
    add_feeds(s, config, log_filter);
    if (s->up && !kept) {
        s->up = false;
        s->events.on_down(s->arg, MOVED);
    }
}

bool rpc_stream_is_moving(const struct rpc_stream *s)
{
    return s->n_old > 0;
}

bool rpc_stream_is_up(const struct rpc_stream *s)
{
    return s->up;
}

void rpc_stream_set_silence(struct rpc_stream *s, uint64_t silence_ms)
{
    for (size_t i = 0; i < s->n; i++)
        rpc_feed_set_silence(s->feeds[i], silence_ms);
}

void rpc_stream_free(struct rpc_stream *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++)
        rpc_feed_free(s->feeds[i]);
    free(s->feeds);
    free(s);
}
