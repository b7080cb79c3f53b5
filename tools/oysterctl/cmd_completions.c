/* oysterctl completions: what a shell needs to complete its words, from the tables of commands and options. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "ctl.h"
#include "util/cleanup.h"

/* ---- the tables ---- */

/* The length of a command's first word. */
static size_t first_len(const struct command *c)
{
    return strcspn(c->name, " ");
}

static bool has_two_words(const struct command *c)
{
    return c->name[first_len(c)] == ' ';
}

/* Whether command i is the first whose name begins with its first word. */
static bool is_first_of_group(size_t i)
{
    const struct command *c = command_at(i);
    for (size_t j = 0; j < i; j++) {
        const struct command *other = command_at(j);
        if (first_len(other) == first_len(c) && memcmp(other->name, c->name, first_len(c)) == 0)
            return false;
    }
    return true;
}

/* The n-th option of a command's own or of the key that signs; NULL behind the last. Global ones are told once. */
static const struct option_def *own_option(const struct command *c, size_t n)
{
    size_t global = 0;
    while (options_global[global].name)
        global++;
    size_t all = 0;
    while (option_at(c, all))
        all++;
    return n < all - global ? option_at(c, n) : NULL;
}

/* Appends text for the inside of single quotes. fish escapes a quote, the others end the quoted text for it. */
static void put_quotable(struct buf *out, const char *text, bool fish)
{
    for (; *text; text++) {
        if (*text == '\'')
            buf_puts(out, fish ? "\\'" : "'\\''");
        else if (*text == '\\' && fish)
            buf_puts(out, "\\\\");
        else
            buf_push(out, (uint8_t)*text);
    }
}

/* "a|b|c" with spaces between. */
static void put_choices(struct buf *out, const char *choices)
{
    for (; *choices; choices++)
        buf_push(out, *choices == '|' ? ' ' : (uint8_t)*choices);
}

/* All names of options that are followed by a value, each once, with a space before. */
static void put_valued(struct buf *out)
{
    CLEANUP(buf_free) struct buf seen = { 0 };
    const struct command *c;
    const struct option_def *def;
    for (size_t i = 0; (c = command_at(i)); i++)
        for (size_t n = 0; (def = option_at(c, n)); n++) {
            char name[80];
            (void)snprintf(name, sizeof name, " %s ", def->name);
            if (def->kind == OPT_FLAG || strstr(buf_cstr(&seen), name))
                continue;
            buf_puts(&seen, name);
            buf_printf(out, " %s", def->name);
        }
}

enum value_source { VALUE_NONE, VALUE_FILE, VALUE_DIR, VALUE_WORDS };

static enum value_source value_source(const struct option_def *def)
{
    switch (def->kind) {
    case OPT_FILE:
        return VALUE_FILE;
    case OPT_DIR:
        return VALUE_DIR;
    case OPT_CHOICE:
        return VALUE_WORDS;
    default:
        return VALUE_NONE;
    }
}

/* What the words behind a command are. */
static enum value_source argument_source(const struct command *c)
{
    if (strstr(c->arguments, "FILE"))
        return VALUE_FILE;
    return strchr(c->arguments, '|') ? VALUE_WORDS : VALUE_NONE;
}

/* ---- bash ---- */

static void bash_values(struct buf *out, enum value_source source, const char *words)
{
    if (source == VALUE_FILE)
        buf_puts(out, "mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); compopt -o filenames 2>/dev/null");
    else if (source == VALUE_DIR)
        buf_puts(out, "mapfile -t COMPREPLY < <(compgen -d -- \"$cur\"); compopt -o filenames 2>/dev/null");
    else if (source == VALUE_WORDS) {
        buf_puts(out, "mapfile -t COMPREPLY < <(compgen -W '");
        put_choices(out, words);
        buf_puts(out, "' -- \"$cur\")");
    } else
        buf_puts(out, ":");
}

static void bash_option_values(struct buf *out, const char *command, const struct option_def *def)
{
    if (value_source(def) == VALUE_NONE)
        return;
    buf_printf(out, "        '%s:%s') ", command, def->name);
    bash_values(out, value_source(def), def->choices);
    buf_puts(out, " ;;\n");
}

static void bash_value_table(struct buf *out)
{
    const struct command *c;
    const struct option_def *def;
    buf_puts(out, "    case \"$command:$option\" in\n");
    for (size_t i = 0; (c = command_at(i)); i++)
        for (size_t n = 0; (def = own_option(c, n)); n++)
            bash_option_values(out, c->name, def);
    buf_puts(out, "    esac\n    case \"$option\" in\n");
    for (def = options_global; def->name; def++) {
        if (value_source(def) == VALUE_NONE)
            continue;
        buf_printf(out, "        %s) ", def->name);
        bash_values(out, value_source(def), def->choices);
        buf_puts(out, " ;;\n");
    }
    buf_puts(out, "    esac\n");
}

