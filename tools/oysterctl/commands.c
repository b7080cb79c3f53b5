#include "commands.h"

#include <errno.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/nearest.h"

/* In the order of --help, one a line. */
/* clang-format off */
static const struct command *const commands[] = {
    &cmd_init,
    &cmd_doctor,
    &cmd_configure,
    &cmd_keys_new,
    &cmd_keys_import,
    &cmd_keys_show,
    &cmd_config_check,
    &cmd_config_show,
    &cmd_register,
    &cmd_status,
    &cmd_wait,
    &cmd_attestation_verify,
    &cmd_drain,
    &cmd_revive,
    &cmd_deregister,
    &cmd_stake_add,
    &cmd_stake_remove,
    &cmd_exec,
    &cmd_code_deploy,
    &cmd_job_create,
    &cmd_jobs_list,
    &cmd_jobs_show,
    &cmd_completions,
    &cmd_version,
};
/* clang-format on */
#define N_COMMANDS (sizeof commands / sizeof *commands)

const struct command *command_at(size_t i)
{
    return i < N_COMMANDS ? commands[i] : NULL;
}

static const char *command_name(size_t i)
{
    return i < N_COMMANDS ? commands[i]->name : NULL;
}

/* Whether name is exactly the first one or two words; *used says which. */
static bool names_match(size_t *used, const char *name, const char *const *words, size_t n)
{
    const char *space = strchr(name, ' ');
    size_t first = space ? (size_t)(space - name) : strlen(name);
    *used = space ? 2 : 1;
    if (n < *used || strlen(words[0]) != first || memcmp(name, words[0], first) != 0)
        return false;
    return !space || strcmp(space + 1, words[1]) == 0;
}

/* "the first of two words" is a group such as stake: what may follow it is listed. */
static int fail_half(const char *word, struct err *e)
{
    CLEANUP(buf_free) struct buf all = { 0 };
    size_t len = strlen(word);
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strncmp(commands[i]->name, word, len) == 0 && commands[i]->name[len] == ' ')
            buf_printf(&all, "%s%s", all.len ? ", " : "", commands[i]->name);
    return all.len ? err_set(e, -EINVAL, "%.60s: half a command, expected one of: %s", word, buf_cstr(&all)) : 0;
}

const struct command *command_find(size_t *used, const char *const *words, size_t n, struct err *e)
{
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (names_match(used, commands[i]->name, words, n))
            return commands[i];
    if (n == 1 && fail_half(words[0], e) < 0)
        return NULL;
    CLEANUP(buf_free) struct buf both = { 0 };
    buf_puts(&both, words[0]);
    if (n > 1)
        buf_printf(&both, " %s", words[1]);
    const char *nearest = nearest_word(words[0], command_name);
    const char *nearest_both = nearest_word(buf_cstr(&both), command_name);
    if (edit_distance(buf_cstr(&both), nearest_both) < edit_distance(words[0], nearest))
        nearest = nearest_both;
    (void)err_set(e, -EINVAL, "%.60s: unknown command, the nearest known one is \"%s\" (see oysterctl --help)",
                  words[0], nearest);
    return NULL;
}

const char *command_group_title(enum command_group g)
{
    static const char *const titles[GROUP_COUNT] = {
        [GROUP_SETUP] = "Setting up a node",
        [GROUP_EXECUTOR] = "The executor on the chain",
        [GROUP_JOBS] = "Jobs and their code",
        [GROUP_OTHER] = "Others",
    };
    return titles[g];
}

const char *exit_meaning(enum ctl_exit code)
{
    static const char *const meanings[CTL_EXIT_COUNT] = {
        [CTL_OK] = "done",
        [CTL_FAILED] = "failed: one line on stderr says why",
        [CTL_USAGE] = "bad command line",
        [CTL_REFUSED] = "not confirmed: refused at the prompt, or no terminal to ask at and no --yes; nothing was sent",
        [CTL_REVERTED] = "a contract refused the transaction",
        [CTL_TIMEOUT] = "the time to wait was over first",
        [CTL_CHECK_FAILED] = "a check failed (doctor, attestation verify)",
    };
    return meanings[code];
}
