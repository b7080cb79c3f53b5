/* The settings of the node as it would read them: of its file and of this environment. */
#include "commands.h"
#include "ctl.h"
#include "node/preflight.h"
#include "util/cleanup.h"

static int load(struct config *out, const struct ctl *c, struct err *e)
{
    struct config_sources from = { .file = args_get(&c->args, "--config-file"), .environment = environ };
    return config_load(out, &from, e);
}

static int run_show(struct ctl *c, struct err *e)
{
    CLEANUP(config_free) struct config config = { 0 };
    struct buf value = { 0 }, origin = { 0 };
    const char *name;
    if (load(&config, c, e) < 0)
        return e->code;
    for (size_t i = 0; config_setting(i, &config, &name, &value, &origin); i++) {
        out_object(c->out, name);
        out_hide(c->out);
        if (value.len)
            out_both(c->out, "value", buf_cstr(&value), buf_cstr(&value));
        out_str(c->out, "origin", buf_cstr(&origin));
        out_end(c->out);
        out_note(c->out, "%-24s %s  (%s)", name, value.len ? buf_cstr(&value) : "absent", buf_cstr(&origin));
        buf_reset(&value);
        buf_reset(&origin);
    }
    buf_free(&value);
    buf_free(&origin);
    return CTL_OK;
}

static int run_check(struct ctl *c, struct err *e)
{
    CLEANUP(config_free) struct config config = { 0 };
    CLEANUP(seckey_wipe) struct seckey key = { 0 };
    if (load(&config, c, e) < 0 || preflight_check(&key, &config, e) < 0)
        return e->code;
    out_str(c->out, "file", config.file);
    out_hide(c->out);
    out_bool(c->out, "ok", true);
    out_hide(c->out);
    out_note(c->out, "%s: ok", config.file);
    return CTL_OK;
}

const struct command cmd_config_show = {
    .name = "config show",
    .group = GROUP_SETUP,
    .arguments = "",
    .summary = "print the node's settings in effect and where each comes from",
    .details =
        "Reads the file and the variables OYSTER_EXECUTOR_... as the node does. Credentials, paths and queries of\n"
        "URLs are left out.\n",
    .run = run_show,
};

const struct command cmd_config_check = {
    .name = "config check",
    .group = GROUP_SETUP,
    .arguments = "",
    .summary = "check the node's settings and the files that they name",
    .details = "Says in one line what is wrong. Nothing is started and no endpoint is asked: see doctor for that.\n",
    .run = run_check,
};