/* What may follow each command. */
static void bash_word_table(struct buf *out)
{
    const struct command *c;
    const struct option_def *def;
    for (size_t i = 0; (c = command_at(i)); i++) {
        buf_printf(out, "        '%s')\n            options+=' ", c->name);
        for (size_t n = 0; (def = own_option(c, n)); n++)
            buf_printf(out, "%s%s", n ? " " : "", def->name);
        buf_puts(out, "'\n            [[ $cur == -* ]] || { ");
        bash_values(out, argument_source(c), c->arguments);
        buf_puts(out, "; }\n            ;;\n");
    }
}

/* The words that may stand first, and behind each first word of two. */
static void bash_command_table(struct buf *out)
{
    const struct command *c;
    buf_puts(out, "        '') words='");
    for (size_t i = 0; (c = command_at(i)); i++)
        if (is_first_of_group(i))
            buf_printf(out, "%s%.*s", i ? " " : "", (int)first_len(c), c->name);
    buf_puts(out, "' ;;\n");
    for (size_t i = 0; (c = command_at(i)); i++) {
        if (!has_two_words(c) || !is_first_of_group(i))
            continue;
        buf_printf(out, "        %.*s) words='", (int)first_len(c), c->name);
        const struct command *other;
        for (size_t j = i, n = 0; (other = command_at(j)); j++)
            if (strncmp(other->name, c->name, first_len(c) + 1) == 0)
                buf_printf(out, "%s%s", n++ ? " " : "", other->name + first_len(c) + 1);
        buf_puts(out, "' ;;\n");
    }
}

static void put_bash(struct buf *out)
{
    buf_puts(out, "# bash completion of oysterctl: source it, or put it into /usr/share/bash-completion/completions\n"
                  "_oysterctl() {\n"
                  "    local cur=${COMP_WORDS[COMP_CWORD]} command='' option='' words='' i word\n"
                  "    local given=() valued='");
    put_valued(out);
    buf_puts(out, " '\n"
                  "    COMPREPLY=()\n"
                  "    [[ $cur == '=' ]] && cur=''\n"
                  "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
                  "        word=${COMP_WORDS[i]}\n"
                  "        if [[ $word != -* ]]; then\n"
                  "            given+=(\"$word\")\n"
                  "        elif [[ $valued == *\" $word \"* ]]; then\n"
                  "            option=$word\n"
                  "            [[ ${COMP_WORDS[i + 1]} == '=' ]] && ((i++))\n"
                  "            ((i++))\n"
                  "        fi\n"
                  "    done\n"
                  "    command=${given[*]:0:2}\n"
                  "    case $command in\n");
    const struct command *c;
    for (size_t i = 0; (c = command_at(i)); i++)
        if (!has_two_words(c))
            buf_printf(out, "        '%s '*) command=%s ;;\n", c->name, c->name);
    buf_puts(out, "    esac\n    if ((i > COMP_CWORD)); then\n");
    bash_value_table(out);
    buf_puts(out, "    return\n    fi\n    local options='");
    for (const struct option_def *def = options_global; def->name; def++)
        buf_printf(out, "%s ", def->name);
    buf_puts(out, "--help'\n    case $command in\n");
    bash_command_table(out);
    bash_word_table(out);
    buf_puts(out, "    esac\n"
                  "    [[ $cur == -* ]] && words=$options\n"
                  "    [[ $words ]] && mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
                  "}\n"
                  "complete -F _oysterctl oysterctl\n");
}

/* ---- zsh ---- */

static void zsh_values(struct buf *out, enum value_source source, const char *words)
{
    if (source == VALUE_FILE || source == VALUE_DIR)
        buf_puts(out, source == VALUE_FILE ? "_files" : "_files -/");
    else if (source == VALUE_WORDS) {
        buf_puts(out, "compadd -- ");
        put_choices(out, words);
    } else
        buf_puts(out, ":");
}

/* 'name:what it is', as _describe reads it. */
static void zsh_item(struct buf *out, const char *name, size_t len, const char *what)
{
    buf_printf(out, " '%.*s:", (int)len, name);
    put_quotable(out, what, false);
    buf_puts(out, "'");
}

