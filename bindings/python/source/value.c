/* SPDX-License-Identifier: MIT */
/* Between the numbers of Python and those of C. */
#include "function.h"
#include <string.h>

/* ROW(type, C type, whether it is signed) of every integer type. */
#define INTEGER_TYPES(ROW)                                                                                             \
    ROW(SH_TYPE_I8, int8_t, true)                                                                                      \
    ROW(SH_TYPE_U8, uint8_t, false)                                                                                    \
    ROW(SH_TYPE_I16, int16_t, true)                                                                                    \
    ROW(SH_TYPE_U16, uint16_t, false)                                                                                  \
    ROW(SH_TYPE_I32, int32_t, true)                                                                                    \
    ROW(SH_TYPE_U32, uint32_t, false)                                                                                  \
    ROW(SH_TYPE_I64, int64_t, true)                                                                                    \
    ROW(SH_TYPE_U64, uint64_t, false)                                                                                  \
    ROW(SH_TYPE_INT, int, true)                                                                                        \
    ROW(SH_TYPE_UINT, unsigned, false)                                                                                 \
    ROW(SH_TYPE_LONG, long, true)                                                                                      \
    ROW(SH_TYPE_ULONG, unsigned long, false)                                                                           \
    ROW(SH_TYPE_ISIZE, intptr_t, true)                                                                                 \
    ROW(SH_TYPE_USIZE, uintptr_t, false)

typedef struct type_row {
    size_t size_bytes;
    bool is_integer;
    bool is_signed;
} type_row;

#define TYPE_ROW(type, c_type, sign) [type] = {sizeof(c_type), true, sign},

static const type_row types[] = {
    INTEGER_TYPES(TYPE_ROW)[SH_TYPE_BOOL] = {sizeof(bool), false, false}, [SH_TYPE_F32] = {sizeof(float), false, false},
    [SH_TYPE_F64] = {sizeof(double), false, false}, [SH_TYPE_POINTER] = {sizeof(void *), false, false}};

/* Only for messages: it takes longer than the conversion. */
const char *parameter_name(const sh_signature *signature, size_t number)
{
    static __thread char text[160];
    const char *name = signature->parameters[number - 1].name;
    if (name != NULL)
        (void)PyOS_snprintf(text, sizeof text, "%.60s: %.60s", signature->name, name);
    else
        (void)PyOS_snprintf(text, sizeof text, "%.60s: parameter %zu", signature->name, number);
    return text;
}

/* ---- from Python ------------------------------------------------------------------------------------------------- */

static int out_of_range(PyObject *number, const type_row *row, const sh_signature *signature, size_t parameter)
{
    PyErr_Format(PyExc_OverflowError, "%s: %R does not fit into %zu %s bits", parameter_name(signature, parameter),
                 number, row->size_bytes * 8, row->is_signed ? "signed" : "unsigned");
    return -1;
}

static int integer_fit(PyObject *number, const type_row *row, const sh_signature *signature, size_t parameter,
                       sh_value *out_value)
{
    unsigned unused = 64 - (unsigned)row->size_bytes * 8;
    bool fits;
    if (row->is_signed) {
        out_value->i = PyLong_AsLongLong(number);
        fits = !PyErr_Occurred() && out_value->i <= INT64_MAX >> unused && out_value->i >= INT64_MIN >> unused;
    } else {
        out_value->u = PyLong_AsUnsignedLongLong(number);
        fits = !PyErr_Occurred() && out_value->u <= UINT64_MAX >> unused;
    }
    if (fits)
        return 0;
    PyErr_Clear(); /* CPython's own words name types of C that are not the signature's */
    return out_of_range(number, row, signature, parameter);
}

static int integer_read(PyObject *object, const type_row *row, const sh_signature *signature, size_t parameter,
                        sh_value *out_value)
{
    PyObject *number = PyNumber_Index(object);
    if (number == NULL) {
        PyErr_Format(PyExc_TypeError, "%s: a number is needed, not %R", parameter_name(signature, parameter), object);
        return -1;
    }
    int failed = integer_fit(number, row, signature, parameter, out_value);
    Py_DECREF(number);
    return failed;
}

