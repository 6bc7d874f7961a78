#!/bin/bash
# No constructor runs when the library is loaded and no destructor when the backend exits: the objects are asked,
# not the text. Builds them if need be. constructors.sh [ROOT] looks at the objects that lie below ROOT/extension.
source "$(dirname "$0")/lib.sh"

[[ ${1:-} ]] || make -s build
for object in extension/**/*.o; do
    symbols=$(nm -C "$object")
    source=${object%.o}.cpp
    [[ $symbols != *_GLOBAL__sub_I_* ]] || wrong "$source:1" "constructs an object of namespace scope when the library is loaded"
    [[ $symbols != *" U __cxa_atexit"* ]] || wrong "$source:1" "has a static object with a destructor"
    [[ $symbols != *" U __cxa_guard_acquire"* ]] || wrong "$source:1" "has a local static that is constructed at run time"
done
finish