static void zsh_commands(struct buf *out)
{
    const struct command *c, *other;
    buf_puts(out, "        '') items=(");
    for (size_t i = 0; (c = command_at(i)); i++)
        if (is_first_of_group(i))
            zsh_item(out, c->name, first_len(c), has_two_words(c) ? "see its commands" : c->summary);
    buf_puts(out, ") ;;\n");
    for (size_t i = 0; (c = command_at(i)); i++) {
        if (!has_two_words(c) || !is_first_of_group(i))
            continue;
        buf_printf(out, "        %.*s) items=(", (int)first_len(c), c->name);
        for (size_t j = i; (other = command_at(j)); j++)
            if (strncmp(other->name, c->name, first_len(c) + 1) == 0)
                zsh_item(out, other->name + first_len(c) + 1, strlen(other->name) - first_len(c) - 1, other->summary);
        buf_puts(out, ") ;;\n");
    }
}

static void zsh_options(struct buf *out)
{
    const struct command *c;
    const struct option_def *def;
    for (size_t i = 0; (c = command_at(i)); i++) {
        buf_printf(out, "        '%s')\n            options+=(", c->name);
        for (size_t n = 0; (def = own_option(c, n)); n++)
            zsh_item(out, def->name, strlen(def->name), def->help);
        buf_puts(out, ")\n            [[ $cur == -* ]] || ");
        zsh_values(out, argument_source(c), c->arguments);
        buf_puts(out, "\n            ;;\n");
    }
}

static void zsh_option_values(struct buf *out)
{
    const struct command *c;
    const struct option_def *def;
    for (size_t i = 0; (c = command_at(i)); i++)
        for (size_t n = 0; (def = own_option(c, n)); n++) {
            if (value_source(def) == VALUE_NONE)
                continue;
            buf_printf(out, "            '%s:%s') ", c->name, def->name);
            zsh_values(out, value_source(def), def->choices);
            buf_puts(out, " ;;\n");
        }
    for (def = options_global; def->name; def++) {
        if (value_source(def) == VALUE_NONE)
            continue;
        buf_printf(out, "            *:%s) ", def->name);
        zsh_values(out, value_source(def), def->choices);
        buf_puts(out, " ;;\n");
    }
}

static void put_zsh(struct buf *out)
{
    buf_puts(out, "#compdef oysterctl\n"
                  "# zsh completion of oysterctl: source it, or put it as _oysterctl into a folder of $fpath\n"
                  "_oysterctl() {\n"
                  "    local cur=${words[CURRENT]} command='' option='' word\n"
                  "    local -a given items options\n"
                  "    integer i\n"
                  "    local valued='");
    put_valued(out);
    buf_puts(out, " '\n"
                  "    for ((i = 2; i < CURRENT; i++)); do\n"
                  "        word=${words[i]}\n"
                  "        if [[ $word != -* ]]; then\n"
                  "            given+=($word)\n"
                  "        elif [[ $valued == *\" $word \"* ]]; then\n"
                  "            option=$word\n"
                  "            ((i++))\n"
                  "        fi\n"
                  "    done\n"
                  "    command=\"${given[1,2]}\"\n"
                  "    case $command in\n");
    const struct command *c;
    for (size_t i = 0; (c = command_at(i)); i++)
        if (!has_two_words(c))
            buf_printf(out, "        '%s '*) command=%s ;;\n", c->name, c->name);
    buf_puts(out, "    esac\n    if ((i > CURRENT)); then\n        case $command:$option in\n");
    zsh_option_values(out);
    buf_puts(out, "        esac\n        return\n    fi\n    options=(");
    for (const struct option_def *def = options_global; def->name; def++)
        zsh_item(out, def->name, strlen(def->name), def->help);
    buf_puts(out, " '--help:print help')\n    case $command in\n");
    zsh_commands(out);
    zsh_options(out);
    buf_puts(out, "    esac\n"
                  "    if [[ $cur == -* ]]; then\n"
                  "        _describe option options\n"
                  "    elif ((${#items})); then\n"
                  "        _describe command items\n"
                  "    fi\n"
                  "}\n"
                  "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then\n"
                  "    _oysterctl \"$@\"\n"
                  "else\n"
                  "    compdef _oysterctl oysterctl\n"
                  "fi\n");
}

/* ---- fish ---- */

