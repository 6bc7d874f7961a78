#pragma once
// GET /api/admin/workers, which shows also whoever waits here.
// POST /api/worker/claim, complete, fail, extend, progress, log: a wire over the functions of the
// same names.
#include "route/router.hpp"
#include "worker/lounge.hpp"

namespace ayb::worker {

class Work {
  public:
    std::vector<api::Route> routes();
    void close();

  private:
    http::Response claim(const api::Call &call);
    http::Response list(const api::Call &call);
    Lounge &lounge_of(db::Pool &pool);

    std::mutex mutex_;                                            // guards what follows
    std::map<const db::Pool *, std::unique_ptr<Lounge>> lounges_; // made when somebody waits
};

} // namespace ayb::worker
