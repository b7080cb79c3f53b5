/* The checks before the start, on real files. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/preflight.h"

struct fixture {
    char dir[64], signer[96], workerd[96], no_layers[1];
    struct config config;
};

static void put_file(const char *path, const void *data, size_t len, mode_t mode)
{
    (void)unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, mode);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, len), (ssize_t)len);
    assert_int_equal(fchmod(fd, mode), 0);
    (void)close(fd);
}

static int set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    uint8_t secret[32] = { [31] = 1 };
    (void)strcpy(f->dir, "/tmp/preflight_test_XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    (void)snprintf(f->signer, sizeof f->signer, "%s/id.sec", f->dir);
    (void)snprintf(f->workerd, sizeof f->workerd, "%s/workerd", f->dir);
    put_file(f->signer, secret, sizeof secret, 0600);
    put_file(f->workerd, "x", 1, 0755);
    f->config = (struct config){ .enclave_signer_file = f->signer,
                                 .workerd_runtime_path = f->dir,
                                 .sandbox_allow_degraded = f->no_layers };
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    (void)unlink(f->signer);
    (void)unlink(f->workerd);
    (void)rmdir(f->workerd);
    (void)rmdir(f->dir);
    free(f);
    return 0;
}

/* The message begins with begin and holds part. */
static void refuses(struct fixture *f, const char *begin, const char *path, const char *part)
{
    struct seckey key;
    struct err e = { 0 };
    char start[200];
    assert_true(preflight_check(&key, &f->config, &e) < 0);
    (void)snprintf(start, sizeof start, "%s: %s", begin, path);
    if (strncmp(e.msg, start, strlen(start)) != 0 || !strstr(e.msg, part) || strchr(e.msg, '\n'))
        fail_msg("found \"%s\"", e.msg);
}

static void all_there(void **state)
{
    struct fixture *f = *state;
    struct seckey key;
    struct err e = { 0 };
    char text[ADDRESS_TEXT_MAX];
    assert_int_equal(preflight_check(&key, &f->config, &e), 0);
    assert_string_equal(address_lower(text, &key.address), "0x7e5f4552091a69125d5dfcb7b8c2659029395bdf");
    seckey_wipe(&key);
}

static void signer(void **state)
{
    struct fixture *f = *state;
    uint8_t bytes[33] = { 0 };
    put_file(f->signer, bytes, 31, 0600);
    refuses(f, "key enclave_signer_file", f->signer, "31");
    put_file(f->signer, bytes, 33, 0600);
    refuses(f, "key enclave_signer_file", f->signer, "32");
    put_file(f->signer, bytes, 32, 0600);
    refuses(f, "key enclave_signer_file", f->signer, "not a secp256k1 secret key");
    (void)unlink(f->signer);
    refuses(f, "key enclave_signer_file", f->signer, "No such file");
}

static void workerd(void **state)
{
    struct fixture *f = *state;
    put_file(f->workerd, "", 0, 0755);
    refuses(f, "key workerd_runtime_path", f->workerd, "empty, expected the workerd program");
    put_file(f->workerd, "x", 1, 0644);
    refuses(f, "key workerd_runtime_path", f->workerd, "not executable");
    (void)unlink(f->workerd);
    refuses(f, "key workerd_runtime_path", f->workerd, "No such file or directory, expected the workerd program");
    assert_int_equal(mkdir(f->workerd, 0700), 0);
    refuses(f, "key workerd_runtime_path", f->workerd, "not a regular file");
    f->config.workerd_runtime_path = f->signer;
    refuses(f, "key workerd_runtime_path", f->signer, "not a folder");
    f->config.workerd_runtime_path = (char[]){ "/nonexistent" };
    refuses(f, "key workerd_runtime_path", "/nonexistent", "No such file or directory, expected a folder");
}

static void layers(void **state)
{
    struct fixture *f = *state;
    char known[] = "userns,seccomp", unknown[] = "userns,secomp";
    struct seckey key;
    struct err e = { 0 };
    f->config.sandbox_allow_degraded = known;
    assert_int_equal(preflight_check(&key, &f->config, &e), 0);
    seckey_wipe(&key);
    f->config.sandbox_allow_degraded = unknown;
    refuses(f, "key sandbox_allow_degraded", "\"secomp\"", "seccomp");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(signer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(workerd, set_up, tear_down),
        cmocka_unit_test_setup_teardown(layers, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
