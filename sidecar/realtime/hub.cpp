#include "realtime/hub.hpp"

#include <algorithm>

namespace ayb::realtime {

namespace {

// The server cuts an answer off after a second or two by itself.
constexpr std::chrono::seconds kAskTimeout{5};
constexpr std::chrono::seconds kWatchTimeout{60};

} // namespace

Hub::Hub(const HubSettings &settings, Note note)
    : settings_(settings),
      note_(std::move(note)), askers_{SessionSlot(settings.session, kAskTimeout),
                                      SessionSlot(settings.session, kAskTimeout)},
      watcher_(settings.session, kWatchTimeout) {
    for (SessionSlot &slot : askers_)
        threads_.emplace_back([this, &slot] { ask_on(slot); });
    threads_.emplace_back([this] { watch(); });
    threads_.emplace_back([this] { keep_time(); });
}

Hub::~Hub() {
    close();
    for (std::thread &thread : threads_)
        thread.join();
}

void Hub::join(const std::string &identity, Tables tables, Joiner joiner) {
    bool more_tables = false;
    {
        const std::lock_guard lock(mutex_);
        if (closed_)
            throw api::Failure(503, "server is shutting down");
        Budget &budget = budgets_.emplace(identity, Budget(settings_.budget)).first->second;
        if (budget.exhausted(Clock::now()))
            throw api::Failure(429, "what may be seen takes too long to find out");
        GroupPtr &group = groups_[{identity, oids_of(tables)}];
        if (!group) {
            group = std::make_shared<Group>();
            group->identity = identity;
            group->tables = std::move(tables);
            for (const auto &entry : group->tables)
                by_table_[entry.first].insert(group.get());
            more_tables = true;
            tables_version_++;
        }
        group->joiners.push_back(std::move(joiner));
    }
    tables_changed_.notify_all();
    due_.notify_one();
    if (more_tables)
        watcher_.interrupt(); // it is to wait for these, too
}

bool Hub::disconnect(const std::string &client) {
    const std::lock_guard lock(mutex_);
    for (const auto &entry : groups_) {
        auto &listeners = entry.second->listeners;
        const auto found = std::find_if(listeners.begin(), listeners.end(), [&](const auto &one) {
            return one->who().client == client;
        });
        if (found == listeners.end())
            continue;
        (*found)->end(error_frame(403, "disconnected by an administrator"));
        listeners.erase(found);
        return true;
    }
    return false;
}

std::size_t Hub::size() {
    const std::lock_guard lock(mutex_);
    std::size_t size = 0;
    for (const auto &entry : groups_)
        size += entry.second->listeners.size();
    return size;
}

std::vector<Hub::Seen> Hub::listeners() {
    std::vector<Seen> all;
    const std::lock_guard lock(mutex_);
    for (const auto &[key, group] : groups_) {
        const std::vector<std::string> names = names_of(group->tables);
        for (const auto &listener : group->listeners)
            all.push_back({listener, names});
    }
    return all;
}

void Hub::close() {
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        for (const auto &[key, group] : groups_)
            send_away(*group, http::error_response(503, "server is shutting down"), "");
    }
    for (SessionSlot &slot : askers_)
        slot.interrupt();
    watcher_.interrupt();
    due_.notify_all();
    tables_changed_.notify_all();
    closing_.notify_all();
}

} // namespace ayb::realtime
