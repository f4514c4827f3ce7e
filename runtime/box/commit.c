/* SPDX-License-Identifier: Apache-2.0
 *
 * Commits: superblocks, the journal, and what is left of them when somebody was killed.
 *
 * A commit writes
 *   1. pages behind the content of the last commit, in their places (nothing says yet that they
 *      are there), and the journal with all others, behind the content and clear of the journal
 *      that the last superblock names; sync
 *   2. the superblock with the new root, which names the journal; sync
 *   3. the journal's pages in their places. The first sync of the next commit, or of the end, is
 *      early enough for them: until then this superblock counts, with its journal.
 * Before the first commit of an opening a superblock says that there is a writer, so what is behind
 * the content is no extension.
 */
#include "inside.h"

#define SUPER_ADDITIONAL (1 + BOX_ID + 1 + sizeof(struct box_super))

struct super_slot { /* as on the disk; zeros behind it */
    struct box_seal seal;
    struct box_super super;
} __attribute__((packed));

static void super_additional(const struct box *box, const struct box_super *super,
                             uint8_t to[SUPER_ADDITIONAL])
{
    to[0] = BOX_FOR_SUPER;
    memcpy(to + 1, box->file_id, BOX_ID);
    to[1 + BOX_ID] = super->sequence % 2;
    memcpy(to + 2 + BOX_ID, super, sizeof(*super));
}

static uint64_t slot_offset(const struct box *box, uint64_t sequence)
{
    return (box->header_pages + sequence % 2) * BOX_PAGE;
}

static uint64_t journal_pages(uint64_t count)
{
    return box_blocks(count * JOURNAL_ENTRY) + count;
}

static bool input_output(struct box *box, bool done)
{
    return done || box_fail(box, BOX_FAULT_INPUT_OUTPUT, 0);
}

/* ---- superblocks ---- */

/* What a commit may encrypt at most, and the superblocks around it: `messages` in a superblock is
 * ahead by so many while there is a writer, who may be killed. */
static uint64_t messages_ahead(const struct box *box)
{
    return 2 * (uint64_t)box->pool_most + 16;
}

/* Writes `super` as the next one. */
static bool super_write(struct box *box, struct box_super *super)
{
    struct super_slot *slot = (struct super_slot *)(void *)box->staging;
    uint8_t additional[SUPER_ADDITIONAL];
    super->sequence = box->super.sequence + 1;
    box->messages++;
    super->messages = box->messages + (super->flags & BOX_SUPER_WRITING ? messages_ahead(box) : 0);
    memset(box->staging, 0, BOX_PAGE);
    slot->super = *super;
    box->services->random(slot->seal.nonce, BOX_NONCE);
    super_additional(box, super, additional);
    if (!box->services->seal(box->key, &slot->seal, additional, sizeof(additional), NULL, NULL, 0))
        return box_fail(box, BOX_FAULT_MEMORY, 0);
    if (!input_output(box, box->file.write(box->file.context, slot_offset(box, super->sequence),
                                           box->staging, BOX_PAGE)))
        return false;
    box->super = *super;
    return true;
}

static bool synced(struct box *box)
{
    return input_output(box, box->file.sync(box->file.context));
}

static bool super_read(struct box *box, uint64_t number, struct box_super *super)
{
    struct super_slot slot;
    uint8_t additional[SUPER_ADDITIONAL];
    if (!box->file.read(box->file.context, slot_offset(box, number), &slot, sizeof(slot)))
        return false;
    *super = slot.super;
    super_additional(box, super, additional);
    return super->sequence % 2 == number &&
           box->services->open(box->key, &slot.seal, additional, sizeof(additional), NULL, NULL, 0);
}

static bool super_find(struct box *box)
{
    struct box_super super;
    bool found = false;
    for (uint64_t number = 0; number < 2; number++) {
        if (super_read(box, number, &super) && (!found || super.sequence > box->super.sequence)) {
            box->super = super;
            found = true;
        }
    }
    if (!found)
        return box_fail(box, BOX_FAULT_OTHER_HEADER, 0);
    return box_super_is_sound(&box->super, box_base(box)) || box_fail(box, BOX_FAULT_MALFORMED, 0);
}

static bool size_check(struct box *box)
{
    const struct box_super *super = &box->super;
    uint64_t bytes, needed = box_base(box) + box_pages(box_blocks(super->size));
    if (!input_output(box, box->file.size(box->file.context, &bytes)))
        return false;
    box->file_pages = bytes / BOX_PAGE;
    if (box->file_pages < needed)
        return box_fail(box, BOX_FAULT_TRUNCATED,
                        box_first_missing(box_base(box), super->size, box->file_pages));
    if (super->journal_count &&
        box->file_pages < super->journal_page + journal_pages(super->journal_count))
        return box_fail(box, BOX_FAULT_TRUNCATED, box_blocks(super->size));
    if (!(super->flags & BOX_SUPER_WRITING) && bytes != needed * BOX_PAGE)
        return box_fail(box, BOX_FAULT_EXTENDED, box_blocks(super->size));
    return true;
}

/* ---- the journal ---- */

