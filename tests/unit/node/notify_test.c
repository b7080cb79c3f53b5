/* What the service manager hears, on a socket as it makes one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/notify.h"

static int listen_at(const char *name, socklen_t *len, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    memcpy(address->sun_path, name, strlen(name));
    *len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name) + (name[0] == '/'));
    if (name[0] == '@')
        address->sun_path[0] = 0;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)address, *len), 0);
    return fd;
}

static void hears(int fd, const char *expected)
{
    char text[600];
    ssize_t n = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);
    assert_true(n >= 0);
    text[n] = 0;
    assert_string_equal(text, expected);
}

static void says_it_at(const char *name)
{
    struct sockaddr_un address;
    socklen_t len;
    struct notify n;
    int fd = listen_at(name, &len, &address);
    assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
    assert_int_equal(setenv("WATCHDOG_USEC", "3000000", 1), 0);
    notify_open(&n);
    assert_null(getenv("NOTIFY_SOCKET"));
    assert_null(getenv("WATCHDOG_USEC"));
    assert_int_equal(n.watchdog_us, 3000000);
    notify_send(&n, "READY=1\n");
    notify_send(&n, "STATUS=%s, %d jobs\n", "active", 3);
    hears(fd, "READY=1\n");
    hears(fd, "STATUS=active, 3 jobs\n");
    notify_close(&n);
    (void)close(fd);
}

static void a_path(void **state)
{
    (void)state;
    char dir[] = "/tmp/notify_test_XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/socket", dir);
    says_it_at(path);
    (void)unlink(path);
    (void)rmdir(dir);
}

static void an_abstract_name(void **state)
{
    (void)state;
    char name[64];
    (void)snprintf(name, sizeof name, "@oyster-notify-test-%ld", (long)getpid());
    says_it_at(name);
}

static void nobody_listens(void **state)
{
    (void)state;
    struct notify n;
    notify_open(&n);
    assert_int_equal(n.fd, -1);
    notify_send(&n, "READY=1\n");
    static const char *const bad[] = { "/nonexistent/socket", "relative", "@", "vsock:2:1", "" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(setenv("NOTIFY_SOCKET", bad[i], 1), 0);
        notify_open(&n);
        assert_int_equal(n.fd, -1);
        notify_send(&n, "READY=1\n");
        notify_close(&n);
    }
}

/* A manager that does not read stops nothing. */
static void a_full_socket(void **state)
{
    (void)state;
    struct sockaddr_un address;
    socklen_t len;
    struct notify n;
    char name[64];
    (void)snprintf(name, sizeof name, "@oyster-notify-full-%ld", (long)getpid());
    int fd = listen_at(name, &len, &address);
    assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
    notify_open(&n);
    for (int i = 0; i < 10000; i++)
        notify_send(&n, "STATUS=%d\n", i);
    notify_close(&n);
    (void)close(fd);
}

static void a_watchdog_of_another(void **state)
{
    (void)state;
    struct sockaddr_un address;
    socklen_t len;
    struct notify n;
    char name[64];
    (void)snprintf(name, sizeof name, "@oyster-notify-pid-%ld", (long)getpid());
    int fd = listen_at(name, &len, &address);
    assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
    assert_int_equal(setenv("WATCHDOG_USEC", "3000000", 1), 0);
    assert_int_equal(setenv("WATCHDOG_PID", "1", 1), 0);
    notify_open(&n);
    assert_int_equal(n.watchdog_us, 0);
    notify_close(&n);
    (void)close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path),        cmocka_unit_test(an_abstract_name),      cmocka_unit_test(nobody_listens),
        cmocka_unit_test(a_full_socket), cmocka_unit_test(a_watchdog_of_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
