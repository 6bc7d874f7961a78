#pragma once
// What a feed is of, and what it has.
#include "memory/part.hpp"

namespace ayb {

inline constexpr int kMostFeeds = 1024;
inline constexpr int kMostListeners = 64;            // sessions that sleep until something comes
inline constexpr int kFeedSeconds = 60;              // a lease
inline constexpr uint32 kMostImageBytes = 64 * 1024; // of a row; one that is larger has none

enum class Resync : int { lost, overflow, truncated, definition, prepared };
enum class FeedOp : uint8 { insert, update, remove };

struct FeedKey {
    Oid database;
    Oid table;
    bool operator==(const FeedKey &other) const {
        return database == other.database && table == other.table;
    }
};

// An event: this, then its bytes: the columns that an update changed, a bit each; a row that has
// the key alone (of the new row); the old row. Each may be empty.
struct FeedEvent {
    uint64 seq; // given when it is published
    TimestampTz at;
    uint64 stamp; // of the table's definition when the row was written
    FeedOp op;
    bool moved; // an update gave it another key
    uint32 changed;
    uint32 key;
    uint32 old;

    uint32 bytes() const { return changed + key + old; }
};

// What a listener says of a table: a number for its definition, one for the tables that it is made
// of, and one for their files, which a TRUNCATE changes; and whether its policies leave something
// to functions or to other tables.
struct Definition {
    uint64 stamp;
    uint64 tree;
    uint64 files;
    bool asks;
};

} // namespace ayb
