/* code deploy: a JavaScript file as calldata to the code contract; jobs name it by the transaction's hash. */
#include <errno.h>
#include <string.h>

#include "chain.h"
#include "code_file.h"
#include "commands.h"
#include "ctl.h"
#include "send.h"
#include "signer.h"
#include "util/cleanup.h"
#include "util/hex.h"

static int run(struct ctl *c, struct err *e)
{
    CLEANUP(seckey_wipe) struct seckey key = { 0 };
    uint8_t hash[32];
    int rc = signer_load(&key, c, e);
    if (rc == 0)
        rc = code_deploy(hash, c, &key, args_at(&c->args, 0), e);
    if (rc || c->dry_run)
        return rc;
    out_hex(c->out, "code", hash, sizeof hash);
    return CTL_OK;
}

const struct command cmd_code_deploy = {
    .name = "code deploy",
    .group = GROUP_JOBS,
    .arguments = "FILE",
    .min_args = 1,
    .max_args = 1,
    .summary = "put a job's code on the chain; prints the transaction hash that jobs name",
    .details = "FILE is an ES module whose default export has fetch(request); \"-\" is standard input.\n",
    .signs = true,
    .run = run,
};
