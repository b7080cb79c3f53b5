/* What the first process does before it starts programs, step by step. Each function returns 0, or a negative errno
 * with e set; init.c says which of them the image can do without. */
#ifndef OYSTER_INIT_BOOT_H
#define OYSTER_INIT_BOOT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/err.h"

/* Makes the file system of the initramfs, which has no mount of its own that could be left or pivoted from, a mount on
 * top of itself, read-only, and that our root. The sandbox of workers needs such a root: nobody gets a user namespace
 * whose root is not that of its mount namespace. */
int boot_root(struct err *e);

/* proc, sys, dev, dev/pts, dev/shm, the cgroups of version 2, and the folders that may be written to, all of them
 * memory and none with programs: run, tmp, var. */
int boot_mounts(struct err *e);

/* Standard input, output and error: the console. */
int boot_console(struct err *e);

/* Gives all controllers there are to the groups below the root. Says so where cpu, memory or pids is not among them. */
int boot_cgroups(struct err *e);

/* Loads every kernel module of a folder, in the order of their names; no folder, no modules. A device that is not there
 * (ENODEV) and a module that is in already are no failures. */
int boot_modules(const char *dir, struct err *e);

/* Gives a network interface an address (NULL: it has one of its own, as the loopback) and brings it up. */
int boot_interface(const char *name, const struct in_addr *address, const struct in_addr *netmask, struct err *e);

/* Adds what the hardware's generator gives, an enclave's is NSM, and waits until the kernel's is ready. */
int boot_entropy(struct err *e);

/* The wall clock is later than this program. */
int boot_clock(struct err *e);

/* Programs may have many files open, and reserve more memory than there is: what they use is limited by their group,
 * and a job that asks for 8 GB ends the same way on a small machine as on a large one. */
int boot_limits(struct err *e);

/* Tells the parent of an enclave that it lives: one byte on vsock, which comes back. */
int boot_heartbeat(uint32_t cid, uint32_t port, struct err *e);

/* The exchange itself, on a connection. */
int boot_heartbeat_on(int fd, struct err *e);

/* Whether this is an AWS Nitro enclave: it has the security module's device. */
bool boot_is_nitro(void);

#endif
