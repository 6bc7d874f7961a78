#pragma once
// Of each database one, made when it is first needed: who waits there. T is made of a pool, and has
// close(), after which nobody waits any more.
#include "db/pool.hpp"

#include <map>
#include <memory>
#include <mutex>

namespace ayb::api {

template <class T> class PerPool {
  public:
    T &of(db::Pool &pool) {
        const std::lock_guard lock(mutex_);
        std::unique_ptr<T> &one = all_[&pool];
        if (!one) {
            one = std::make_unique<T>(pool);
            if (closed_)
                one->close();
        }
        return *one;
    }

    // Null where it hasn't been needed.
    T *find(const db::Pool &pool) {
        const std::lock_guard lock(mutex_);
        const auto found = all_.find(&pool);
        return found == all_.end() ? nullptr : found->second.get();
    }

    void close() {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        for (const auto &[pool, one] : all_)
            one->close();
    }

  private:
    std::mutex mutex_; // guards what follows
    bool closed_ = false;
    std::map<const db::Pool *, std::unique_ptr<T>> all_;
};

} // namespace ayb::api
