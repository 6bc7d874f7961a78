#include "app/work.hpp"

#include "app/log.hpp"
#include "work/work.hpp"

namespace ayb::app {

int work(const work::Options &options) {
    start_log("information");
    work::work(options, [](const std::string &what, const std::string &job) {
        log_warning(what, {{"job", job}});
    });
    return 0;
}

} // namespace ayb::app
