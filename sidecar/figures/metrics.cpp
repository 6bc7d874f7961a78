#include "figures/metrics.hpp"

#include "figures/asked.hpp"
#include "route/fresh.hpp"

#include <algorithm>

namespace ayb::figures {

void Counters::note(int status, std::chrono::microseconds took) {
    const int place = status - 100;
    if (place >= 0 && place < static_cast<int>(statuses_.size()))
        statuses_[static_cast<std::size_t>(place)]++;
    const double seconds = static_cast<double>(took.count()) / 1e6;
    const auto bound = std::lower_bound(kBounds.begin(), kBounds.end(), seconds);
    times_[static_cast<std::size_t>(bound - kBounds.begin())]++;
    microseconds_ += static_cast<unsigned long long>(took.count());
}

void Counters::add_to(Page &page) const {
    for (std::size_t i = 0; i < statuses_.size(); i++)
        if (const auto count = statuses_[i].load(); count != 0)
            page.add("ayb_jobs_http_requests_total", label("code", std::to_string(100 + i)),
                     std::to_string(count));
    Buckets buckets{
        {kBounds.begin(), kBounds.end()}, {}, static_cast<double>(microseconds_.load()) / 1e6};
    for (const Count &count : times_)
        buckets.counts.push_back(count.load());
    page.add("ayb_jobs_http_request_seconds", "", buckets);
    page.add("ayb_jobs_http_connections", "", std::to_string(connections()));
    page.add("ayb_jobs_http_listeners", "", std::to_string(listeners()));
    page.add("ayb_jobs_realtime_listeners", "", std::to_string(realtime_listeners()));
    page.add("ayb_jobs_realtime_events_total", "", std::to_string(realtime_events()));
}

namespace {

constexpr std::chrono::milliseconds kAge{1000};
// So long a database may take to say what it has; Prometheus waits for ten seconds by default.
constexpr std::chrono::milliseconds kPatience{2000};

// All at once: so one that hangs costs the others no more than its patience.
Page ask_all(std::vector<Asked> &all) {
    for (Asked &one : all)
        one.ask();
    Page page;
    const auto end = Asked::Clock::now() + kPatience;
    for (Asked &one : all)
        one.add_to(page, end);
    return page;
}

http::Response metrics(std::optional<Page> asked, const Counters &counters) {
    if (!asked)
        throw api::Failure(503, "the first metrics are being asked for");
    counters.add_to(*asked);
    http::Response response = api::json_response(asked->text());
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    return response;
}

} // namespace

// It may want no token, so all askers together cost a database two statements a second.
std::vector<api::Route> metrics_routes(const api::Databases &databases, const Counters &counters,
                                       const Shown &shown) {
    const auto all = std::make_shared<std::vector<Asked>>();
    for (const api::NamedPool &one : databases.all())
        all->emplace_back(one, shown.most_types);
    const auto asked = std::make_shared<api::Fresh<Page>>(kAge, [all] { return ask_all(*all); });
    api::Route route{"GET", "/metrics", api::Access::open, [asked, &counters](const api::Call &) {
                         return metrics(asked->get(), counters);
                     }};
    if (shown.wants_token)
        route.access = api::Access::read;
    return {std::move(route)};
}

} // namespace ayb::figures
