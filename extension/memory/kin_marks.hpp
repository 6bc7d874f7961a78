#pragma once
// The marks of a database, and its rings of jobs that are to be looked at (memory/kin.hpp).
#include "core/uuid7.hpp"
#include "memory/part.hpp"

namespace ayb {

enum class Kin : int {
    parent,  // has children that may want its result
    watched, // a child waits for its end
    child,   // has edges of its own
};
inline constexpr int kKins = 3;

inline constexpr int kKinWords = 4096; // of 32 marks
inline constexpr int kKinRing = 4096;  // jobs that are to be looked at

// A job whose children are to be looked at, and itself if it waits. What has ended before anybody
// could tell the job so is seen only if it is judged by all of its parents; else those count that
// are asked about beside it.
struct KinLook {
    core::Uuid id;
    bool by_all;
};

struct KinRing {
    uint32 first;
    uint32 count;
    KinLook looks[kKinRing];
};

// Within a Database. All zero at first.
struct KinMarks {
    pg_atomic_uint32 generation;
    pg_atomic_uint32 used;  // a mark was set since the generation began, or there are edges
    pg_atomic_uint32 stars; // and one of a job that waits for all others of its flow
    pg_atomic_uint32 bits[kKins][kKinWords];
    pg_atomic_uint32 waiting; // jobs are to be looked at
    pg_atomic_uint32 sweep;   // all are
    pg_atomic_uint32 busy;    // somebody looks at them
    KinRing now;              // these two by the database's mutex
    KinRing later;            // what somebody had locked: for the scheduler
    pg_atomic_uint64 put_off; // since when there is any of it, a TimestampTz; 0 for none
};

} // namespace ayb
