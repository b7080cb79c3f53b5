#include "chain/registrar.h"

#include <assert.h>
#include <stdlib.h>

#include "chain/view.h"
#include "util/buf.h"
#include "util/log.h"

#define ASK_AGAIN_MS 1000
#define STAKE_AFTER_MS 2000 /* an endpoint may lag behind the event */

enum reg_event {
    EV_SEEN_ABSENT, /* the contract's view */
    EV_SEEN_MINE,
    EV_SEEN_DRAINING,
    EV_SEEN_FOREIGN,
    EV_REGISTERED, /* the contract's events */
    EV_REGISTERED_FOREIGN,
    EV_DEREGISTERED,
    EV_DRAINED,
    EV_REVIVED,
    EV_COUNT,
};

#define VIEWS                                                                                                          \
    [EV_SEEN_ABSENT] = REG_ABSENT, [EV_SEEN_MINE] = REG_ACTIVE, [EV_SEEN_DRAINING] = REG_DRAINING,                     \
    [EV_SEEN_FOREIGN] = REG_FOREIGN, [EV_REGISTERED] = REG_ACTIVE, [EV_REGISTERED_FOREIGN] = REG_FOREIGN,              \
    [EV_DEREGISTERED] = REG_ABSENT

/* A view or a registration says where we are whatever was before; drained and revived only move a registered node. */
static const enum registration next[REG_COUNT][EV_COUNT] = {
    [REG_UNKNOWN] = { VIEWS, [EV_DRAINED] = REG_UNKNOWN, [EV_REVIVED] = REG_UNKNOWN },
    [REG_ABSENT] = { VIEWS, [EV_DRAINED] = REG_ABSENT, [EV_REVIVED] = REG_ABSENT },
    [REG_ACTIVE] = { VIEWS, [EV_DRAINED] = REG_DRAINING, [EV_REVIVED] = REG_ACTIVE },
    [REG_DRAINING] = { VIEWS, [EV_DRAINED] = REG_DRAINING, [EV_REVIVED] = REG_ACTIVE },
    [REG_FOREIGN] = { VIEWS, [EV_DRAINED] = REG_FOREIGN, [EV_REVIVED] = REG_FOREIGN },
};

struct registrar {
    struct rpc *rpc;
    struct registrar_config config;
    void (*on_change)(void *arg, enum registration state);
    void *arg;
    enum registration state;
    uint64_t newest_block, newest_index; /* of the events that counted */
    struct view *view;
    uv_timer_t *timer;
    struct view *stake_view;
    uv_timer_t *stake_timer;
    bool stake_known;
    struct u256 stake;
};

const char *registration_name(enum registration r)
{
    static const char *const names[REG_COUNT] = { "invalid", "unknown", "absent", "active", "draining", "foreign" };
    return names[r];
}

static void step(struct registrar *r, enum reg_event event)
{
    enum registration to = next[r->state][event];
    assert(to != REG_INVALID);
    if (to == r->state)
        return;
    log_info("registration", F_STR("from", registration_name(r->state)), F_STR("to", registration_name(to)));
    if (to == REG_FOREIGN)
        log_error("registered_to_another_owner");
    r->state = to;
    r->on_change(r->arg, to);
}

static enum reg_event event_of_view(const struct registrar *r, const struct executor_info *info)
{
    if (address_is_zero(&info->owner))
        return EV_SEEN_ABSENT;
    if (!address_eq(&info->owner, &r->config.owner))
        return EV_SEEN_FOREIGN;
    return info->draining ? EV_SEEN_DRAINING : EV_SEEN_MINE;
}

/* ---- stake ---- */

static void keep_stake(struct registrar *r, const struct executor_info *info)
{
    r->stake_known = !address_is_zero(&info->owner);
    r->stake = info->stake;
}

static void ask_stake(uv_timer_t *timer);

/* Events say where the registration stands; here the view tells the stake alone. */
static void on_stake_view(void *arg, const uint8_t *data, size_t len, const struct err *error)
{
    struct registrar *r = arg;
    struct executor_info info;
    struct err e = *error;
    r->stake_view = NULL;
    if (!e.code && decode_executor_info(&info, r->config.generation, data, len, &e) == 0)
        keep_stake(r, &info);
    else
        uv_timer_start(r->stake_timer, ask_stake, STAKE_AFTER_MS, 0);
}

static void ask_stake(uv_timer_t *timer)
{
    struct registrar *r = timer->data;
    struct buf call = { 0 };
    view_cancel(r->stake_view);
    call_executors(&call, &r->config.enclave);
    r->stake_view = view_start(r->rpc, &r->config.executors, &call, on_stake_view, r);
}

