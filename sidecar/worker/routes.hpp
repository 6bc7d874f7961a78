#pragma once
// GET /api/admin/workers, which shows also whoever waits here.
// POST /api/worker/claim, complete, fail, extend, progress, log: a wire over the functions of the
// same names.
#include "route/per_pool.hpp"
#include "route/router.hpp"
#include "worker/lounge.hpp"

namespace ayb::worker {

class Work {
  public:
    std::vector<api::Route> routes();
    void close() { lounges_.close(); }

  private:
    http::Response claim(const api::Call &call);
    http::Response list(const api::Call &call);

    api::PerPool<Lounge> lounges_;
};

} // namespace ayb::worker
