#include "api/dashboard.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "api/dashboard_files.h"
#include "api/dashboard_text.h"
#include "job/job_state.h"
#include "util/buf.h"
#include "util/cleanup.h"
#include "util/clock.h"

#define TICK_MS 1000
#define BUSY_TICK_MS 250 /* while jobs are open: their phases are short */
#define TOUCH_MS 50      /* what comes within is told together */
#define LIST_MS 500      /* the list of 100 takes some milliseconds to read: not more often, jobs are waiting */
#define TOKENS_MAX 8
#define TEXT "text/plain; charset=utf-8"
#define EVENTS_PATH "/dashboard/events"

/* Somebody who looks. */
struct viewer {
    struct viewer *prev, *next;
    struct dashboard *dashboard;
    struct http_stream *stream;
};

/* A job that is over, as it was told. */
struct row {
    struct u256 id;
    struct buf text;
};

struct dashboard {
    struct dashboard_parts parts;
    uv_timer_t *timer;
    bool touched; /* the timer is set to TOUCH_MS */
    struct viewer *viewers;
    uint64_t started_wall_ms, ticked_ms;

    /* as it was told last */
    struct buf sections[SECTION_COUNT];
    bool ledger_read;
    uint64_t ledger_changes, ledger_read_ms;
    struct row rows[DASHBOARD_JOBS];
    size_t n_rows;
    struct ledger_hour *hours;
    size_t n_hours;
    struct address tokens[TOKENS_MAX]; /* that the rows name */
    size_t n_tokens;
};

/* ---- events ---- */

/* Event with the JSON that put() has appended: begin, JSON, end. */
static void begin_event(struct buf *out, const char *name)
{
    buf_printf(out, "event: %s\ndata: ", name);
}

static void end_event(struct buf *out)
{
    buf_puts(out, "\n\n");
}

