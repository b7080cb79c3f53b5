/* All commands of oysterctl. */
#ifndef OYSTERCTL_COMMANDS_H
#define OYSTERCTL_COMMANDS_H

#include "command.h"
#include "util/buf.h"

extern const struct command cmd_attestation_verify;
extern const struct command cmd_completions;
extern const struct command cmd_config_check;
extern const struct command cmd_config_show;
extern const struct command cmd_configure;
extern const struct command cmd_doctor;
extern const struct command cmd_exec;
extern const struct command cmd_init;
extern const struct command cmd_keys_new;
extern const struct command cmd_keys_import;
extern const struct command cmd_keys_show;
extern const struct command cmd_register;
extern const struct command cmd_drain;
extern const struct command cmd_revive;
extern const struct command cmd_deregister;
extern const struct command cmd_stake_add;
extern const struct command cmd_stake_remove;
extern const struct command cmd_code_deploy;
extern const struct command cmd_job_create;
extern const struct command cmd_jobs_list;
extern const struct command cmd_jobs_show;
extern const struct command cmd_status;
extern const struct command cmd_wait;
extern const struct command cmd_version;

/* The i-th command, NULL behind the last. */
const struct command *command_at(size_t i);

/* The command whose name are the first words of words (n of them); *used: how many these are. NULL where there is none,
 * with the nearest name in e. */
const struct command *command_find(size_t *used, const char *const *words, size_t n, struct err *e);

/* Heading of a group in --help. */
const char *command_group_title(enum command_group g);

/* What an exit code means, for --help and documents. */
const char *exit_meaning(enum ctl_exit code);

#endif
