/* An HTTP client for tests that says exactly the bytes it is told, on a thread of its own, so that the server runs on
 * the test's loop. */
#ifndef TESTS_UNIT_API_CLIENT_H
#define TESTS_UNIT_API_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

/* One connection to 127.0.0.1: sends the request, then reads to the end of the stream. */
struct client {
    uv_work_t work;
    uint16_t port;
    char *request; /* owned */
    size_t len;
    bool leave; /* closes the connection at once instead of reading */
    bool finished;
    char *response; /* NUL behind it */
    size_t response_len;
};

/* Starts on the loop; request is copied. End it with client_wait and client_end. */
void client_start(struct client *c, uv_loop_t *loop, uint16_t port, const void *request, size_t len);

/* Runs the loop until the client has finished. Returns the response ("" when there was none). */
const char *client_wait(struct client *c, uv_loop_t *loop);

/* Releases the strings of a finished client. */
void client_end(struct client *c);

/* Status of the first response, 0 = none; the text behind its header. */
int client_status(const struct client *c);
const char *client_body(const struct client *c);

/* Runs the loop until *flag is true; fails the test after 20 s. */
void run_until(uv_loop_t *loop, const bool *flag);

#endif
