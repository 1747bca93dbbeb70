/* SPDX-License-Identifier: MIT */
/* Kinds: the library's, and those that scripts make. A kind lives as long as the process. */
#include "binding.h"
#include <pthread.h>
#include <string.h>

static SCM kind_type;
static kind_record *newest; /* the first of all, under lock */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static const kind_record *kind_first(void)
{
    (void)pthread_mutex_lock(&lock);
    const kind_record *first = newest;
    (void)pthread_mutex_unlock(&lock);
    return first;
}

const kind_record *kind_find(const sh_kind *kind)
{
    const kind_record *record = kind_first();
    while (record != NULL && record->kind != kind)
        record = record->next;
    return record;
}

static const kind_record *kind_named(SCM symbol)
{
    const kind_record *record = kind_first();
    for (; record != NULL; record = record->next) {
        if (record->kind != &record->own && scm_is_eq(symbol, scm_from_utf8_symbol(record->kind->name)))
            break;
    }
    return record;
}

const kind_record *kind_of_object(const char *who, SCM object, int position)
{
    const kind_record *record = NULL;
    if (is_of_type(object, kind_type))
        record = scm_foreign_object_ref(object, 0);
    else if (scm_is_symbol(object))
        record = kind_named(object);
    if (record == NULL)
        scm_wrong_type_arg_msg(who, position, object, "handle kind, or a symbol: fd, file, socket, pipe or event");
    return record;
}

sh_create_options kind_options(const kind_record *record)
{
    sh_create_options options = {.domain = domain_current()};
    if (record->kind->release == release_note) {
        release_reserve(1);
        options.context = (void *)(uintptr_t)record;
    }
    return options;
}

/* Nothing here is ever freed, and the objects in it are protected for ever. */
static SCM kind_enlist(kind_record *record)
{
    record->object = scm_permanent_object(scm_make_foreign_object_1(kind_type, record));
    scm_permanent_object(record->release);
    scm_permanent_object(record->duplicate);
    (void)pthread_mutex_lock(&lock);
    record->next = newest;
    newest = record;
    (void)pthread_mutex_unlock(&lock);
    return record->object;
}

static SCM kind_enlist_built_in(const sh_kind *kind)
{
    kind_record *record = scm_malloc(sizeof *record);
    *record = (kind_record){.kind = kind, .release = SCM_BOOL_F, .duplicate = SCM_BOOL_F};
    return kind_enlist(record);
}

/* What a kind does not say itself is as its base has it. */
static void kind_inherit(kind_record *record, const kind_record *base)
{
    record->own.base = base->kind;
    record->own.invalid_value = base->kind->invalid_value;
    record->own.is_invalid = base->kind->is_invalid;
    record->own.release = base->kind->release;
    record->own.duplicate = base->kind->duplicate;
    record->own.flags = base->kind->flags;
    record->release = base->release;
    record->duplicate = base->duplicate;
}

/* invalid: a number, zero-or-minus-one, or #f. */
static void kind_set_invalid(const char *who, kind_record *record, SCM invalid)
{
    if (scm_is_eq(invalid, scm_from_utf8_symbol("zero-or-minus-one"))) {
        record->own.invalid_value = -1;
        record->own.is_invalid = sh_invalid_zero_or_minus_one;
    } else if (scm_is_integer(invalid)) {
        record->own.invalid_value = scm_to_intptr_t(invalid);
        record->own.is_invalid = NULL;
    } else if (scm_is_true(invalid)) {
        scm_wrong_type_arg_msg(who, 3, invalid, "integer or zero-or-minus-one");
    }
}

static SCM kind_make(SCM name, SCM base, SCM invalid, SCM release, SCM duplicate)
{
    const char *who = "make-handle-kind";
    const kind_record *above = scm_is_true(base) ? kind_of_object(who, base, 2) : NULL;
    if (above == NULL && scm_is_false(release))
        scm_misc_error(who, "The kind ~S has neither a release nor a base that has one: say #:release.",
                       scm_list_1(name));
    if (scm_is_true(release) && scm_is_false(scm_procedure_p(release)))
        scm_wrong_type_arg_msg(who, 4, release, "procedure");
    if (scm_is_true(duplicate) && scm_is_false(scm_procedure_p(duplicate)))
        scm_wrong_type_arg_msg(who, 5, duplicate, "procedure");
    kind_record *record = scm_malloc(sizeof *record);
    *record = (kind_record){.release = SCM_BOOL_F, .duplicate = SCM_BOOL_F, .own.invalid_value = -1};
    record->kind = &record->own;
    if (above != NULL)
        kind_inherit(record, above);
    kind_set_invalid(who, record, invalid);
    if (scm_is_true(release)) {
        record->release = release;
        record->own.release = release_note;
    }
    if (scm_is_true(duplicate)) {
        record->duplicate = duplicate;
        record->own.duplicate = NULL;
    }
    record->own.name = scm_to_utf8_string(name);
    return kind_enlist(record);
}

static SCM kind_p(SCM object)
{
    return scm_from_bool(is_of_type(object, kind_type));
}

static SCM kind_name(SCM object)
{
    return scm_from_utf8_string(kind_of_object("handle-kind-name", object, 1)->kind->name);
}

static SCM kind_base(SCM object)
{
    const sh_kind *base = kind_of_object("handle-kind-base", object, 1)->kind->base;
    return base == NULL ? SCM_BOOL_F : kind_find(base)->object;
}

static SCM kind_release(SCM object)
{
    return kind_of_object("handle-kind-release", object, 1)->release;
}

static SCM kind_duplicate(SCM object)
{
    return kind_of_object("handle-kind-duplicate", object, 1)->duplicate;
}

void kind_init(void)
{
    kind_type = scm_permanent_object(scm_make_foreign_object_type(scm_from_utf8_symbol("<handle-kind>"),
                                                                  scm_list_1(scm_from_utf8_symbol("record")), NULL));
    scm_c_define("fd-kind", kind_enlist_built_in(&sh_kind_fd));
    scm_c_define("file-kind", kind_enlist_built_in(&sh_kind_file));
    scm_c_define("socket-kind", kind_enlist_built_in(&sh_kind_socket));
    scm_c_define("pipe-kind", kind_enlist_built_in(&sh_kind_pipe));
    scm_c_define("event-kind", kind_enlist_built_in(&sh_kind_event));
    scm_c_define("<handle-kind>", kind_type);
    DEFINE("%make-kind", 5, 0, kind_make);
    DEFINE("handle-kind?", 1, 0, kind_p);
    DEFINE("handle-kind-name", 1, 0, kind_name);
    DEFINE("handle-kind-base", 1, 0, kind_base);
    DEFINE("%kind-release", 1, 0, kind_release);
    DEFINE("%kind-duplicate", 1, 0, kind_duplicate);
}
