/* Whole files: bounds, what stays when writing fails, nothing left beside. */
#include "util/file.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct place {
    char dir[64], path[96];
};

static int set_up(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    assert_non_null(p);
    (void)snprintf(p->dir, sizeof p->dir, "/tmp/oyster-file-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    (void)snprintf(p->path, sizeof p->path, "%s/file", p->dir);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    struct place *p = *state;
    (void)unlink(p->path);
    assert_int_equal(rmdir(p->dir), 0); /* nothing else is left there */
    free(p);
    return 0;
}

static void assert_content(const char *path, const char *text)
{
    struct buf b = { 0 };
    assert_int_equal(file_read(&b, path, 1000, NULL), 0);
    assert_string_equal(buf_cstr(&b), text);
    buf_free(&b);
}

static void written_and_read(void **state)
{
    struct place *p = *state;
    struct stat st;
    assert_int_equal(file_replace(p->path, "one", 3, 0640, NULL), 0);
    assert_content(p->path, "one");
    assert_int_equal(file_replace(p->path, "", 0, 0600, NULL), 0);
    assert_content(p->path, "");
    assert_int_equal(stat(p->path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void the_bound_counts(void **state)
{
    struct place *p = *state;
    struct buf b = { 0 };
    struct err e = { 0 };
    assert_int_equal(file_replace(p->path, "0123456789", 10, 0600, NULL), 0);
    buf_puts(&b, "before ");
    assert_int_equal(file_read(&b, p->path, 10, NULL), 0);
    assert_string_equal(buf_cstr(&b), "before 0123456789");
    assert_int_equal(file_read(&b, p->path, 9, &e), -EFBIG);
    assert_non_null(strstr(e.msg, p->path));
    buf_free(&b);
}

static void large_files_and_pipes(void **state)
{
    struct place *p = *state;
    size_t len = 300000;
    char *data = malloc(len);
    struct buf b = { 0 };
    assert_non_null(data);
    memset(data, 'x', len);
    assert_int_equal(file_replace(p->path, data, len, 0600, NULL), 0);
    assert_int_equal(file_read(&b, p->path, len, NULL), 0);
    assert_int_equal(b.len, len);
    assert_memory_equal(b.data, data, len);
    assert_int_equal(file_read(&b, "/dev/zero", 100000, NULL), -EFBIG);
    free(data);
    buf_free(&b);
}

static void failures_name_the_path(void **state)
{
    struct place *p = *state;
    struct buf b = { 0 };
    struct err e = { 0 }, f = { 0 };
    char below[128];
    assert_int_equal(file_read(&b, p->path, 10, &e), -ENOENT);
    assert_non_null(strstr(e.msg, p->path));
    (void)snprintf(below, sizeof below, "%s/none/file", p->dir);
    assert_int_equal(file_replace(below, "x", 1, 0600, &f), -ENOENT);
    assert_non_null(strstr(f.msg, below));
    buf_free(&b);
}

/* A folder cannot be replaced by a file: it stays, and so does its place. */
static void what_was_there_stays(void **state)
{
    struct place *p = *state;
    struct err e = { 0 };
    assert_int_equal(mkdir(p->path, 0700), 0);
    assert_true(file_replace(p->path, "x", 1, 0600, &e) < 0);
    assert_int_equal(rmdir(p->path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(written_and_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_bound_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(large_files_and_pipes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failures_name_the_path, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_there_stays, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
