/* What the journal is told, and what the next life of the node makes of it, against a real EVM. */
#include "chain/tx_world.h"

#define RECORDS_MAX 64

/* A journal in memory, with the order and the semantics of the ledger's. */
struct book {
    struct tx_record records[RECORDS_MAX];
    size_t n;
};

static void drop(struct book *b, size_t i)
{
    free((void *)(uintptr_t)b->records[i].data);
    free((void *)(uintptr_t)b->records[i].raw);
    memmove(&b->records[i], &b->records[i + 1], (b->n - i - 1) * sizeof *b->records);
    b->n--;
}

static void on_sending(void *arg, const struct tx_record *r)
{
    struct book *b = arg;
    size_t at = b->n;
    assert_true(b->n < RECORDS_MAX);
    while (at > 0 && b->records[at - 1].nonce > r->nonce)
        at--;
    memmove(&b->records[at + 1], &b->records[at], (b->n - at) * sizeof *b->records);
    b->records[at] = *r;
    b->records[at].data = r->data_len ? xmemdup(r->data, r->data_len) : NULL;
    b->records[at].raw = xmemdup(r->raw, r->raw_len);
    b->n++;
}

static void on_settled(void *arg, const struct address *from, uint64_t nonce)
{
    struct book *b = arg;
    for (size_t i = b->n; i > 0; i--)
        if (b->records[i - 1].nonce == nonce && address_eq(&b->records[i - 1].from, from))
            drop(b, i - 1);
}

static const struct tx_journal journal = { on_sending, on_settled };

static void book_free(struct book *b)
{
    while (b->n)
        drop(b, 0);
}

/* The intent of a record: the second byte of its calldata counts them. */
static struct intent *intent_of(struct world *w, const struct tx_record *r)
{
    return r->data_len ? &w->intents[r->data[1]] : NULL;
}

/* The queue goes as the process would: what it tells then is nobody's any more. The next one takes over. */
static void restart(struct world *w, struct book *b)
{
    tx_queue_free(w->q);
    w->done = 0;
    for (size_t i = 0; i < w->n; i++)
        w->intents[i].done = w->intents[i].sent = 0;
    w->q = tx_queue_new(&w->loop, w->rpc, &world_defaults);
    tx_queue_set_journal(w->q, &journal, b);
    tx_queue_set_key(w->q, &w->key, account_nonce(w, "pending"));
    struct book old = *b; /* the queue writes to the book while it is read */
    for (size_t i = 0; i < old.n; i++) {
        struct intent *intent = intent_of(w, &old.records[i]);
        uint64_t handle =
            tx_queue_adopt(w->q, &old.records[i], UINT64_MAX, intent ? on_sent : NULL, intent ? on_done : NULL, intent);
        assert_int_equal(handle == 0, intent == NULL);
    }
}

static struct world *journalled_world(struct book *b, bool refusing)
{
    static const char *const no_mining[] = { "--no-mining", NULL };
    struct world *w = refusing ? refusing_world(no_mining) : ready_world(no_mining, NULL);
    tx_queue_set_journal(w->q, &journal, b);
    return w;
}

static void assert_included(struct world *w, const struct intent *i)
{
    if (i->done != 1 || i->result.outcome != TX_CONFIRMED)
        fail_msg("intent %zu: done %d, outcome %d: %s", (size_t)(i - w->intents), i->done, i->result.outcome,
                 i->reason);
    assert_true(tx_quantity(w, i->result.hash, "blockNumber") > 0);
}

/* Some in the pool, one forgotten by it, one mined while nobody looked: each is confirmed, with the very same bytes. */
static void what_was_sent_is_taken_over(void **state)
{
    (void)state;
    struct book b = { 0 };
    struct world *w = journalled_world(&b, false);
    char hash[65];
    struct intent *mined = push(w, TX_SUBMIT_OUTPUT, 0);
    wait_for_pool(w);
    w->deaf = true;
    anvil_mine(w->anvil, 1);
    for (int i = 0; i < 4; i++)
        (void)push(w, TX_SUBMIT_OUTPUT, 0);
    wait_for_pool(w);
    assert_int_equal(b.n, 5);
    anvil_do(w->anvil, "anvil_dropTransaction", "[\"0x%s\"]", hex_encode(hash, w->intents[4].sent_hash, 32));
    restart(w, &b);
    w->deaf = false;
    mine_until_done(w);
    for (size_t i = 0; i < w->n; i++) {
        assert_included(w, &w->intents[i]);
        assert_memory_equal(w->intents[i].result.hash, w->intents[i].sent_hash, 32);
        assert_int_equal(w->intents[i].sent, 0); /* nothing was signed in this life */
        assert_int_equal(tx_quantity(w, w->intents[i].result.hash, "nonce"), i);
    }
    assert_int_equal(mined->result.block_number, 2);
    assert_int_equal(account_nonce(w, "latest"), 5);
    world_free(w);
    book_free(&b);
}

