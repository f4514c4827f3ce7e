/* SPDX-License-Identifier: Apache-2.0
 *
 * Function bounds from .eh_frame: a list of records, CIEs (which say how addresses are encoded) and
 * FDEs (one a function). A malformed record ends the list; what was read before it stays.
 */
#include "fail.h"
#include "functions.h"

#include <string.h>

/* How an FDE writes addresses (DW_EH_PE_, LSB): low 4 bits the form, high bits what it adds to. */
enum { FORM_ABSOLUTE = 0x00, FORM_U2 = 0x02, FORM_U4 = 0x03, FORM_U8 = 0x04 };
enum { FORM_S2 = 0x0a, FORM_S4 = 0x0b, FORM_S8 = 0x0c, FORM_MASK = 0x0f };
enum { RELATIVE_TO_ITSELF = 0x10, RELATIVE_MASK = 0xf0, ENCODING_NONE = 0xff };

/* Bytes at an address, read from the front. */
struct cursor {
    const uint8_t *bytes;
    uint64_t size;
    uint64_t at;
    uint64_t address; /* of bytes[0] */
};

static bool take(struct cursor *cursor, void *value, size_t size)
{
    if (size > cursor->size - cursor->at)
        return false;
    memcpy(value, cursor->bytes + cursor->at, size);
    cursor->at += size;
    return true;
}

static bool take_leb128(struct cursor *cursor, uint64_t *value)
{
    uint8_t byte;
    *value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (!take(cursor, &byte, 1))
            return false;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return true;
    }
    return false;
}

static bool take_encoded(struct cursor *cursor, uint8_t encoding, uint64_t base, uint64_t *value)
{
    uint64_t here = cursor->address + cursor->at;
    int16_t s2;
    int32_t s4;
    uint16_t u2;
    uint32_t u4;
    bool took = false;
    switch (encoding & FORM_MASK) {
    case FORM_U2:
        took = take(cursor, &u2, sizeof(u2));
        *value = took ? u2 : 0;
        break;
    case FORM_U4:
        took = take(cursor, &u4, sizeof(u4));
        *value = took ? u4 : 0;
        break;
    case FORM_S2:
        took = take(cursor, &s2, sizeof(s2));
        *value = took ? (uint64_t)(int64_t)s2 : 0;
        break;
    case FORM_S4:
        took = take(cursor, &s4, sizeof(s4));
        *value = took ? (uint64_t)(int64_t)s4 : 0;
        break;
    case FORM_ABSOLUTE:
    case FORM_U8:
    case FORM_S8:
        took = take(cursor, value, sizeof(*value));
        break;
    }
    if (!took)
        return false;
    switch (encoding & RELATIVE_MASK) {
    case 0:
        *value += base;
        return true;
    case RELATIVE_TO_ITSELF:
        *value += here;
        return true;
    }
    return false;
}

/* The address encoding that a CIE (its bytes behind the id field) gives its FDEs. */
static uint8_t cie_encoding(struct cursor cie)
{
    uint8_t version, byte;
    uint64_t ignored;
    char augmentation[8] = {0};
    if (!take(&cie, &version, 1))
        return ENCODING_NONE;
    for (size_t i = 0;; i++) {
        if (i == sizeof(augmentation) || !take(&cie, &augmentation[i], 1))
            return ENCODING_NONE;
        if (augmentation[i] == 0)
            break;
    }
    if (augmentation[0] == 0)
        return FORM_ABSOLUTE;
    if (augmentation[0] != 'z')
        return ENCODING_NONE;
    /* code and data alignment, return register, length of the augmentation data */
    if (!take_leb128(&cie, &ignored) || !take_leb128(&cie, &ignored))
        return ENCODING_NONE;
    if (version == 1 ? !take(&cie, &byte, 1) : !take_leb128(&cie, &ignored))
        return ENCODING_NONE;
    if (!take_leb128(&cie, &ignored))
        return ENCODING_NONE;
    for (size_t i = 1; augmentation[i]; i++) {
        uint8_t encoding;
        switch (augmentation[i]) {
        case 'R':
            return take(&cie, &encoding, 1) ? encoding : ENCODING_NONE;
        case 'L':
            if (!take(&cie, &encoding, 1))
                return ENCODING_NONE;
            break;
        case 'P': /* personality: skip its address, whatever that is relative to */
            if (!take(&cie, &encoding, 1) || !take_encoded(&cie, encoding & FORM_MASK, 0, &ignored))
                return ENCODING_NONE;
            break;
        case 'S':
        case 'B':
            break;
        default:
            return ENCODING_NONE;
        }
    }
    return FORM_ABSOLUTE;
}

