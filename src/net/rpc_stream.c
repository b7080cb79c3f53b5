#include "net/rpc_stream.h"

#include <stdlib.h>

#include "net/rpc_feed.h"
#include "util/buf.h"
#include "util/log.h"

struct rpc_stream {
    struct rpc_stream_events events;
    void *arg;
    struct rpc_feed **feeds; /* one an endpoint */
    size_t n;
    struct rpc_feed *leader; /* whose heads count; NULL while no feed is up */
    bool up;                 /* as on_up and on_down have told */
};

static void go_up(struct rpc_stream *s)
{
    s->up = true;
    s->events.on_up(s->arg);
}

static bool feed_wants_heads(void *arg)
{
    const struct rpc_stream *s = arg;
    return !s->leader;
}

static void feed_up(void *arg, struct rpc_feed *f)
{
    struct rpc_stream *s = arg;
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

struct rpc_stream *rpc_stream_new(const struct rpc_stream_config *config, const char *log_filter,
                                  const struct rpc_stream_events *events, void *arg)
{
    static const struct rpc_feed_events of_feeds = { feed_wants_heads, feed_up,   feed_heads,
                                                     feed_down,        feed_head, feed_log };
    struct rpc_stream *s = xcalloc(1, sizeof *s);
    s->events = *events;
    s->arg = arg;
    s->n = config->n;
    s->feeds = xcalloc(config->n + 1, sizeof *s->feeds);
    for (size_t i = 0; i < s->n; i++) {
        const struct rpc_feed_config feed = { .loop = config->loop,
                                              .ws = config->ws,
                                              .endpoint = &config->eps[i],
                                              .chain_id = config->chain_id,
                                              .silence_ms = config->silence_ms,
                                              .timeout_ms = config->timeout_ms,
                                              .log_filter = log_filter };
        s->feeds[i] = rpc_feed_new(&feed, &of_feeds, s);
    }
    return s;
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