static void fish_option(struct buf *out, const struct command *c, const struct option_def *def)
{
    static const char *const how[] = { [VALUE_NONE] = " -x", [VALUE_FILE] = " -r -F" };
    buf_puts(out, "complete -c oysterctl");
    if (c)
        buf_printf(out, " -n '__oysterctl_in \"%s\"'", c->name);
    buf_printf(out, " -l %s", def->name + 2);
    if (def->short_name)
        buf_printf(out, " -s %s", def->short_name + 1);
    enum value_source source = value_source(def);
    if (source == VALUE_WORDS) {
        buf_puts(out, " -x -a '");
        put_choices(out, def->choices);
        buf_puts(out, "'");
    } else if (source == VALUE_DIR) {
        buf_puts(out, " -x -a '(__fish_complete_directories)'");
    } else if (def->kind != OPT_FLAG) {
        buf_puts(out, how[source]);
    }
    buf_puts(out, " -d '");
    put_quotable(out, def->help, true);
    buf_puts(out, "'\n");
}

static void fish_word(struct buf *out, const char *before, size_t before_len, const char *word, size_t len,
                      const char *what)
{
    buf_printf(out, "complete -c oysterctl -n '__oysterctl_at \"%.*s\"' -a %.*s -d '", (int)before_len, before,
               (int)len, word);
    put_quotable(out, what, true);
    buf_puts(out, "'\n");
}

static void fish_command(struct buf *out, size_t i)
{
    const struct command *c = command_at(i);
    size_t first = first_len(c);
    const struct option_def *def;
    if (is_first_of_group(i))
        fish_word(out, "", 0, c->name, first, has_two_words(c) ? "see its commands" : c->summary);
    if (has_two_words(c))
        fish_word(out, c->name, first, c->name + first + 1, strlen(c->name) - first - 1, c->summary);
    if (argument_source(c) == VALUE_FILE)
        buf_printf(out, "complete -c oysterctl -n '__oysterctl_in \"%s\"' -F\n", c->name);
    if (argument_source(c) == VALUE_WORDS) {
        buf_printf(out, "complete -c oysterctl -n '__oysterctl_at \"%s\"' -a '", c->name);
        put_choices(out, c->arguments);
        buf_puts(out, "'\n");
    }
    for (size_t n = 0; (def = own_option(c, n)); n++)
        fish_option(out, c, def);
}

static void put_fish(struct buf *out)
{
    buf_puts(out,
             "# fish completion of oysterctl: source it, or put it into ~/.config/fish/completions/oysterctl.fish\n"
             "function __oysterctl_words\n"
             "    set -l skip 0\n"
             "    set -l valued");
    put_valued(out);
    buf_puts(out, "\n"
                  "    for word in (commandline -opc)[2..-1]\n"
                  "        if test $skip = 1\n"
                  "            set skip 0\n"
                  "        else if contains -- $word $valued\n"
                  "            set skip 1\n"
                  "        else if not string match -q -- '-*' $word\n"
                  "            echo $word\n"
                  "        end\n"
                  "    end\n"
                  "end\n"
                  "function __oysterctl_at\n"
                  "    set -l words (__oysterctl_words)\n"
                  "    test \"$words\" = \"$argv[1]\"\n"
                  "end\n"
                  "function __oysterctl_in\n"
                  "    set -l words (__oysterctl_words)\n"
                  "    string match -q -- \"$argv[1] *\" \"$words \"\n"
                  "end\n"
                  "complete -c oysterctl -f\n");
    for (size_t i = 0; command_at(i); i++)
        fish_command(out, i);
    for (const struct option_def *def = options_global; def->name; def++)
        fish_option(out, NULL, def);
    buf_puts(out, "complete -c oysterctl -l help -s h -d 'print help'\n");
}

/* ---- the command ---- */

static const struct {
    const char *shell;
    void (*put)(struct buf *out);
} shells[] = { { "bash", put_bash }, { "zsh", put_zsh }, { "fish", put_fish } };

static int run(struct ctl *c, struct err *e)
{
    CLEANUP(buf_free) struct buf text = { 0 };
    const char *shell = args_at(&c->args, 0);
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
        if (strcmp(shell, shells[i].shell) == 0)
            shells[i].put(&text);
    if (text.len == 0)
        return err_set(e, -CTL_EUSAGE, "%.40s: not a shell that is known, expected bash, zsh or fish", shell);
    if (c->json)
        out_strn(c->out, "script", (const char *)text.data, text.len);
    else if (!buf_write(&text, stdout))
        return err_sys(e, "standard output");
    return CTL_OK;
}

const struct command cmd_completions = {
    .name = "completions",
    .group = GROUP_OTHER,
    .arguments = "bash|zsh|fish",
    .min_args = 1,
    .max_args = 1,
    .summary = "print what a shell needs to complete oysterctl's words",
    .details = "bash: source <(oysterctl completions bash)\n"
               "zsh:  source <(oysterctl completions zsh), behind compinit\n"
               "fish: oysterctl completions fish | source\n",
    .run = run,
};