static bool target_is_content(const struct box *box, uint64_t page)
{
    return page >= box_base(box) && page - box_base(box) < box_pages(box_blocks(box->super.size));
}

static uint64_t payload_page(const struct box *box)
{
    return box->super.journal_page + box_blocks(box->super.journal_count * JOURNAL_ENTRY);
}

/* Puts `count` pages of the journal, from number `first` on, in their places. What they hold is not
 * looked at: nobody believes a page that the tree does not vouch for. */
static bool replay_some(struct box *box, uint64_t first, uint32_t count)
{
    uint64_t targets[STAGING_PAGES];
    void *context = box->file.context;
    if (!input_output(
            box, box->file.read(context, box->super.journal_page * BOX_PAGE + first * JOURNAL_ENTRY,
                                targets, count * JOURNAL_ENTRY) &&
                     box->file.read(context, (payload_page(box) + first) * BOX_PAGE, box->staging,
                                    count * (size_t)BOX_PAGE)))
        return false;
    for (uint32_t i = 0, run; i < count; i += run) {
        for (run = 1; i + run < count && targets[i + run] == targets[i] + run;)
            run++;
        if (!target_is_content(box, targets[i]) || !target_is_content(box, targets[i + run - 1]))
            return box_fail(box, BOX_FAULT_MALFORMED, 0);
        if (!input_output(box, box->file.write(context, targets[i] * BOX_PAGE,
                                               box->staging + i * (size_t)BOX_PAGE,
                                               run * (size_t)BOX_PAGE)))
            return false;
    }
    return true;
}

static bool replay(struct box *box)
{
    uint64_t count = box->super.journal_count;
    for (uint64_t first = 0; first < count; first += STAGING_PAGES) {
        uint64_t left = count - first;
        if (!replay_some(box, first, left < STAGING_PAGES ? (uint32_t)left : STAGING_PAGES))
            return false;
    }
    return true;
}

static bool overlay_load(struct box *box)
{
    size_t size = box->super.journal_count * JOURNAL_ENTRY;
    if (!size)
        return true;
    box->overlay = box->services->allocate(size);
    if (!box->overlay)
        return box_fail(box, BOX_FAULT_MEMORY, 0);
    return input_output(box, box->file.read(box->file.context, box->super.journal_page * BOX_PAGE,
                                            box->overlay, size));
}

bool commit_read_page(struct box *box, uint64_t page, uint8_t *bytes)
{
    for (uint64_t i = 0; box->overlay && i < box->super.journal_count; i++) {
        if (box->overlay[i] == page) {
            page = payload_page(box) + i;
            break;
        }
    }
    return box->file.read(box->file.context, page * BOX_PAGE, bytes, BOX_PAGE);
}

bool commit_begin(struct box *box, const uint8_t *version)
{
    uint8_t digest[32];
    if (!super_find(box))
        return false;
    box_version(box, digest);
    if (version && memcmp(version, digest, sizeof(digest)) != 0)
        return box_fail(box, BOX_FAULT_VERSION, 0);
    if (!size_check(box))
        return false;
    box->size = box->super.size;
    box->levels = box_levels(box_blocks(box->size));
    box->root = box->super.root;
    box->messages = box->super.messages;
    return box->writable ? replay(box) : overlay_load(box);
}

bool commit_create(struct box *box)
{
    struct box_super first = {.generation = 1, .flags = BOX_SUPER_WRITING};
    box->file_pages = box_base(box);
    return super_write(box, &first) &&
           input_output(box, box->file.truncate(box->file.context, box_base(box) * BOX_PAGE));
}

/* ---- writing ---- */

static bool staged_write(struct box *box)
{
    uint32_t count = box->staged;
    box->staged = 0;
    if (box->staged_page + count > box->file_pages)
        box->file_pages = box->staged_page + count;
    return !count ||
           input_output(box, box->file.write(box->file.context, box->staged_page * BOX_PAGE,
                                             box->staging, count * (size_t)BOX_PAGE));
}

/* Where bytes for a page of the file are to be put; they are written when others cannot join
 * them. */
static uint8_t *stage(struct box *box, uint64_t page)
{
    if ((box->staged == STAGING_PAGES || page != box->staged_page + box->staged) &&
        !staged_write(box))
        return NULL;
    if (!box->staged)
        box->staged_page = page;
    return box->staging + box->staged++ * (size_t)BOX_PAGE;
}

/* Where a commit puts things; pages from the start of the file. */
struct commit {
    uint64_t old_end; /* of the content of the last commit */
    uint64_t journal; /* first page */
    uint64_t count;   /* of pages in it */
    uint64_t payload; /* where the next one goes */
};

static bool is_direct(const struct box *box, const struct commit *commit, uint64_t page)
{
    const struct box_super *last = &box->super;
    return page >= commit->old_end &&
           (!last->journal_count || page < last->journal_page ||
            page >= last->journal_page + journal_pages(last->journal_count));
}

