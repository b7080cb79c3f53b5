/* The texts of --help, from the tables of commands and options. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "ctl.h"
#include "util/cleanup.h"

#define COLUMN 33

static void put_entry(struct buf *out, const char *left, const char *right)
{
    buf_printf(out, "  %-*s  %s\n", COLUMN, left, right);
}

static void put_option(struct buf *out, const struct option_def *def)
{
    CLEANUP(buf_free) struct buf left = { 0 };
    CLEANUP(buf_free) struct buf right = { 0 };
    buf_printf(&left, "%s%s%s%s%s", def->short_name ? def->short_name : "", def->short_name ? ", " : "", def->name,
               def->value ? " " : "", def->value ? def->value : "");
    buf_puts(&right, def->help);
    if (def->choices)
        buf_printf(&right, " (%s)", def->choices);
    put_entry(out, buf_cstr(&left), buf_cstr(&right));
}

static void put_table(struct buf *out, const char *title, const struct option_def *table)
{
    buf_printf(out, "\n%s:\n", title);
    for (; table->name; table++)
        put_option(out, table);
}

static void put_global(struct buf *out)
{
    put_table(out, "Options of every command", options_global);
    put_entry(out, "-h, --help", "print this text");
    buf_puts(out, "  Each may also stand in the environment: OYSTERCTL_RPC_URL is --rpc-url. The command line wins.\n");
}

static void put_exit_codes(struct buf *out)
{
    buf_puts(out, "\nExit codes:\n");
    for (int i = 0; i < CTL_EXIT_COUNT; i++)
        buf_printf(out, "  %d  %s\n", i, exit_meaning((enum ctl_exit)i));
}

static void put_group(struct buf *out, enum command_group group)
{
    const struct command *c;
    bool first = true;
    for (size_t i = 0; (c = command_at(i)); i++) {
        if (c->group != group)
            continue;
        CLEANUP(buf_free) struct buf left = { 0 };
        if (first)
            buf_printf(out, "\n%s:\n", command_group_title(group));
        first = false;
        buf_printf(&left, "%s%s%s", c->name, *c->arguments ? " " : "", c->arguments);
        put_entry(out, buf_cstr(&left), c->summary);
    }
}

void help_all(struct buf *out)
{
    buf_puts(out, "Usage: oysterctl [OPTIONS] COMMAND [ARGUMENTS] [OPTIONS]\n\n"
                  "Sets up, registers and watches an Oyster serverless executor, and gives it jobs.\n");
    for (int g = 0; g < GROUP_COUNT; g++)
        put_group(out, (enum command_group)g);
    buf_puts(out, "\n\"oysterctl COMMAND --help\" tells more of one.\n");
    put_global(out);
    put_exit_codes(out);
}

void help_command(struct buf *out, const struct command *command)
{
    buf_printf(out, "Usage: oysterctl %s%s%s [OPTIONS]\n\n%s.\n", command->name, *command->arguments ? " " : "",
               command->arguments, command->summary);
    if (command->details)
        buf_printf(out, "\n%s", command->details);
    if (command->options)
        put_table(out, "Options", command->options);
    if (command->signs)
        put_table(out, "The key that signs", options_signing);
    put_global(out);
    put_exit_codes(out);
}
