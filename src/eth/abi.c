#include "eth/abi.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WORD 32

/* ---- encoding ---- */

void abi_begin(struct abi_encoder *enc, struct buf *out, const uint8_t *selector, size_t n_args)
{
    assert(n_args <= ABI_MAX_ARGS);
    if (selector)
        buf_append(out, selector, 4);
    *enc = (struct abi_encoder){ .out = out, .head_at = out->len, .n_args = n_args };
    (void)buf_extend(out, WORD * n_args);
}

/* The next head word, all zero. */
static uint8_t *next_head(struct abi_encoder *enc)
{
    assert(enc->next < enc->n_args);
    return enc->out->data + enc->head_at + WORD * enc->next++;
}

void abi_put_u256(struct abi_encoder *enc, struct u256 v)
{
    u256_to_be(next_head(enc), v);
}

void abi_put_u64(struct abi_encoder *enc, uint64_t v)
{
    abi_put_u256(enc, u256_from_u64(v));
}

void abi_put_word(struct abi_encoder *enc, const uint8_t word[32])
{
    memcpy(next_head(enc), word, WORD);
}

void abi_put_address(struct abi_encoder *enc, const struct address *a)
{
    memcpy(next_head(enc) + WORD - sizeof a->b, a->b, sizeof a->b);
}

/* The head word of a dynamic argument: where its tail begins, which is here. */
static void put_tail_offset(struct abi_encoder *enc)
{
    abi_put_u64(enc, enc->out->len - enc->head_at);
}

void abi_put_bytes(struct abi_encoder *enc, const void *data, size_t len)
{
    put_tail_offset(enc);
    u256_to_be(buf_extend(enc->out, WORD), u256_from_u64(len));
    buf_append(enc->out, data, len);
    (void)buf_extend(enc->out, (WORD - len % WORD) % WORD);
}

void abi_begin_tuple(struct abi_encoder *outer, struct abi_encoder *inner, size_t n_args)
{
    put_tail_offset(outer);
    abi_begin(inner, outer->out, NULL, n_args);
}

void abi_end(struct abi_encoder *enc)
{
    assert(enc->next == enc->n_args);
}

/* ---- decoding: every read goes through abi_get_word or get_tail, which check it against the view ---- */

/* Records why argument index is refused; always -EBADMSG, in sight of the compiler's flow analysis. */
#define BAD(e, index, fmt, ...) ((void)err_set(e, -EBADMSG, "argument %zu: " fmt, (index), __VA_ARGS__), -EBADMSG)

int abi_get_word(const uint8_t **out, struct abi_view v, size_t index, struct err *e)
{
    if (index >= v.len / WORD)
        return BAD(e, index, "%zu bytes end before it", v.len);
    *out = v.data + WORD * index;
    return 0;
}

int abi_get_u256(struct u256 *out, struct abi_view v, size_t index, struct err *e)
{
    const uint8_t *word;
    if (abi_get_word(&word, v, index, e) < 0)
        return -EBADMSG;
    *out = u256_from_be(word);
    return 0;
}

int abi_get_u64(uint64_t *out, struct abi_view v, size_t index, struct err *e)
{
    struct u256 wide;
    uint64_t value;
    if (abi_get_u256(&wide, v, index, e) < 0)
        return -EBADMSG;
    if (!u256_to_u64(&value, wide))
        return BAD(e, index, "does not fit in %s", "64 bits");
    *out = value;
    return 0;
}

/* A word whose value is at most max. */
static int get_small(uint8_t *out, uint8_t max, const char *type, struct abi_view v, size_t index, struct err *e)
{
    struct u256 wide;
    uint64_t value;
    if (abi_get_u256(&wide, v, index, e) < 0)
        return -EBADMSG;
    if (!u256_to_u64(&value, wide) || value > max)
        return BAD(e, index, "does not fit in %s", type);
    *out = (uint8_t)value;
    return 0;
}

int abi_get_u8(uint8_t *out, struct abi_view v, size_t index, struct err *e)
{
    return get_small(out, UINT8_MAX, "8 bits", v, index, e);
}

int abi_get_bool(bool *out, struct abi_view v, size_t index, struct err *e)
{
    uint8_t value;
    if (get_small(&value, 1, "a boolean", v, index, e) < 0)
        return -EBADMSG;
    *out = value != 0;
    return 0;
}

static bool word_to_address(struct address *out, const uint8_t word[WORD])
{
    static const uint8_t zeros[WORD - sizeof out->b];
    memcpy(out->b, word + sizeof zeros, sizeof out->b);
    return memcmp(word, zeros, sizeof zeros) == 0;
}

int abi_get_address(struct address *out, struct abi_view v, size_t index, struct err *e)
{
    const uint8_t *word;
    struct address a;
    if (abi_get_word(&word, v, index, e) < 0)
        return -EBADMSG;
    if (!word_to_address(&a, word))
        return BAD(e, index, "does not fit in %s", "an address");
    *out = a;
    return 0;
}

/* Follows the offset of a dynamic argument: *tail begins behind its length word and holds all that is left of the
 * view; *count is that length word. An offset into the head up to its own word is refused: no encoder writes it. */
static int get_tail(struct abi_view *tail, uint64_t *count, struct abi_view v, size_t index, struct err *e)
{
    uint64_t offset;
    if (abi_get_u64(&offset, v, index, e) < 0)
        return -EBADMSG;
    if (offset < WORD * (index + 1) || offset > v.len || v.len - offset < WORD)
        return BAD(e, index, "offset %llu does not point into the %zu bytes", (unsigned long long)offset, v.len);
    if (!u256_to_u64(count, u256_from_be(v.data + offset)))
        return BAD(e, index, "length does not fit in %zu bytes", v.len);
    *tail = (struct abi_view){ v.data + offset + WORD, v.len - offset - WORD };
    return 0;
}

int abi_get_bytes(const uint8_t **out, size_t *len, struct abi_view v, size_t index, struct err *e)
{
    struct abi_view tail;
    uint64_t count;
    if (get_tail(&tail, &count, v, index, e) < 0)
        return -EBADMSG;
    if (count > tail.len)
        return BAD(e, index, "length %llu, %zu bytes are left", (unsigned long long)count, tail.len);
    *out = tail.data;
    *len = count;
    return 0;
}

int abi_get_address_array(struct address **out, size_t *n, size_t max, struct abi_view v, size_t index, struct err *e)
{
    struct abi_view tail;
    uint64_t count;
    if (get_tail(&tail, &count, v, index, e) < 0)
        return -EBADMSG;
    if (count > max)
        return BAD(e, index, "%llu elements, at most %zu allowed", (unsigned long long)count, max);
    if (count > tail.len / WORD)
        return BAD(e, index, "%llu elements do not fit in %zu bytes", (unsigned long long)count, tail.len);
    struct address *all = count ? xcalloc(count, sizeof *all) : NULL;
    for (size_t i = 0; i < count; i++)
        if (!word_to_address(&all[i], tail.data + WORD * i)) {
            free(all);
            return BAD(e, index, "element %zu is not an address", i);
        }
    *out = all;
    *n = count;
    return 0;
}