static void plan(struct box *box, struct commit *commit)
{
    const struct box_super *last = &box->super;
    uint64_t end = box_base(box) + box_pages(box_blocks(box->size));
    *commit = (struct commit){.old_end = box_base(box) + box_pages(box_blocks(last->size))};
    for (unsigned level = 0; level <= BOX_LEVELS; level++) {
        for (struct box_page *page = box->dirty[level].first; page; page = page->dirty_next)
            commit->count += !is_direct(box, commit, tree_page(box, level, page->index));
    }
    commit->journal = end > commit->old_end ? end : commit->old_end;
    uint64_t last_end = last->journal_page + journal_pages(last->journal_count);
    if (last->journal_count && commit->journal < last_end &&
        commit->journal + journal_pages(commit->count) > last->journal_page)
        commit->journal = last_end;
    commit->payload = commit->journal + box_blocks(commit->count * JOURNAL_ENTRY);
}

static bool table_write(struct box *box, const struct commit *commit)
{
    uint64_t number = 0;
    uint8_t *table = NULL;
    for (unsigned level = 0; level <= BOX_LEVELS; level++) {
        for (struct box_page *page = box->dirty[level].first; page; page = page->dirty_next) {
            uint64_t target = tree_page(box, level, page->index);
            if (is_direct(box, commit, target))
                continue;
            uint64_t offset = number++ * JOURNAL_ENTRY;
            if (offset % BOX_PAGE == 0) {
                table = stage(box, commit->journal + offset / BOX_PAGE);
                if (!table)
                    return false;
                memset(table, 0, BOX_PAGE);
            }
            memcpy(table + offset % BOX_PAGE, &target, sizeof(target));
        }
    }
    return true;
}

/* Seals a page and tells the node above it, which is dirty: its turn comes later. */
static bool page_write(struct box *box, struct commit *commit, struct box_page *page)
{
    uint64_t target = tree_page(box, page->level, page->index);
    uint8_t *to = stage(box, is_direct(box, commit, target) ? target : commit->payload++);
    uint8_t additional[BOX_ADDITIONAL];
    struct box_seal seal;
    if (!to)
        return false;
    tree_additional(box, page->level, page->index, additional);
    box->services->random(seal.nonce, BOX_NONCE);
    box->messages++;
    if (!box->services->seal(box->key, &seal, additional, sizeof(additional), page->bytes, to,
                             BOX_PAGE))
        return box_fail(box, BOX_FAULT_MEMORY, 0);
    if (page->level == box->levels) {
        box->root = seal;
        return true;
    }
    struct box_page *parent = tree_node(box, page->level + 1, page->index / BOX_FANOUT);
    if (parent)
        tree_entries(parent)[page->index % BOX_FANOUT].seal = seal;
    return parent;
}

static bool pages_write(struct box *box, struct commit *commit)
{
    for (unsigned level = 0; level <= BOX_LEVELS; level++) {
        for (struct box_page *page = box->dirty[level].first; page; page = page->dirty_next) {
            if (!page_write(box, commit, page))
                return false;
        }
    }
    return staged_write(box);
}

static void all_clean(struct box *box)
{
    for (unsigned level = 0; level <= BOX_LEVELS; level++) {
        while (box->dirty[level].first)
            cache_set_dirty(box, box->dirty[level].first, false);
    }
    box->changed = false;
}

/* The file has all pages of the content, holes at the end included. */
static bool reach(struct box *box)
{
    uint64_t end = box_base(box) + box_pages(box_blocks(box->size));
    if (box->file_pages >= end)
        return true;
    box->file_pages = end;
    return input_output(box, box->file.truncate(box->file.context, end * BOX_PAGE));
}

/* A superblock that tells of a writer. */
static bool announce(struct box *box)
{
    struct box_super super = box->super;
    super.flags |= BOX_SUPER_WRITING;
    return (box->super.flags & BOX_SUPER_WRITING) || (super_write(box, &super) && synced(box));
}

bool box_commit(struct box *box)
{
    struct commit commit;
    if (box->fault.kind || !box->changed)
        return !box->fault.kind;
    if (box->messages + messages_ahead(box) > BOX_MESSAGES_MOST)
        return box_fail(box, BOX_FAULT_MESSAGES, 0);
    if (!announce(box))
        return false;
    plan(box, &commit);
    if (!table_write(box, &commit) || !pages_write(box, &commit) || !reach(box) || !synced(box))
        return false;
    struct box_super super = {
        .generation = box->super.generation + 1,
        .size = box->size,
        .root = box->root,
        .flags = BOX_SUPER_WRITING,
        .journal_page = commit.count ? commit.journal : 0,
        .journal_count = commit.count,
    };
    if (!super_write(box, &super) || !synced(box))
        return false;
    all_clean(box);
    return replay(box);
}

bool commit_finish(struct box *box)
{
    struct box_super super = box->super;
    if (!(super.flags & BOX_SUPER_WRITING))
        return true;
    uint64_t end = box_base(box) + box_pages(box_blocks(super.size));
    if (super.journal_count) {
        super.journal_page = super.journal_count = 0;
        if (!synced(box) || !super_write(box, &super))
            return false;
    }
    super.flags = 0;
    return synced(box) &&
           input_output(box, box->file.truncate(box->file.context, end * BOX_PAGE)) &&
           synced(box) && super_write(box, &super);
}
