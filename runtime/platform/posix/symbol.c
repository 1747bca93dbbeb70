/* SPDX-License-Identifier: MIT */
/*
 * What stands at an address. dladdr(3) knows exported functions only, and releases are static: so the file's own table
 * of symbols is read, where it has not been stripped.
 */
#include "platform/call_stack.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Invariant: bytes are size_bytes of a mapped file, or NULL. */
typedef struct elf_file {
    const char *bytes;
    size_t size_bytes;
} elf_file;

static elf_file map_file(const char *path)
{
    elf_file file = {NULL, 0};
    struct stat about;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor >= 0 && fstat(descriptor, &about) == 0 && about.st_size > 0) {
        void *bytes = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
        if (bytes != MAP_FAILED)
            file = (elf_file){bytes, (size_t)about.st_size};
    }
    if (descriptor >= 0)
        (void)close(descriptor);
    return file;
}

static void unmap_file(const elf_file *file)
{
    if (file->bytes != NULL)
        (void)munmap((void *)(uintptr_t)file->bytes, file->size_bytes);
}

/* count things of size_bytes at offset; NULL when the file has not so many. */
static const void *part(const elf_file *file, size_t offset, size_t count, size_t size_bytes)
{
    bool inside = offset <= file->size_bytes && count <= (file->size_bytes - offset) / size_bytes;
    return inside ? file->bytes + offset : NULL;
}

static const ElfW(Ehdr) * header_of(const elf_file *file)
{
    const ElfW(Ehdr) *header = part(file, 0, 1, sizeof *header);
    bool is_elf = header != NULL && header->e_ident[EI_MAG0] == ELFMAG0 && header->e_ident[EI_MAG1] == ELFMAG1 &&
                  header->e_ident[EI_MAG2] == ELFMAG2 && header->e_ident[EI_MAG3] == ELFMAG3 &&
                  header->e_shentsize == sizeof(ElfW(Shdr));
    return is_elf ? header : NULL;
}

/* The function around place, an address as the file counts them; NULL when none is known. Its name lies in the file. */
static const char *find_in(const elf_file *file, const ElfW(Shdr) * table, const ElfW(Shdr) * names, size_t place,
                           size_t *out_offset)
{
    size_t count = table->sh_size / sizeof(ElfW(Sym));
    const ElfW(Sym) *symbols = part(file, table->sh_offset, count, sizeof *symbols);
    const char *text = part(file, names->sh_offset, names->sh_size, 1);
    if (symbols == NULL || text == NULL || names->sh_size == 0 || text[names->sh_size - 1] != '\0')
        return NULL;
    for (size_t i = 0; i < count; i++) {
        const ElfW(Sym) *symbol = &symbols[i];
        bool function = (symbol->st_info & 0xf) == STT_FUNC && symbol->st_shndx != SHN_UNDEF;
        if (function && place >= symbol->st_value && place - symbol->st_value < symbol->st_size &&
            symbol->st_name < names->sh_size) {
            *out_offset = place - symbol->st_value;
            return text + symbol->st_name;
        }
    }
    return NULL;
}

static const char *find_function(const elf_file *file, size_t base, size_t address, size_t *out_offset)
{
    const ElfW(Ehdr) *header = header_of(file);
    const ElfW(Shdr) *sections =
        header == NULL ? NULL : part(file, header->e_shoff, header->e_shnum, sizeof(ElfW(Shdr)));
    if (sections == NULL)
        return NULL;
    size_t place = header->e_type == ET_EXEC ? address : address - base;
    for (size_t i = 0; i < header->e_shnum; i++) {
        if (sections[i].sh_type != SHT_SYMTAB || sections[i].sh_link >= header->e_shnum)
            continue;
        const char *name = find_in(file, &sections[i], &sections[sections[i].sh_link], place, out_offset);
        if (name != NULL)
            return name;
    }
    return NULL;
}

void platform_symbol_describe(const void *address, char *out_text, size_t capacity_bytes)
{
    Dl_info found;
    /* What a stack holds is where each call returns to, which may be the first byte of the next function. */
    size_t call = (size_t)address - 1;
    if (dladdr((const void *)call, &found) == 0) {
        (void)snprintf(out_text, capacity_bytes, "%p", address);
        return;
    }
    size_t offset = 0, base = (size_t)found.dli_fbase;
    elf_file file = map_file(found.dli_fname);
    const char *name = find_function(&file, base, call, &offset);
    if (name == NULL && found.dli_sname != NULL) {
        name = found.dli_sname;
        offset = call - (size_t)found.dli_saddr;
    }
    if (name != NULL)
        (void)snprintf(out_text, capacity_bytes, "%s+%#zx (%s)", name, offset + 1, found.dli_fname);
    else
        (void)snprintf(out_text, capacity_bytes, "+%#zx (%s)", (size_t)address - base, found.dli_fname);
    unmap_file(&file);
}
