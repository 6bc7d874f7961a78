#pragma once
// Arrays of JSON objects that each stand for a call: its arguments are their keys.
#include "pg/postgres.hpp"

namespace ayb {

// A key, and the type of its value: a JSON number for an integer, true or false for a boolean,
// anything for jsonb, else a string that the type reads.
struct Key {
    const char *name;
    Oid type;
};

// The array "jobs", and what of it is being read. Palloc'd: on the stack a jump may lose it.
struct Objects {
    const char *argument;
    Jsonb *array;
    const Key *keys;
    int key_count;
    int count;
    int *order;      // in which they are read; null for that of the array
    int element;     // that is read
    const char *key; // of that; null where it is none's
};

// The array in argument `number`: 22004, 22023.
Objects *objects_argument(FunctionCallInfo fcinfo, int number, const Key *keys, int key_count);

// Reads element `number` into as many values as there are keys: what is left out is NULL, and so is
// a null, but for jsonb.
void read_object(Objects *objects, int number, NullableDatum *values);

// Reads the one object that `argument` is, in the same way. 22023 for one that isn't.
void read_named(Jsonb *object, const char *argument, const Key *keys, int key_count,
                NullableDatum *values);

// Raises the error at hand again; it says which element it is about, in its message and in the name
// of the argument.
[[noreturn]] void rethrow(const Objects &objects, MemoryContext context);

// Reads them one by one and calls visit(number) for each.
template <typename Visit>
void each_object(Objects *objects, NullableDatum *values, const Visit &visit) {
    MemoryContext context = CurrentMemoryContext;
    PG_TRY();
    {
        for (int i = 0; i < objects->count; i++) {
            const int number = objects->order != nullptr ? objects->order[i] : i;
            read_object(objects, number, values);
            visit(number);
        }
    }
    PG_CATCH();
    { rethrow(*objects, context); }
    PG_END_TRY();
}

} // namespace ayb
