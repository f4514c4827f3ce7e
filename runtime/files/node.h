/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of runtime/files share. As in every Unix a descriptor (a number) refers to an open
 * file description (struct file: position, flags, shared by dup), and that to a node (an inode:
 * content, or the way to it).
 *
 * What must always hold:
 *   1. A file is used only with a reference (file_get .. file_put), so close in one thread cannot
 *      take it from under another. struct file is never given back to the allocator: file_get may
 *      look at one that has just been closed.
 *   2. Locks are taken in this order: tree, descriptors, file, mappings, node. The tree's and the
 *      descriptors' lock are never held while the host is asked.
 *   3. A node's place (parent, name, entries, links) changes under the tree's lock; its content,
 *      size and times under its own.
 *   4. What the host says is checked before anything is computed from it, and never becomes an
 *      index or an address.
 */
#ifndef RUNTIME_FILES_NODE_H
#define RUNTIME_FILES_NODE_H

#include "abi.h"
#include "files.h"

#define FILES_PAGE        UINT64_C(4096)
#define FILES_CHUNK       (UINT64_C(64) << 10)
#define FILES_TRANSFER    UINT64_C(0x7ffff000) /* most bytes that one call moves, as in Linux */
#define FILES_SIZE        ((uint64_t)INT64_MAX)
#define FILES_HANDLE      65535 /* highest handle that the host may give */
#define FILES_FOREVER     UINT64_MAX
#define FILES_HOST_DEVICE 0x10000u /* st_dev of the host's files: from here on */

struct node;
struct file;

/* Bytes of the program under way: what is left of a vector of buffers. */
struct transfer {
    const struct iovec *vector; /* the next buffer */
    size_t used;                /* bytes of it that are done */
    uint64_t left;              /* bytes still to do, over all */
};

/* How a kind of file behaves. NULL: the call fails, with the error named. */
struct node_operations {
    bool positioned; /* the description has a position, kept inside */
    bool host;       /* file->handle is the host's, and poll has to ask it */

    /* Before there is a file of the node (not for O_PATH), with a reference of it: 0, or -errno. It
     * may put another node in its place, with its reference; may be NULL. */
    long (*open)(struct node **node);

    /* Both return the bytes done, or -errno when there are none. `position` is advanced; NULL:
     * the kind has none, or the host keeps it. NULL: -EINVAL. */
    long (*read)(struct file *file, struct transfer *transfer, uint64_t *position);
    long (*write)(struct file *file, struct transfer *transfer, uint64_t *position);
    long (*seek)(struct file *file, int64_t offset, int whence); /* NULL: -ESPIPE */
    long (*status)(struct node *node, struct file *file, struct stat *status);
    long (*truncate)(struct file *file, uint64_t size);                   /* NULL: -EINVAL */
    long (*reserve)(struct file *file, uint64_t from, uint64_t to);       /* NULL: -EOPNOTSUPP */
    long (*sync)(struct file *file, bool data_only);                      /* NULL: -EINVAL */
    long (*list)(struct file *file, uint8_t *buffer, uint64_t size);      /* NULL: -ENOTDIR */
    long (*control)(struct file *file, uint32_t request, void *argument); /* NULL: -ENOTTY */
    long (*nonblock)(struct file *file, bool on); /* told before O_NONBLOCK changes; may be NULL */
    uint32_t (*poll)(struct file *file);          /* POLL bits now; NULL: always ready */
    void (*close)(struct file *file);             /* the last descriptor has gone; may be NULL */
    void (*destroy)(struct node *node);           /* the last reference has gone; may be NULL */
};

struct changes { /* what threads wait for */
    _Atomic uint32_t word, sleepers;
};

struct volume {     /* of one memory directory */
    uint64_t limit; /* bytes; 0: none */
    _Atomic uint64_t used;
    uint32_t device;
};

struct directory {
    uint32_t entries, subdirectories;
    struct node *first, *last; /* rising cookies */
    uint64_t cookie;           /* of the entry last made */
};

struct mapping;
struct memory_file {
    uint8_t **chunks; /* NULL: a hole */
    uint64_t capacity;
    uint64_t first_size; /* bytes of chunk 0, up to FILES_CHUNK; the others are whole */
    uint64_t allocated;  /* bytes of storage */
    struct mapping *mappings;
};

