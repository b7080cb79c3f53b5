/* A real EVM for tests: an anvil process on a free port of 127.0.0.1, and blocking JSON-RPC for setting things up.
 * Trouble of the helper itself ends the test program with a message; the process dies with the test program. */
#ifndef OYSTER_TESTS_CHAIN_ANVIL_H
#define OYSTER_TESTS_CHAIN_ANVIL_H

#include <stdint.h>

#include "util/json.h"

struct anvil;

/* The first dev account's key and address: 10,000 ether, unlocked for eth_sendTransaction. */
#define ANVIL_KEY_0 "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
#define ANVIL_ADDRESS_0 "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
#define ANVIL_CHAIN_ID 31337

/* Starts anvil with extra arguments (NULL-terminated list, or NULL) and waits until it answers. The port is chosen by
 * the kernel unless the arguments hold "--port": so one that was stopped can come back where it was.
 * Run from the project's root (node_modules). */
struct anvil *anvil_start(const char *const *args);

/* Ends the process and reaps it. NULL allowed. */
void anvil_stop(struct anvil *a);

uint16_t anvil_port(const struct anvil *a);
const char *anvil_http_url(const struct anvil *a); /* http://127.0.0.1:PORT */
const char *anvil_ws_url(const struct anvil *a);   /* ws://127.0.0.1:PORT */

/* Stops / continues the process by signal: a node that is there and says nothing. */
void anvil_pause(struct anvil *a);
void anvil_resume(struct anvil *a);

/* One call; params is a printf format that yields the JSON text of the array: anvil_rpc(a, "anvil_mine", "[%d]", 3).
 * Returns the result (json_free). An error object ends the test program; anvil_try_rpc returns NULL for it. */
struct json *anvil_rpc(const struct anvil *a, const char *method, const char *params, ...)
    __attribute__((format(printf, 3, 4)));
struct json *anvil_try_rpc(const struct anvil *a, const char *method, const char *params, ...)
    __attribute__((format(printf, 3, 4)));

/* The same with the result thrown away / read as a hex quantity. */
void anvil_do(const struct anvil *a, const char *method, const char *params, ...) __attribute__((format(printf, 3, 4)));
uint64_t anvil_quantity(const struct anvil *a, const char *method, const char *params, ...)
    __attribute__((format(printf, 3, 4)));

/* Mines n blocks. */
void anvil_mine(const struct anvil *a, uint64_t n);

#endif