static bool add_frames(const struct elf_program *program, struct cursor table,
                       struct functions *functions)
{
    while (table.at < table.size) {
        uint32_t short_length, id;
        uint64_t length;
        if (!take(&table, &short_length, sizeof(short_length)) || short_length == 0)
            break;
        length = short_length;
        if (short_length == UINT32_MAX && !take(&table, &length, sizeof(length)))
            break;
        if (length < sizeof(id) || length > table.size - table.at)
            break;
        uint64_t id_at = table.at;
        struct cursor record = {table.bytes, table.at + length, table.at, table.address};
        table.at += length;
        take(&record, &id, sizeof(id));
        if (id == 0 || id > id_at)
            continue;
        /* An FDE: `id` is how far back its CIE starts, which again has a length and an id of 0. */
        struct cursor cie = {table.bytes, table.size, id_at - id, table.address};
        uint32_t cie_length, cie_id;
        if (!take(&cie, &cie_length, sizeof(cie_length)) || cie_length == UINT32_MAX ||
            !take(&cie, &cie_id, sizeof(cie_id)) || cie_id != 0)
            continue;
        uint8_t encoding = cie_encoding(cie);
        uint64_t start, size;
        if (encoding == ENCODING_NONE || !take_encoded(&record, encoding, program->base, &start) ||
            !take_encoded(&record, encoding & FORM_MASK, 0, &size) || size == 0)
            continue;
        if (!functions_add(functions, program, start, size, ""))
            return false;
    }
    return true;
}

/* .eh_frame by its header (PT_GNU_EH_FRAME: version, three encodings, then where it is). It has no
 * size there: a zero length ends it, at the latest its segment does. */
static bool find_by_header(const struct elf_program *program, struct cursor *table)
{
    Elf64_Ehdr header;
    memcpy(&header, program->bytes, sizeof(header));
    for (uint32_t i = 0; i < program->header_count; i++) {
        Elf64_Phdr here;
        memcpy(&here, program->bytes + header.e_phoff + i * sizeof(here), sizeof(here));
        if (here.p_type != PT_GNU_EH_FRAME)
            continue;
        uint8_t *bytes = elf_at(program, here.p_vaddr + program->base, here.p_memsz);
        if (!bytes)
            return false;
        struct cursor cursor = {bytes, here.p_memsz, 0, here.p_vaddr + program->base};
        uint8_t encodings[4];
        uint64_t address;
        if (!take(&cursor, encodings, sizeof(encodings)) || encodings[0] != 1 ||
            !take_encoded(&cursor, encodings[1], program->base, &address))
            return false;
        for (size_t s = 0; s < program->segment_count; s++) {
            const struct elf_segment *segment = &program->segments[s];
            if (address < segment->address || address - segment->address >= segment->memory_size)
                continue;
            uint64_t size = segment->memory_size - (address - segment->address);
            *table = (struct cursor){elf_at(program, address, size), size, 0, address};
            return true;
        }
    }
    return false;
}

/* .eh_frame by its section. */
static bool find_by_section(const struct elf_program *program, struct cursor *table)
{
    Elf64_Ehdr header;
    struct elf_section names, section;
    memcpy(&header, program->bytes, sizeof(header));
    if (!elf_section(program, header.e_shstrndx, &names) || !names.bytes)
        return false;
    size_t count = elf_section_count(program);
    for (size_t i = 0; i < count; i++) {
        static const char wanted[] = ".eh_frame";
        Elf64_Shdr raw;
        memcpy(&raw, program->bytes + header.e_shoff + i * sizeof(raw), sizeof(raw));
        if (raw.sh_name > names.size || sizeof(wanted) > names.size - raw.sh_name ||
            memcmp(names.bytes + raw.sh_name, wanted, sizeof(wanted)) != 0)
            continue;
        if (!elf_section(program, i, &section) || !section.bytes)
            return false;
        *table = (struct cursor){section.bytes, section.size, 0, section.address};
        return true;
    }
    return false;
}

cella_status functions_from_frames(const struct elf_program *program, struct functions *functions,
                                   cella_error *error)
{
    struct cursor table;
    struct functions found = {0};
    if (!find_by_section(program, &table) && !find_by_header(program, &table)) {
        *functions = found;
        return CELLA_OK;
    }
    if (!add_frames(program, table, &found)) {
        functions_free(&found);
        return fail(error, CELLA_MEMORY, "%s: no memory for its unwind tables", program->name);
    }
    functions_settle(&found, program);
    *functions = found;
    return CELLA_OK;
}
