/* The dashboard's page and what belongs to it, embedded when the program is built (embed.py). */
#ifndef OYSTER_API_DASHBOARD_FILES_H
#define OYSTER_API_DASHBOARD_FILES_H

#include <stddef.h>

struct dashboard_file {
    const char *path; /* as requested: "/dashboard", "/dashboard.js" … */
    const char *type; /* its Content-Type */
    const unsigned char *data;
    size_t len;
};

extern const struct dashboard_file dashboard_files[];
extern const size_t dashboard_n_files;

#endif
