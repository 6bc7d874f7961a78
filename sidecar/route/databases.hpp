#pragma once
// The databases that are served, each with a pool of its own.
#include "db/pool.hpp"
#include "http/query.hpp"

namespace ayb::api {

struct NamedPool {
    std::string name;
    db::Pool &pool;
};

class Databases {
  public:
    // The first is what a request is about that names none. There is one at least; the pools have
    // to outlive it.
    explicit Databases(std::vector<NamedPool> all) : all_(std::move(all)) {}

    const std::vector<NamedPool> &all() const { return all_; }
    db::Pool &first() const { return all_.front().pool; }
    // That of ?database=NAME; throws Failure 404 where there is none of this name.
    db::Pool &named(const std::string &name) const;
    // Its place among all; 0 where there is none.
    std::size_t place_of(const std::string &name) const noexcept;

  private:
    const std::vector<NamedPool> all_;
};

} // namespace ayb::api