struct constant { /* measured and hashed files */
    const uint8_t *bytes;
    const struct boot_file *source; /* hashed: the entry of the file table; else NULL */
    uint32_t index;
    uint32_t opens;
};

struct plain {
    uint32_t index; /* in the file table */
    bool writable;
    char *below; /* path below it, no NUL; NULL when empty */
    uint32_t below_length;
    struct node *mount; /* the entry's own node; itself there */
};

struct box;
struct sealed {     /* a file of the kind box */
    uint32_t index; /* in the file table */
    uint32_t handle;
    uint32_t opens;
    struct box *box; /* while it is open */
    char *name;      /* in a directory of boxes, no NUL; NULL: the entry itself */
    uint32_t name_length;
    bool removed;      /* from its directory */
    bool told;         /* of its fault */
    struct node *next; /* of those that are open */
};

struct event { /* eventfd */
    uint64_t count;
    bool semaphore;
};

struct pipe;

struct node {
    const struct node_operations *operations;
    _Atomic uint32_t references;
    struct lock lock;
    uint32_t mode;
    uint32_t links;
    uint64_t number; /* st_ino */
    uint64_t size;
    struct runtime_time accessed, modified, changed;
    struct changes changes; /* of what pipes and counters hold */

    /* its place in the tree */
    struct node *parent; /* referenced; the root's is the root, without */
    char *name;
    uint32_t name_length;
    uint32_t name_hash;
    struct node *bucket_next;
    struct node *previous, *next;
    uint64_t cookie;
    struct volume *volume; /* NULL: what the manifest made, which the program cannot change */
    bool mounted;          /* it came from the manifest: not to be moved or removed */

    struct directory directory; /* a plain directory of the manifest may hold other mounts */
    union {
        struct memory_file memory;
        struct constant constant;
        struct plain plain; /* and directories of boxes */
        struct sealed sealed;
        struct pipe *pipe;
        struct event event;
        uint32_t special; /* device number, handle */
    };
};

struct file {
    _Atomic uint32_t references; /* 0: free */
    _Atomic uint32_t flags;      /* O_ACCMODE, O_APPEND, O_NONBLOCK, O_DSYNC, O_PATH ... */
    struct lock lock;            /* position, listing */
    uint64_t position;
    struct node *node;
    uint32_t handle;   /* of the host */
    struct file *next; /* free */
};

/* ---- descriptor.c ---- */
struct file *file_get(long descriptor); /* NULL: not open */
/* The same for calls that use what is in the file: not one that was opened with O_PATH. */
struct file *file_get_content(long descriptor);
void file_put(struct file *file);
/* A variable declared so is put when its block ends, whichever way; NULL is nothing to put. */
#define FILE_HELD __attribute__((cleanup(file_end), unused)) struct file *
static inline void file_end(struct file **file)
{
    if (*file)
        file_put(*file);
}
/* A new file with one reference; takes over the caller's reference of `node`. NULL: no memory (the
 * node has been put). */
struct file *file_new(struct node *node, uint32_t flags);
/* Gives `file` (whose reference it takes over, also on failure) the lowest free number that is not
 * below `least`. */
long descriptor_install(struct file *file, long least, bool close_on_exec);
void descriptors_start(void);
void descriptors_forget(void); /* closes all */

static inline bool file_can_read(const struct file *file)
{
    uint32_t flags = file->flags;
    return !(flags & O_PATH) && (flags & O_ACCMODE) != O_WRONLY;
}

static inline bool file_can_write(const struct file *file)
{
    uint32_t flags = file->flags;
    return !(flags & O_PATH) && (flags & O_ACCMODE) != O_RDONLY;
}

/* ---- node.c ---- */
struct node *node_new(const struct node_operations *operations, uint32_t mode);
static inline struct node *node_get(struct node *node)
{
    node->references++;
    return node;
}
void node_put(struct node *node);
struct runtime_time node_now(void);
/* Sets the times of modification and change, under the node's lock. */
void node_touch(struct node *node);
/* st_ fields from the node's own. */
long node_status(struct node *node, struct file *file, struct stat *status);
/* Whether the owner's permission bits (4 read, 2 write, 1 execute) allow all of `wanted`. */
static inline bool node_permits(const struct node *node, uint32_t wanted)
{
    return (((node->mode >> 6) & wanted) == wanted);
}
static inline bool node_is_directory(const struct node *node)
{
    return (node->mode & S_IFMT) == S_IFDIR;
}

