/* The word of a list that a mistyped one most likely meant: for error messages. Pure. */
#ifndef OYSTER_UTIL_NEAREST_H
#define OYSTER_UTIL_NEAREST_H

#include <stddef.h>

/* Number of single-character insertions, deletions, replacements and swaps of neighbours that turn a into b (optimal
 * string alignment). Both are cut at 64 bytes. */
size_t edit_distance(const char *a, const char *b);

/* The i-th word of some table, NULL behind the last. */
typedef const char *nearest_word_fn(size_t i);

/* The word at the least distance from `word` (the first of several; a word that begins with `word` counts as one away);
 * NULL only for an empty table. */
const char *nearest_word(const char *word, nearest_word_fn *words);

#endif
