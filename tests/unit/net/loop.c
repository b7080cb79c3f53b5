#include "net/loop.h"

#include <stdio.h>

struct waiter {
    uv_timer_t timer;
    bool over, closed;
};

static void on_over(uv_timer_t *t)
{
    ((struct waiter *)t->data)->over = true;
}

static void on_closed(uv_handle_t *h)
{
    ((struct waiter *)h->data)->closed = true;
}

static void run(uv_loop_t *loop, const int *flag, uint64_t ms)
{
    struct waiter w = { .over = false };
    (void)uv_timer_init(loop, &w.timer);
    w.timer.data = &w;
    uv_update_time(loop);
    (void)uv_timer_start(&w.timer, on_over, ms, 0);
    while (!w.over && !(flag && *flag))
        (void)uv_run(loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&w.timer, on_closed);
    while (!w.closed)
        (void)uv_run(loop, UV_RUN_NOWAIT);
}

bool loop_until(uv_loop_t *loop, const int *flag, uint64_t ms)
{
    run(loop, flag, ms);
    return *flag != 0;
}

void loop_for(uv_loop_t *loop, uint64_t ms)
{
    run(loop, NULL, ms);
}

static void on_stuck(uv_timer_t *t)
{
    uv_print_all_handles(t->loop, stderr);
    uv_stop(t->loop);
}

bool loop_finish(uv_loop_t *loop)
{
    uv_timer_t guard;
    (void)uv_timer_init(loop, &guard);
    (void)uv_timer_start(&guard, on_stuck, 10000, 0);
    uv_unref((uv_handle_t *)&guard);
    (void)uv_run(loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&guard, NULL);
    (void)uv_run(loop, UV_RUN_NOWAIT);
    return uv_loop_close(loop) == 0;
}