/* ---- transfer.c ---- */
/* The next stretch, at most `most` bytes (not 0); NULL: the program changed the vector meanwhile
 * to something that is not its memory. */
uint8_t *transfer_next(struct transfer *transfer, uint64_t most, uint64_t *length);
/* Checks a vector and begins: 0, -EINVAL or -EFAULT. */
long transfer_begin(struct transfer *transfer, const struct iovec *vector, uint64_t count);
/* Moves `size` bytes between the program's buffers and `other`, private memory of the runtime;
 * NULL: this thread's bounce buffer, from its start. */
long transfer_in(struct transfer *transfer, void *other, uint64_t size);
long transfer_out(struct transfer *transfer, const void *other, uint64_t size);

/* ---- tree.c ---- */
extern struct lock tree_lock;
extern struct node *tree_root;
extern const struct node_operations directory_operations;
struct node *tree_find(struct node *directory, const char *name, size_t length);
/* Puts `node` (one reference goes to the tree) into a directory; -ENOMEM. */
long tree_link(struct node *directory, struct node *node, const char *name, size_t length);
/* Takes it out of its directory; the caller inherits the tree's reference. */
void tree_unlink(struct node *node);
/* Moves it, in place of `replaced` (NULL: nothing; else as tree_unlink): wholly or, -ENOMEM, not.
 */
long tree_move(struct node *node, struct node *directory, const char *name, size_t length,
               struct node *replaced);
/* Writes the path of a node, backwards from the end of `buffer`: its length, -ERANGE, -ENOENT.
 * Under the tree's lock. */
long tree_path(const struct node *node, char *buffer, uint64_t size);
/* The bytes of a span of the boot page; one outside the blob stops the enclave. */
const void *boot_bytes(const struct boot_header *header, struct boot_span span);
/* A node of the manifest (or of the runtime) at an absolute path; parents are made. */
struct node *tree_mount(const char *path, size_t length, const struct node_operations *operations,
                        uint32_t mode);
/* Appends a linux_dirent64; the bytes used, or 0 when it does not fit. */
uint64_t directory_entry(uint8_t *to, uint64_t room, uint64_t inode, uint64_t next, uint8_t type,
                         const char *name, size_t length);
/* What every directory tells first, "." and "..": the bytes used. Positions 0 and 1 are before
 * them, so they have been told when the position is 2. Under the file's lock. */
uint64_t directory_dots(struct file *file, uint8_t *buffer, uint64_t size);

/* ---- path.c ---- */
/* Where a path leads. After path_walk one of these holds:
 *   node: it is there;
 *   below: it is on the host (or may be), `below` the plain directory `parent`;
 *   neither: `name` is missing in `parent`. */
struct place {
    struct node *parent;
    struct node *node;
    const char *name; /* last component, in the program's memory */
    size_t length;
    bool dots;  /* there is none, or it is "." or ".." */
    bool slash; /* the path ends with one: what it names must be a directory */
    char *below;
    uint32_t below_length, below_room;
    struct file *file; /* referenced: where the walk started, or what is meant itself */
    bool locked;       /* the tree's lock is held */
    bool referenced;   /* `node` is */
};
/* Walks to the last component; on 0 the tree's lock is held until path_unlock or path_end.
 * `locked`: it is held already, for another place, and that one gives it back. */
long path_walk(struct place *place, long directory, const char *path, bool locked);
/* What is there, for calls that look at it: `node` referenced, or `below`; no lock is held.
 * With AT_EMPTY_PATH in `flags` an empty path means the descriptor. */
long path_target(struct place *place, long directory, const char *path, long flags);
/* The same for an open file, whatever it is. */
long path_descriptor(struct place *place, long descriptor);
void path_unlock(struct place *place);
void path_end(struct place *place);
/* A place declared so ends with its block; it has to be given to one of the above first. */
#define PLACE_HELD __attribute__((cleanup(path_end), unused)) struct place
uint32_t path_mode(uint32_t mode); /* less what umask takes away */
void path_start(const struct boot_header *header);