static int bool_read(PyObject *object, sh_value *out_value)
{
    int is_true = PyObject_IsTrue(object);
    out_value->u = is_true > 0;
    return is_true < 0 ? -1 : 0;
}

int value_read(PyObject *object, sh_type type, const sh_signature *signature, size_t parameter, sh_value *out_value)
{
    if (types[type].is_integer)
        return integer_read(object, &types[type], signature, parameter, out_value);
    if (type == SH_TYPE_BOOL)
        return bool_read(object, out_value);
    if (type == SH_TYPE_POINTER) {
        out_value->pointer = object == Py_None ? NULL : PyLong_AsVoidPtr(object);
        return out_value->pointer == NULL && PyErr_Occurred() ? -1 : 0;
    }
    double number = PyFloat_AsDouble(object);
    if (number == -1.0 && PyErr_Occurred())
        return -1;
    if (type == SH_TYPE_F32)
        out_value->f32 = (float)number;
    else
        out_value->f64 = number;
    return 0;
}

/* ---- to Python --------------------------------------------------------------------------------------------------- */

PyObject *value_make(sh_value value, sh_type type)
{
    switch (type) {
    case SH_TYPE_BOOL:
        return PyBool_FromLong(value.u != 0);
    case SH_TYPE_F32:
        return PyFloat_FromDouble((double)value.f32);
    case SH_TYPE_F64:
        return PyFloat_FromDouble(value.f64);
    case SH_TYPE_POINTER:
        return value.pointer == NULL ? Py_NewRef(Py_None) : PyLong_FromVoidPtr(value.pointer);
    default:
        return types[type].is_signed ? PyLong_FromLongLong(value.i) : PyLong_FromUnsignedLongLong(value.u);
    }
}

/* ---- structs ----------------------------------------------------------------------------------------------------- */

#define STORE_ROW(type, c_type, sign)                                                                                  \
    case type: {                                                                                                       \
        c_type number = (c_type)value->u;                                                                              \
        memcpy(place, &number, sizeof number);                                                                         \
        break;                                                                                                         \
    }

static void store(char *place, const sh_value *value, sh_type type)
{
    switch (type) {
        INTEGER_TYPES(STORE_ROW)
        STORE_ROW(SH_TYPE_BOOL, bool, false)
    default: /* of a union all members begin at its beginning */
        memcpy(place, value, types[type].size_bytes);
        break;
    }
}

static int pack_members(PyObject *members, const sh_signature *signature, size_t number, char *bytes)
{
    const sh_parameter *parameter = &signature->parameters[number - 1];
    size_t end = 0;
    for (size_t i = 0; i < parameter->member_count; i++) {
        sh_type type = parameter->members[i].type;
        size_t size_bytes = types[type].size_bytes;
        sh_value value = {.u = 0};
        if (value_read(PyTuple_GetItem(members, (Py_ssize_t)i), type, signature, number, &value) != 0)
            return -1;
        end = (end + size_bytes - 1) / size_bytes * size_bytes;
        store(bytes + end, &value, type);
        end += size_bytes;
    }
    return 0;
}

PyObject *value_pack(PyObject *object, const sh_signature *signature, size_t number, size_t size_bytes)
{
    const sh_parameter *parameter = &signature->parameters[number - 1];
    PyObject *members = PySequence_Tuple(object);
    if (members == NULL)
        return NULL;
    PyObject *bytes = NULL;
    if ((size_t)PyTuple_Size(members) != parameter->member_count)
        PyErr_Format(PyExc_ValueError, "%s: the struct has %zu members, not %zd", parameter_name(signature, number),
                     parameter->member_count, PyTuple_Size(members));
    else
        bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size_bytes);
    if (bytes != NULL) {
        memset(PyBytes_AsString(bytes), 0, size_bytes);
        if (pack_members(members, signature, number, PyBytes_AsString(bytes)) != 0)
            Py_CLEAR(bytes);
    }
    Py_DECREF(members);
    return bytes;
}
