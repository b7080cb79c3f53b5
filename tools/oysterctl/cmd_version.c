#include "commands.h"
#include "ctl.h"

static int run(struct ctl *c, struct err *e)
{
    (void)e;
    out_str(c->out, "program", "oysterctl");
    out_hide(c->out);
    out_str(c->out, "version", OYSTER_VERSION);
    out_hide(c->out);
    out_note(c->out, "oysterctl %s", OYSTER_VERSION);
    return CTL_OK;
}

const struct command cmd_version = {
    .name = "version",
    .group = GROUP_OTHER,
    .arguments = "",
    .summary = "print the version",
    .run = run,
};
