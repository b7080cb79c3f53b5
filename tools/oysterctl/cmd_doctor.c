/* doctor: is this machine, with this configuration, fit for a node? */
#include <stdarg.h>
#include <stdio.h>

#include "commands.h"
#include "doctor.h"
#include "node_api.h"
#include "util/cleanup.h"

void report_add(struct report *r, enum verdict v, const char *check, const char *advice, const char *fmt, ...)
{
    static const char *const words[VERDICT_COUNT] = { "OK", "WARN", "FAIL" };
    char detail[1024];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(detail, sizeof detail, fmt, ap);
    va_end(ap);
    r->count[v]++;
    out_object(r->c->out, NULL);
    out_str(r->c->out, "status", words[v]);
    out_str(r->c->out, "check", check);
    out_str(r->c->out, "detail", detail);
    out_str(r->c->out, "advice", *advice ? advice : NULL);
    out_end(r->c->out);
    buf_printf(&r->lines, "%-4s  %-22s  %s\n", words[v], check, detail);
    if (*advice)
        buf_printf(&r->lines, "%-4s  %-22s  -> %s\n", "", "", advice);
    ctl_progress(r->c, "%s: %s", check, words[v]);
}

/* The settings as the node would read them; defaults where it could not. Returns whether it could. */
static bool read_config(struct report *r, struct config *own, const struct config **config)
{
    struct err e = { 0 };
    if (ctl_config(config, r->c, &e) == 0 && *config) {
        report_add(r, VERDICT_OK, "configuration", "", "%s", (*config)->file);
        return true;
    }
    report_add(r, VERDICT_FAIL, "configuration", "oysterctl init writes one; --config-file names it", "%s",
               e.code ? e.msg : "no --config-file was named");
    config_defaults(own);
    *config = own;
    return false;
}

static void check_node(struct report *r, const struct config *config, const struct node_details *node, bool runs,
                       bool chain_known)
{
    if (!runs)
        report_add(r, VERDICT_OK, "node", "", "does not run at %s: its owner and gas key were not looked at",
                   ctl_node_url(r->c));
    else if (address_is_zero(&node->owner) || address_is_zero(&node->gas))
        report_add(r, VERDICT_WARN, "node", "oysterctl configure gives it both", "has no %s yet",
                   address_is_zero(&node->owner) ? "owner" : "gas key");
    else
        report_add(r, VERDICT_OK, "node", "", "runs at %s, with owner and gas key", ctl_node_url(r->c));
    if (runs && chain_known && !address_is_zero(&node->gas))
        doctor_gas(r, config, &node->gas);
}

static int run(struct ctl *c, struct err *e)
{
    struct report r = { .c = c };
    struct node_details node;
    const struct config *config;
    CLEANUP(config_free) struct config own = { 0 };
    struct err why = { 0 }; /* a node that does not answer is no failure */
    (void)e;
    out_array(c->out, "checks");
    bool configured = read_config(&r, &own, &config);
    bool runs = node_details(&node, c, &why) == 0;
    doctor_machine(&r, config, configured);
    if (configured) {
        doctor_places(&r, config, runs);
        check_node(&r, config, &node, runs, doctor_chain(&r, config));
    }
    out_end(c->out);
    out_hide(c->out);
    out_text(c->out, buf_cstr(&r.lines));
    out_u64(c->out, "ok", r.count[VERDICT_OK]);
    out_u64(c->out, "warn", r.count[VERDICT_WARN]);
    out_u64(c->out, "fail", r.count[VERDICT_FAIL]);
    buf_free(&r.lines);
    return r.count[VERDICT_FAIL] ? CTL_CHECK_FAILED : CTL_OK;
}

const struct command cmd_doctor = {
    .name = "doctor",
    .group = GROUP_SETUP,
    .arguments = "",
    .summary = "check machine, configuration and chain, and say what to do",
    .details =
        "Each line is OK, WARN or FAIL. A worker is really started, endpoints are really asked, contracts are\n"
        "compared with the configuration. Run it as the user that the node runs as, beside the node or before it\n"
        "is started. Ends with 6 where a line is FAIL.\n",
    .run = run,
};