/* ---- memory_file.c, for map.c ---- */
/* One shared mapping; it holds a reference of the node. */
struct mapping {
    uint64_t start, end; /* addresses */
    uint64_t offset;     /* in the file */
    struct node *node;
    struct mapping *node_next; /* of the same node */
    struct mapping *next;      /* of all */
};

/* Makes `length` bytes at `offset` one stretch of storage and says where; under the node's lock.
 * NULL: *error is -ENOMEM, or -ENOTSUP where a mapped chunk would have to move. */
uint8_t *memory_file_contiguous(struct node *node, uint64_t offset, uint64_t length, long *error);

/* ---- kinds ---- */
extern const struct node_operations memory_operations;   /* memory_file.c */
extern const struct node_operations constant_operations; /* constant.c */
extern const struct node_operations stream_operations;   /* stream.c */
extern const struct node_operations plain_operations;    /* plain.c */
extern const struct node_operations plain_directory_operations;
extern const struct node_operations box_operations;           /* box_file.c */
extern const struct node_operations box_directory_operations; /* plain.c */
/* A directory that the host has: names below it are looked for there. */
static inline bool node_is_host_directory(const struct node *node)
{
    return node->operations == &plain_directory_operations ||
           node->operations == &box_directory_operations;
}

long constant_read(struct file *file, struct transfer *transfer, uint64_t *position);
void device_start(void);
void stream_start(void);
void stream_open(void); /* descriptors 0, 1, 2 */

/* ---- attestation.c ---- */
void attestation_start(void);
void attestation_forget(void);
/* Whether that is /dev/attestation/keys, where what is opened for writing comes to be. */
bool attestation_is_keys(const struct node *directory);
struct node *attestation_key(const char *name, size_t length); /* the tree's; NULL: no memory */

/* ---- plain.c: on the host, where place->below (or place->node, an entry's own) leads ---- */
long plain_open(struct place *place, uint32_t flags, uint32_t mode, struct file **file);
long plain_status(struct place *place, struct stat *status);
long plain_change(uint32_t operation, struct place *place, uint64_t argument); /* UNLINK, MKDIR */
long plain_rename(struct place *from, struct place *to);

/* ---- box_file.c: the same for boxes ---- */
bool box_is_place(const struct place *place);
bool box_is_read_only(const struct node *node);
long box_file_open(struct place *place, uint32_t flags, struct file **file);
long box_status(struct place *place, struct stat *status);
long box_unlink(struct place *place, bool directory);
long box_rename_place(struct place *from, struct place *to);

/* ---- host_file.c: what kinds that the host has have in common ---- */
/* host_call about file->handle, again after interruptions of the host's own, which are nothing to
 * the program (but a connect is not begun twice). `slow`: host_call_slow. */
int64_t host_ask(const struct file *file, uint32_t operation, uint64_t a1, uint64_t a2, uint64_t a3,
                 int64_t least, int64_t most, bool slow);
/* read and write in pieces of the bounce buffer; RING_PREAD, RING_PWRITE with a position. */
long host_read(struct file *file, struct transfer *transfer, uint64_t *position, bool slow);
long host_write(struct file *file, struct transfer *transfer, uint64_t *position, bool slow);
/* Takes a struct ring_stat from the bounce buffer; impossible values stop the enclave. */
void host_status(uint32_t operation, struct stat *status);
long host_truncate(struct file *file, uint64_t size);
long host_sync(struct file *file, bool data_only);
void host_close(struct file *file);

/* ---- node.c: what kinds that live inside have in common ---- */
/* lseek in a file of `size` bytes, or of node->size. */
long seek_within(struct file *file, int64_t offset, int whence, uint64_t size);
long node_seek(struct file *file, int64_t offset, int whence);
long node_sync(struct file *file, bool data_only); /* there is nothing to write back */

/* ---- record_lock.c: F_SETLK, F_SETLKW, F_GETLK ---- */
long record_lock(struct file *file, int command, struct flock *flock);

/* ---- wait.c ---- */
/* Wakes those that wait for `changes`, and those in poll. */
void changes_signal(struct changes *changes);
/* Sleeps until `changes` moves on from `seen`, a value of its word from before the last look, at
 * most `ns`; or -EINTR. */
long changes_wait(struct changes *changes, uint32_t seen, uint64_t ns);

#endif
