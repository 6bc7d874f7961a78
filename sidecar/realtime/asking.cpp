#include "realtime/hub.hpp"

namespace ayb::realtime {

namespace {

// What comes so soon after something is told together.
constexpr std::chrono::milliseconds kTogether{100};
// A position is kept young, and rights are looked at again.
constexpr std::chrono::seconds kLongestSilence{20};
constexpr std::chrono::seconds kCutOff{1};
constexpr std::chrono::milliseconds kPatience{50};

http::Response stream_response(const Listener &listener, const std::string &id) {
    http::Response response;
    response.content_type = "text/event-stream";
    response.headers.emplace_back("X-Accel-Buffering", "no");
    response.body = connected_frame(listener.who().client, id);
    response.stream = listener.stream();
    return response;
}

} // namespace

void Hub::ask_on(SessionSlot &slot) {
    std::unique_lock lock(mutex_);
    while (const GroupPtr group = take_due(lock)) {
        lock.unlock();
        serve(*group, slot);
        lock.lock();
        group->busy = false;
    }
}

// Under the lock.
Hub::Clock::time_point Hub::due_at(const Group &group, Clock::time_point now) const {
    Clock::time_point at = group.asked + kLongestSilence;
    if (!group.joiners.empty() || !group.position)
        at = now;
    else if (group.changed)
        at = group.asked + kTogether;
    const auto budget = budgets_.find(group.identity);
    if (budget != budgets_.end())
        at = std::max(at, budget->second.free_at());
    return std::max(at, group.not_before);
}

// The one that has been due for longest; nothing when all is over.
Hub::GroupPtr Hub::take_due(std::unique_lock<std::mutex> &lock) {
    while (!closed_) {
        const Clock::time_point now = Clock::now();
        Clock::time_point next = now + kLongestSilence;
        GroupPtr first;
        for (const auto &[key, group] : groups_) {
            if (group->busy || (group->joiners.empty() && group->listeners.empty()))
                continue;
            const Clock::time_point at = std::max(due_at(*group, now), away_until_);
            if (at < next || (at == next && !first)) {
                next = at;
                first = group;
            }
        }
        if (first && next <= now) {
            first->busy = true;
            return first;
        }
        due_.wait_until(lock, next);
    }
    return nullptr;
}

void Hub::serve(Group &group, SessionSlot &slot) {
    try {
        bool wanted = false;
        {
            const std::lock_guard lock(mutex_);
            wanted =
                !group.position || group.changed || Clock::now() - group.asked >= kLongestSilence;
        }
        if (wanted)
            advance(group, slot);
        let_in(group, slot);
        tell("");
    } catch (const db::Error &error) {
        refused(group, slot, error);
    } catch (const WrongRole &error) { // it was the right one
        slot.drop();
        no_role(group, error.what());
    } catch (const std::exception &error) { // no database
        away(group, slot, error.what());
    }
}

// A call, whose time counts; what it was cut off for counts as well.
Changes Hub::ask(Group &group, SessionSlot &slot, const db::Parameter &since) {
    Session &session = slot.get();
    const Clock::time_point begin = Clock::now();
    try {
        Changes changes = session.changes(since, group.identity, oids_of(group.tables));
        spend(group, Clock::now() - begin, false);
        return changes;
    } catch (const db::Error &error) {
        if (error.sqlstate == "57014")
            spend(group, Clock::now() - begin, true);
        throw;
    } catch (const db::Unavailable &) { // or a policy that wouldn't be cut off
        if (Clock::now() - begin >= kCutOff)
            spend(group, Clock::now() - begin, true);
        throw;
    }
}

// Who needs too much begins again from where it is then, and is told to fetch everything.
void Hub::spend(Group &group, Clock::duration took, bool cut_off) {
    bool exhausted = false;
    {
        const std::lock_guard lock(mutex_);
        Budget &budget = budgets_.emplace(group.identity, Budget(settings_.budget)).first->second;
        if (closed_ || budget.spend(Clock::now(), took, cut_off))
            return;
        group.begin_again = "budget";
        exhausted = budget.exhausted(Clock::now());
    }
    if (!exhausted)
        return;
    constexpr const char *kWhy = "what may be seen takes too long to find out";
    const std::lock_guard lock(mutex_);
    send_away(group, http::error_response(429, kWhy), error_frame(429, kWhy));
}

void Hub::advance(Group &group, SessionSlot &slot) {
    {
        const std::lock_guard lock(mutex_);
        group.changed = false;
    }
    const bool fresh = !group.position;
    const std::string why = fresh ? std::exchange(group.begin_again, "") : "";
    try {
        const Changes changes = ask(group, slot, group.position);
        deliver(group, changes);
        group.position = changes.position;
        const std::lock_guard lock(mutex_);
        group.asked = changes.more ? Clock::time_point() : Clock::now();
        group.changed = group.changed || changes.more;
    } catch (...) {
        group.begin_again = group.begin_again.empty() ? why : group.begin_again;
        begin_again(group);
        throw;
    }
    if (!why.empty()) {
        Changes fetch;
        for (const auto &entry : group.tables)
            fetch.all.push_back({"resync", entry.first, "", why, *group.position});
        deliver(group, fetch);
    }
    begin_again(group);
}

void Hub::begin_again(Group &group) {
    if (!group.begin_again.empty())
        group.position = std::nullopt;
}

void Hub::deliver(Group &group, const Changes &changes) {
    if (changes.all.empty())
        return;
    const std::vector<Frame> frames = frames_of(changes, group.tables);
    std::vector<std::shared_ptr<Listener>> listeners;
    {
        const std::lock_guard lock(mutex_);
        listeners.assign(group.listeners.begin(), group.listeners.end());
    }
    // For all of them together: one that doesn't read holds nobody up for long.
    const Clock::time_point patience = Clock::now() + kPatience;
    for (const auto &listener : listeners) {
        const bool before = listener->behind();
        const std::size_t pending = listener->stream()->pending();
        if (waiting_ > settings_.buffer) // whoever has more than its share is behind at once
            sent_ += listener->send(frames, Clock::time_point(), share_);
        else
            sent_ += listener->send(frames, patience);
        waiting_ += std::max(listener->stream()->pending(), pending) - pending;
        if (!before && listener->behind())
            held_up_++;
    }
}

void Hub::let_in(Group &group, SessionSlot &slot) {
    for (;;) {
        Joiner joiner;
        {
            const std::lock_guard lock(mutex_);
            if (closed_ || !group.position || group.joiners.empty())
                return;
            joiner = std::move(group.joiners.front());
            group.joiners.pop_front();
        }
        if (!joiner.later->abandoned())
            let_in(group, slot, joiner);
    }
}

void Hub::let_in(Group &group, SessionSlot &slot, const Joiner &joiner) {
    if (joiner.since)
        go_on(group, slot, joiner);
    else if (!joiner.later->answer(stream_response(*joiner.listener, *group.position)))
        return;
    const std::lock_guard lock(mutex_);
    if (closed_)
        joiner.listener->end();
    else
        group.listeners.push_back(joiner.listener);
}

// What was missed since then. What happens meanwhile is told again by the group, whose position is
// an older one: rather twice than never.
void Hub::go_on(Group &group, SessionSlot &slot, const Joiner &joiner) {
    db::Parameter since = joiner.since;
    bool answered = false;
    for (bool more = true; more && group.begin_again.empty();) {
        Changes changes;
        try {
            changes = ask(group, slot, since);
        } catch (...) {
            if (answered)
                joiner.listener->end(); // it comes again, and goes on from the last it got
            else
                joiner.later->answer(api::to_response(api::database_away()));
            begin_again(group);
            throw;
        }
        if (!answered && !joiner.later->answer(stream_response(*joiner.listener, "")))
            return;
        answered = true;
        sent_ += joiner.listener->send(frames_of(changes, group.tables), Clock::now() + kPatience);
        since = changes.position;
        more = changes.more;
    }
    begin_again(group);
}

} // namespace ayb::realtime
