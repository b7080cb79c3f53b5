/* The supervisor with real programs: order, restarts, orphans, signals, giving up. It runs in a child of ours that is
 * made the reaper of all below it, as the first process of a machine is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "supervisor.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/log.h"

#define PATIENCE_MS 60000

struct world {
    char dir[64], script[96], notes[96];
    pid_t pid;
    struct buf text;
};

/* Every program is this script: it notes what happens, by the name that it gets, in one file. It fails after another
 * has started. */
static const char script_text[] =
    "note() { echo \"$1 $2\" >>\"$NOTES\"; }\n"
    "NOTES=$1 NAME=$2 WHAT=$3\n"
    "trap 'note $NAME term; exit 0' TERM\n"
    "trap 'note $NAME hup' HUP\n"
    "note $NAME started\n"
    "case $WHAT in\n"
    "stay) while :; do sleep 0.05; done ;;\n"
    "fail) until [ \"$(grep -c started $NOTES)\" -ge 2 ]; do sleep 0.01; done; exit 3 ;;\n"
    "slow) sleep 0.3; note $NAME ended ;;\n"
    "orphan) (sleep 0.2; note $NAME grown) & exit 0 ;;\n"
    "twice) [ \"$(grep -c \"^$NAME started\" $NOTES)\" -lt 3 ] && kill -KILL $$\n"
    "    while :; do sleep 0.05; done ;;\n"
    "esac\n";

static int setup(void **state)
{
    struct world *w = xcalloc(1, sizeof *w);
    (void)snprintf(w->dir, sizeof w->dir, "/tmp/oyster-init-test-%d", (int)getpid());
    (void)snprintf(w->script, sizeof w->script, "%s/script", w->dir);
    (void)snprintf(w->notes, sizeof w->notes, "%s/notes", w->dir);
    *state = w;
    char command[256];
    (void)snprintf(command, sizeof command, "mkdir -p %s && : >%s", w->dir, w->notes);
    if (system(command) != 0)
        return -1;
    FILE *f = fopen(w->script, "we");
    return f && fputs(script_text, f) >= 0 && fclose(f) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
    struct world *w = *state;
    char command[128];
    if (w->pid > 0) { /* a test has failed: its programs are to end as well */
        (void)kill(w->pid, SIGTERM);
        (void)waitpid(w->pid, NULL, 0);
    }
    (void)snprintf(command, sizeof command, "rm -rf %s", w->dir);
    int rc = system(command);
    buf_free(&w->text);
    free(w);
    return rc;
}

/* Status of the child: 0 told to stop, 1 gave up, 2 left a process behind. */
static void run_child(const char *text)
{
    struct table t;
    struct err e = { 0 };
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    log_init(LOG_FORMAT_LOGFMT, LOG_ERROR);
    if (table_parse(&t, "table", text, strlen(text), &e) < 0)
        _exit(9);
    int rc = supervisor_run(&t, &e);
    table_free(&t);
    if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD)
        _exit(2);
    _exit(rc < 0 ? 1 : 0);
}

/* lines: "once|keep NAME WHAT", several with '\n' between. */
static void begin(struct world *w, const char *lines)
{
    struct buf text = { 0 };
    char copy[512], *save, kind[8], name[16], what[16];
    (void)snprintf(copy, sizeof copy, "%s", lines);
    for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        assert_int_equal(sscanf(line, "%7s %15s %15s", kind, name, what), 3);
        buf_printf(&text, "%s %s /bin/sh %s %s %s %s\n", kind, name, w->script, w->notes, name, what);
    }
    w->pid = fork();
    if (w->pid == 0)
        run_child(buf_cstr(&text));
    buf_free(&text);
}

static const char *notes(struct world *w)
{
    char bytes[4096];
    FILE *f = fopen(w->notes, "re");
    buf_reset(&w->text);
    for (size_t n; f && (n = fread(bytes, 1, sizeof bytes, f)) > 0;)
        buf_append(&w->text, bytes, n);
    if (f)
        (void)fclose(f);
    return buf_cstr(&w->text);
}

static unsigned count(struct world *w, const char *note)
{
    unsigned n = 0;
    for (const char *at = notes(w); (at = strstr(at, note)); at++)
        n++;
    return n;
}

static void pause_ms(unsigned ms)
{
    const struct timespec t = { ms / 1000, (long)(ms % 1000) * 1000000 };
    (void)nanosleep(&t, NULL);
}

static void wait_note(struct world *w, const char *note, unsigned times)
{
    for (uint64_t until = clock_mono_ms() + PATIENCE_MS; count(w, note) < times; pause_ms(10))
        if (clock_mono_ms() > until)
            fail_msg("waited in vain for \"%s\" %u times in:\n%s", note, times, notes(w));
}

static int end_of(struct world *w)
{
    int status = -1;
    for (uint64_t until = clock_mono_ms() + PATIENCE_MS; waitpid(w->pid, &status, WNOHANG) == 0; pause_ms(10))
        if (clock_mono_ms() > until)
            fail_msg("the supervisor does not end:\n%s", notes(w));
    w->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_starts_in_order_and_stops_in_reverse(void **state)
{
    struct world *w = *state;
    begin(w, "once a slow\nkeep b stay\nkeep c stay");
    wait_note(w, "b started", 1);
    wait_note(w, "c started", 1);
    const char *text = notes(w);
    assert_true(strstr(text, "a ended") < strstr(text, "b started"));
    (void)kill(w->pid, SIGTERM);
    assert_int_equal(end_of(w), 0);
    text = notes(w);
    assert_non_null(strstr(text, "b term"));
    assert_true(strstr(text, "c term") < strstr(text, "b term"));
}

static void test_starts_again_what_died(void **state)
{
    struct world *w = *state;
    begin(w, "keep a twice\nkeep b stay");
    wait_note(w, "a started", 3);
    wait_note(w, "b started", 1);
    (void)kill(w->pid, SIGINT);
    assert_int_equal(end_of(w), 0);
    assert_int_equal(count(w, "a started"), 3);
    assert_int_equal(count(w, "b started"), 1);
}

static void test_gives_up_when_a_first_step_fails(void **state)
{
    struct world *w = *state;
    begin(w, "keep a stay\nonce b fail\nkeep c stay");
    assert_int_equal(end_of(w), 1);
    assert_int_equal(count(w, "c started"), 0);
    assert_int_equal(count(w, "a started"), 1);
    assert_int_equal(count(w, "a term"), 1);
}

static void test_reaps_orphans(void **state)
{
    struct world *w = *state;
    begin(w, "once a orphan\nkeep b stay");
    wait_note(w, "a grown", 1);
    pause_ms(50);
    (void)kill(w->pid, SIGTERM);
    assert_int_equal(end_of(w), 0); /* 2 where a child was left */
}

static void test_hands_signals_on(void **state)
{
    struct world *w = *state;
    begin(w, "once a slow\nkeep b stay\nkeep c stay");
    wait_note(w, "c started", 1);
    wait_note(w, "b started", 1);
    (void)kill(w->pid, SIGHUP);
    wait_note(w, "b hup", 1);
    wait_note(w, "c hup", 1);
    (void)kill(w->pid, SIGTERM);
    assert_int_equal(end_of(w), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_starts_in_order_and_stops_in_reverse, setup, teardown),
        cmocka_unit_test_setup_teardown(test_starts_again_what_died, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gives_up_when_a_first_step_fails, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reaps_orphans, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hands_signals_on, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