static bool same_text(const struct buf *a, const struct buf *b)
{
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

/* Moves text to where it is kept. Returns false where it was the same. */
static bool keep_text(struct buf *kept, struct buf *text)
{
    bool same = same_text(kept, text);
    struct buf old = *kept;
    *kept = *text;
    *text = old;
    buf_free(text);
    return !same;
}

/* ---- state ---- */

static void put_tokens(struct dashboard *d, struct buf *out, const struct address *stake)
{
    struct token_info info;
    buf_push(out, '{');
    for (size_t i = 0; i <= d->n_tokens; i++) {
        const struct address *token = i < d->n_tokens ? &d->tokens[i] : stake;
        if (!token || (i < d->n_tokens && stake && address_eq(token, stake)) ||
            !tokens_get(d->parts.tokens, &info, token))
            continue;
        if (out->data[out->len - 1] != '{')
            buf_push(out, ',');
        dashboard_put_token(out, token, &info);
    }
    buf_push(out, '}');
}

static void put_member(struct buf *out, enum dashboard_section section, const struct buf *text)
{
    buf_printf(out, "\"%s\":", dashboard_section_name(section));
    buf_append(out, text->data, text->len);
}

/* Appends the members that have changed. */
static void look_at_state(struct dashboard *d, struct buf *out)
{
    CLEANUP(node_status_free) struct node_status s = { 0 };
    struct address stake;
    uint64_t now_ms = clock_wall_ms();
    d->parts.status(d->parts.arg, &s);
    bool known = s.following && tokens_stake(d->parts.tokens, &stake);
    if (!d->started_wall_ms)
        d->started_wall_ms = now_ms - s.uptime_ms;
    for (int i = 0; i < SECTION_COUNT; i++) {
        struct buf text = { 0 };
        if (i == SECTION_TOKENS)
            put_tokens(d, &text, known ? &stake : NULL);
        else
            dashboard_put_section(&text, (enum dashboard_section)i, &s, known ? &stake : NULL, now_ms);
        if (!keep_text(&d->sections[i], &text))
            continue;
        if (out->len > 0)
            buf_push(out, ',');
        put_member(out, (enum dashboard_section)i, &d->sections[i]);
    }
}

static void tell_state(struct dashboard *d, struct buf *out)
{
    CLEANUP(buf_free) struct buf members = { 0 };
    look_at_state(d, &members);
    if (!members.len)
        return;
    begin_event(out, "state");
    buf_push(out, '{');
    buf_append(out, members.data, members.len);
    buf_push(out, '}');
    end_event(out);
}

/* ---- jobs that are over ---- */

/* While the ledger is read: the rows as they are now, and those among them that are new or changed. */
struct row_reader {
    struct dashboard *dashboard;
    struct row rows[DASHBOARD_JOBS];
    size_t n;
    struct buf *changed;
};

static const struct row *told_row(const struct dashboard *d, struct u256 id)
{
    for (size_t i = 0; i < d->n_rows; i++)
        if (u256_cmp(d->rows[i].id, id) == 0)
            return &d->rows[i];
    return NULL;
}

static void note_token(struct dashboard *d, const struct address *token)
{
    for (size_t i = 0; i < d->n_tokens; i++)
        if (address_eq(&d->tokens[i], token))
            return;
    if (d->n_tokens < TOKENS_MAX)
        d->tokens[d->n_tokens++] = *token;
}

static void on_past(void *arg, const struct ledger_past_job *j)
{
    struct row_reader *r = arg;
    struct row *row = &r->rows[r->n++];
    row->id = j->id;
    dashboard_put_past(&row->text, j);
    if (j->paid_known)
        note_token(r->dashboard, &j->paid_token);
    const struct row *told = told_row(r->dashboard, j->id);
    if (told && same_text(&told->text, &row->text))
        return;
    if (r->changed->len > 0)
        buf_push(r->changed, ',');
    buf_append(r->changed, row->text.data, row->text.len);
}

static void free_rows(struct dashboard *d)
{
    for (size_t i = 0; i < d->n_rows; i++)
        buf_free(&d->rows[i].text);
    d->n_rows = 0;
}

static void tell_list(struct buf *out, const char *event, const struct buf *items)
{
    if (!items->len)
        return;
    begin_event(out, event);
    buf_push(out, '[');
    buf_append(out, items->data, items->len);
    buf_push(out, ']');
    end_event(out);
}

static void tell_jobs(struct dashboard *d, struct buf *out)
{
    CLEANUP(buf_free) struct buf changed = { 0 };
    struct row_reader r = { .dashboard = d, .changed = &changed };
    ledger_each_past(d->parts.ledger, job_final_states(), DASHBOARD_JOBS, on_past, &r);
    free_rows(d);
    memcpy(d->rows, r.rows, sizeof d->rows);
    d->n_rows = r.n;
    tell_list(out, "jobs", &changed);
}

/* ---- hours ---- */

struct hour_reader {
    const struct dashboard *dashboard;
    struct buf all; /* struct ledger_hour, in order */
    struct buf *changed;
};

static bool hour_was_told(const struct dashboard *d, const struct ledger_hour *h)
{
    for (size_t i = d->n_hours; i-- > 0 && d->hours[i].start_s >= h->start_s;)
        if (memcmp(&d->hours[i], h, sizeof *h) == 0)
            return true;
    return false;
}

static void on_hour(void *arg, const struct ledger_hour *h)
{
    struct hour_reader *r = arg;
    buf_append(&r->all, h, sizeof *h);
    if (hour_was_told(r->dashboard, h))
        return;
    if (r->changed->len > 0)
        buf_push(r->changed, ',');
    dashboard_put_hour(r->changed, h);
}

static void tell_hours(struct dashboard *d, struct buf *out)
{
    CLEANUP(buf_free) struct buf changed = { 0 };
    struct hour_reader r = { .dashboard = d, .changed = &changed };
    ledger_each_hour(d->parts.ledger, clock_wall_s() - LEDGER_HOURS_KEPT_S, on_hour, &r);
    free(d->hours);
    d->n_hours = r.all.len / sizeof *d->hours;
    d->hours = (struct ledger_hour *)(void *)buf_steal(&r.all);
    tell_list(out, "hours", &changed);
}

/* ---- all of it ---- */

/* Reads everything anew and appends the events that tell what has changed. */
static void look(struct dashboard *d, struct buf *out)
{
    uint64_t changes = ledger_changes(d->parts.ledger), now_ms = clock_mono_ms();
    if (!d->ledger_read || (changes != d->ledger_changes && now_ms - d->ledger_read_ms >= LIST_MS)) {
        tell_jobs(d, out);
        tell_hours(d, out);
        d->ledger_read = true;
        d->ledger_read_ms = now_ms;
        d->ledger_changes = changes;
    }
    tell_state(d, out);
}

static void put_hello(const struct dashboard *d, struct buf *out)
{
    buf_puts(out, "retry: 1000\n");
    begin_event(out, "hello");
    buf_printf(out, "{\"version\":\"" OYSTER_VERSION "\",\"now\":%llu,\"started\":%llu}",
               (unsigned long long)clock_wall_ms(), (unsigned long long)d->started_wall_ms);
    end_event(out);
}

/* Everything, as it was told last. */
static void put_whole(const struct dashboard *d, struct buf *out)
{
    CLEANUP(buf_free) struct buf hours = { 0 };
    put_hello(d, out);
    begin_event(out, "state");
    for (int i = 0; i < SECTION_COUNT; i++) {
        buf_push(out, i == 0 ? '{' : ',');
        put_member(out, (enum dashboard_section)i, &d->sections[i]);
    }
    buf_push(out, '}');
    end_event(out);
    begin_event(out, "jobs");
    for (size_t i = 0; i < d->n_rows; i++) {
        buf_push(out, i == 0 ? '[' : ',');
        buf_append(out, d->rows[i].text.data, d->rows[i].text.len);
    }
    buf_puts(out, d->n_rows ? "]" : "[]");
    end_event(out);
    for (size_t i = 0; i < d->n_hours; i++) {
        if (i > 0)
            buf_push(&hours, ',');
        dashboard_put_hour(&hours, &d->hours[i]);
    }
    tell_list(out, "hours", &hours);
}

/* ---- time ---- */

static void on_timer(uv_timer_t *timer);

static void set_timer(struct dashboard *d)
{
    bool busy = d->sections[SECTION_LIVE].len > 2; /* more than [] */
    d->touched = false;
    if (d->viewers)
        (void)uv_timer_start(d->timer, on_timer, busy ? BUSY_TICK_MS : TICK_MS, 0);
    else
        (void)uv_timer_stop(d->timer);
}

static void on_timer(uv_timer_t *timer)
{
    struct dashboard *d = timer->data;
    CLEANUP(buf_free) struct buf out = { 0 };
    look(d, &out);
    if (clock_mono_ms() - d->ticked_ms >= TICK_MS) {
        d->ticked_ms = clock_mono_ms();
        begin_event(&out, "tick");
        buf_printf(&out, "{\"now\":%llu}", (unsigned long long)clock_wall_ms());
        end_event(&out);
    }
    for (struct viewer *v = d->viewers; v && out.len > 0; v = v->next)
        http_stream_write(v->stream, out.data, out.len);
    set_timer(d);
}

void dashboard_touch(struct dashboard *d)
{
    if (!d || d->touched || !d->viewers)
        return;
    d->touched = true;
    (void)uv_timer_start(d->timer, on_timer, TOUCH_MS, 0);
}

/* ---- requests ---- */

/* An address, localhost, or nothing at all (no browser). */
static bool host_is_ours(const char *host)
{
    char name[64];
    struct sockaddr_storage sa;
    size_t len = strlen(host);
    const char *port = strrchr(host, ':');
    if (port && strspn(port + 1, "0123456789") == strlen(port + 1) && (host[0] != '[' || port[-1] == ']'))
        len = (size_t)(port - host);
    if (len >= sizeof name)
        return false;
    bool brackets = len > 1 && host[0] == '[' && host[len - 1] == ']';
    memcpy(name, host + brackets, len - 2 * (size_t)brackets);
    name[len - 2 * (size_t)brackets] = 0;
    if (brackets)
        return uv_ip6_addr(name, 0, (struct sockaddr_in6 *)(void *)&sa) == 0;
    return len == 0 || strcmp(name, "localhost") == 0 || uv_ip4_addr(name, 0, (struct sockaddr_in *)(void *)&sa) == 0;
}

static void put_headers(struct http_reply *reply)
{
    http_reply_header(reply, "Content-Security-Policy",
                      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
                      "base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    http_reply_header(reply, "X-Content-Type-Options", "nosniff");
    http_reply_header(reply, "Referrer-Policy", "no-referrer");
    http_reply_header(reply, "Cross-Origin-Resource-Policy", "same-origin");
    http_reply_header(reply, "Cache-Control", "no-store");
}

static void refuse(struct http_reply *reply, int status, const char *why)
{
    http_reply_send(reply, status, TEXT, why, strlen(why));
}

static void on_viewer_gone(void *arg)
{
    struct viewer *v = arg;
    DL_DELETE(v->dashboard->viewers, v);
    free(v);
}

static void answer_events(struct dashboard *d, struct http_reply *reply)
{
    CLEANUP(buf_free) struct buf whole = { 0 };
    struct viewer *v = xcalloc(1, sizeof *v);
    v->dashboard = d;
    v->stream = http_reply_stream(reply, "text/event-stream", on_viewer_gone, v);
    if (!v->stream) {
        free(v);
        refuse(reply, 503, "Too many viewers of the dashboard\n");
        return;
    }
    if (!d->viewers) { /* nobody has looked for a while */
        CLEANUP(buf_free) struct buf old = { 0 };
        look(d, &old);
    }
    DL_APPEND(d->viewers, v);
    put_whole(d, &whole);
    http_stream_write(v->stream, whole.data, whole.len);
    dashboard_touch(d);
}

static const struct dashboard_file *find_file(const char *path)
{
    for (size_t i = 0; i < dashboard_n_files; i++)
        if (strcmp(dashboard_files[i].path, path) == 0)
            return &dashboard_files[i];
    return NULL;
}

bool dashboard_serves(const char *path)
{
    return strcmp(path, EVENTS_PATH) == 0 || find_file(path);
}

void dashboard_answer(struct dashboard *d, const struct http_server_request *req, struct http_reply *reply)
{
    const struct dashboard_file *file = find_file(req->path);
    bool get = strcmp(req->method, "GET") == 0;
    put_headers(reply);
    if (!host_is_ours(req->host)) {
        refuse(reply, 403, "The dashboard answers to an address or to localhost, not to a name\n");
    } else if (!get && !(file && strcmp(req->method, "HEAD") == 0)) {
        http_reply_header(reply, "Allow", file ? "GET, HEAD" : "GET");
        refuse(reply, 405, "Wrong method for the dashboard\n");
    } else if (file) {
        http_reply_send(reply, 200, file->type, file->data, file->len);
    } else {
        answer_events(d, reply);
    }
}

/* ---- begin and end ---- */

struct dashboard *dashboard_new(uv_loop_t *loop, const struct dashboard_parts *parts)
{
    struct dashboard *d = xcalloc(1, sizeof *d);
    d->parts = *parts;
    d->timer = xcalloc(1, sizeof *d->timer);
    (void)uv_timer_init(loop, d->timer);
    d->timer->data = d;
    return d;
}

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle);
}

void dashboard_free(struct dashboard *d)
{
    if (!d)
        return;
    uv_close((uv_handle_t *)d->timer, on_timer_closed);
    for (int i = 0; i < SECTION_COUNT; i++)
        buf_free(&d->sections[i]);
    free_rows(d);
    free(d->hours);
    free(d);
}
