#include "memory/state.hpp"

extern "C" {
#include "common/hashfn.h"
}

namespace ayb {

uint64 hash_of_type(const char *type) {
    const auto *bytes = reinterpret_cast<const unsigned char *>(type);
    return hash_bytes_extended(bytes, static_cast<int>(strlen(type)), 0);
}

} // namespace ayb