/* A nonce with two attempts: either may be the one that is included. */
static void replaced_ones_are_one_call(void **state)
{
    (void)state;
    struct book b = { 0 };
    struct world *w = journalled_world(&b, false);
    struct intent *i = push(w, TX_SUBMIT_OUTPUT, 0);
    wait_for_pool(w);
    anvil_do(w->anvil, "anvil_setNextBlockBaseFeePerGas", "[\"0x%llx\"]", 50 * GWEI);
    anvil_mine(w->anvil, 1);
    for (int n = 0; n < 100 && b.n < 2; n++)
        world_run_for(w, 50);
    assert_int_equal(b.n, 2);
    assert_int_equal(b.records[0].nonce, b.records[1].nonce);
    restart(w, &b);
    mine_until_done(w);
    assert_included(w, i);
    assert_int_equal(account_nonce(w, "latest"), 1);
    world_free(w);
    book_free(&b);
}

/* Settled is told when the block is deep, and not before. */
static void settled_when_deep(void **state)
{
    (void)state;
    struct book b = { 0 };
    struct world *w = journalled_world(&b, false);
    (void)push(w, TX_SUBMIT_OUTPUT, 0);
    wait_for_pool(w);
    mine_until_done(w);
    assert_int_equal(b.n, 1);
    for (int n = 0; n < 11; n++) {
        anvil_mine(w->anvil, 1);
        world_run_for(w, 60);
    }
    assert_int_equal(b.n, 1);
    for (int n = 0; n < 20 && b.n; n++) {
        anvil_mine(w->anvil, 1);
        world_run_for(w, 100);
    }
    assert_int_equal(b.n, 0);
    world_free(w);
}

/* Refused before any pool had it: its nonce is another call's now, and the book says so. */
static void a_nonce_that_changed_hands(void **state)
{
    (void)state;
    struct book b = { 0 };
    struct world *w = journalled_world(&b, true);
    refuser_refuse(w->refuser, 1, "execution reverted: no");
    struct intent *bad = push(w, TX_SUBMIT_OUTPUT, 0);
    assert_true(world_run_until(w, all_done, WAIT_MS));
    assert_int_equal(bad->result.outcome, TX_REVERTED);
    assert_int_equal(b.n, 0);
    struct intent *good = push(w, TX_SUBMIT_OUTPUT, 0);
    wait_for_pool(w);
    assert_int_equal(b.n, 1);
    assert_ptr_equal(intent_of(w, &b.records[0]), good);
    restart(w, &b);
    w->done = 1; /* bad was told before */
    mine_until_done(w);
    assert_included(w, good);
    assert_int_equal(bad->done, 0);
    world_free(w);
    book_free(&b);
}

/* Its first attempt ran out of gas and is in a block; the second one is the call's. Only that one is taken over. */
static void the_attempt_that_counts(void **state)
{
    (void)state;
    struct book b = { 0 };
    struct world *w = journalled_world(&b, false);
    struct intent *i = push(w, TX_SUBMIT_OUTPUT, 2); /* needs more than the first guess */
    wait_for_pool(w);
    anvil_mine(w->anvil, 1);
    for (int n = 0; n < 100 && (b.n != 1 || b.records[0].nonce != 1); n++)
        world_run_for(w, 50);
    assert_int_equal(b.n, 1);
    assert_int_equal(b.records[0].nonce, 1);
    restart(w, &b);
    mine_until_done(w);
    assert_included(w, i);
    assert_int_equal(tx_quantity(w, i->result.hash, "nonce"), 1);
    world_free(w);
    book_free(&b);
}

/* While the node was away somebody else used the nonce: the call is signed anew. */
static void a_nonce_that_was_taken_meanwhile(void **state)
{
    (void)state;
    struct book b = { 0 };
    struct world *w = journalled_world(&b, false);
    struct intent *i = push(w, TX_SUBMIT_OUTPUT, 0);
    char hash[65];
    wait_for_pool(w);
    w->deaf = true;
    anvil_do(w->anvil, "anvil_dropTransaction", "[\"0x%s\"]", hex_encode(hash, i->sent_hash, 32));
    anvil_do(w->anvil, "eth_sendTransaction",
             "[{\"from\":\"" ANVIL_ADDRESS_0 "\",\"to\":\"" ANVIL_ADDRESS_0 "\",\"nonce\":\"0x0\"}]");
    anvil_mine(w->anvil, 1);
    restart(w, &b);
    w->deaf = false;
    mine_until_done(w);
    assert_included(w, i);
    assert_int_equal(tx_quantity(w, i->result.hash, "nonce"), 1);
    assert_int_equal(i->sent, 1);
    world_free(w);
    book_free(&b);
}

int main(void)
{
    log_init(LOG_FORMAT_LOGFMT, getenv("TXQ_LOG") ? LOG_DEBUG : LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_sent_is_taken_over), cmocka_unit_test(replaced_ones_are_one_call),
        cmocka_unit_test(settled_when_deep),           cmocka_unit_test(a_nonce_that_changed_hands),
        cmocka_unit_test(the_attempt_that_counts),     cmocka_unit_test(a_nonce_that_was_taken_meanwhile),
    };
    if (getenv("TXQ_TEST"))
        cmocka_set_test_filter(getenv("TXQ_TEST"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