static bool changes_stake(const struct registrar *r, const struct chain_event *ev)
{
    if (ev->type == EVENT_SLASHED)
        return address_eq(&ev->u.slashed.enclave, &r->config.enclave);
    return ev->type >= EVENT_EXECUTOR_REGISTERED && ev->type <= EVENT_EXECUTOR_STAKE_REMOVED &&
           address_eq(&ev->u.executor.enclave, &r->config.enclave);
}

/* Several events in a row are one question. */
static void stake_may_change(struct registrar *r, const struct chain_event *ev)
{
    if (changes_stake(r, ev))
        uv_timer_start(r->stake_timer, ask_stake, STAKE_AFTER_MS, 0);
}

bool registrar_stake(const struct registrar *r, struct u256 *stake)
{
    *stake = r->stake;
    return r->stake_known;
}

/* ---- where the registration stands ---- */

static void ask(uv_timer_t *timer);

static void on_view(void *arg, const uint8_t *data, size_t len, const struct err *error)
{
    struct registrar *r = arg;
    struct executor_info info;
    struct err e = *error;
    r->view = NULL;
    if (!e.code && decode_executor_info(&info, r->config.generation, data, len, &e) == 0) {
        keep_stake(r, &info);
        step(r, event_of_view(r, &info));
        return;
    }
    log_warn("registration_not_known", F_ERR(&e));
    uv_timer_start(r->timer, ask, ASK_AGAIN_MS, 0);
}

static void ask(uv_timer_t *timer)
{
    struct registrar *r = timer->data;
    struct buf call = { 0 };
    if (r->view)
        return;
    call_executors(&call, &r->config.enclave);
    r->view = view_start(r->rpc, &r->config.executors, &call, on_view, r);
}

static uv_timer_t *new_timer(uv_loop_t *loop, struct registrar *r)
{
    uv_timer_t *t = xcalloc(1, sizeof *t);
    uv_timer_init(loop, t);
    t->data = r;
    return t;
}

struct registrar *registrar_new(uv_loop_t *loop, struct rpc *rpc, const struct registrar_config *config,
                                void (*on_change)(void *arg, enum registration state), void *arg)
{
    struct registrar *r = xcalloc(1, sizeof *r);
    r->rpc = rpc;
    r->config = *config;
    r->on_change = on_change;
    r->arg = arg;
    r->state = REG_UNKNOWN;
    r->timer = new_timer(loop, r);
    r->stake_timer = new_timer(loop, r);
    ask(r->timer);
    return r;
}

static bool is_outdated(const struct registrar *r, const struct event_origin *origin)
{
    return origin->block_number < r->newest_block ||
           (origin->block_number == r->newest_block && origin->log_index < r->newest_index);
}

void registrar_on_event(struct registrar *r, const struct chain_event *ev, const struct event_origin *origin)
{
    static const enum reg_event events[EVENT_TYPE_COUNT] = {
        [EVENT_EXECUTOR_REGISTERED] = EV_REGISTERED,
        [EVENT_EXECUTOR_DEREGISTERED] = EV_DEREGISTERED,
        [EVENT_EXECUTOR_DRAINED] = EV_DRAINED,
        [EVENT_EXECUTOR_REVIVED] = EV_REVIVED,
    };
    stake_may_change(r, ev);
    if (events[ev->type] == EV_SEEN_ABSENT || !address_eq(&ev->u.executor.enclave, &r->config.enclave))
        return;
    if (is_outdated(r, origin))
        return;
    r->newest_block = origin->block_number;
    r->newest_index = origin->log_index;
    enum reg_event event = events[ev->type];
    if (event == EV_REGISTERED && !address_eq(&ev->u.executor.owner, &r->config.owner))
        event = EV_REGISTERED_FOREIGN;
    step(r, event);
}

void registrar_on_removed(struct registrar *r, const struct chain_event *ev)
{
    stake_may_change(r, ev);
    if (ev->type >= EVENT_EXECUTOR_REGISTERED && ev->type <= EVENT_EXECUTOR_REVIVED &&
        address_eq(&ev->u.executor.enclave, &r->config.enclave)) {
        r->newest_block = r->newest_index = 0; /* it may come again further down */
        ask(r->timer);
    }
}

enum registration registrar_state(const struct registrar *r)
{
    return r->state;
}

bool registrar_named(struct registrar *r)
{
    if (r->state == REG_ABSENT)
        ask(r->timer);
    return r->state != REG_FOREIGN;
}

static void timer_closed(uv_handle_t *h)
{
    free(h);
}

void registrar_free(struct registrar *r)
{
    if (!r)
        return;
    view_cancel(r->view);
    view_cancel(r->stake_view);
    uv_close((uv_handle_t *)r->timer, timer_closed);
    uv_close((uv_handle_t *)r->stake_timer, timer_closed);
    free(r);
}
