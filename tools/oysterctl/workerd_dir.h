/* Where workerd lies when nobody says. */
#ifndef OYSTERCTL_WORKERD_DIR_H
#define OYSTERCTL_WORKERD_DIR_H

/* The first of the usual folders that holds an executable workerd: lib/oyster of the prefix that this program is
 * installed under, of /usr/local and of /usr, then as npm lays it below the current folder. NULL = none. Static
 * storage. */
const char *workerd_dir_find(void);

#endif
