#include "core/window.hpp"

#include <algorithm>

namespace ayb::core {

// Forgets what is older than the parts that are kept. A clock that was set back finds all that was
// counted in its present part; one that was set back a little stands still.
void Window::move_to(int64_t part) {
    if (part == last_ - 1)
        return;
    if (part < last_) {
        int all = 0;
        for (int &count : counts_) {
            all += count;
            count = 0;
        }
        counts_[part % kKept] = all;
    } else {
        const int64_t gone = std::min<int64_t>(part - last_, kKept);
        for (int64_t i = 1; i <= gone; i++)
            counts_[(last_ + i) % kKept] = 0;
    }
    last_ = part;
}

int Window::started(int64_t now, int64_t length, int most) {
    move_to(part_of(now, length));
    int count = 0;
    if (most > kInstants) {
        for (const int of_part : counts_)
            count += of_part;
        return count;
    }
    for (int64_t &instant : instants_) {
        instant = std::min(instant, now);
        count += instant != 0 && instant > now - length ? 1 : 0;
    }
    return count;
}

int Window::used(int64_t now, int64_t length, int most) {
    return reserved_ + started(now, length, most);
}

bool Window::has_room(int64_t now, int64_t length, int most) {
    return used(now, length, most) < most;
}

bool Window::waits(int64_t now, int64_t length, int most) {
    return started(now, length, most) < most;
}

int64_t Window::opens_at(int64_t now, int64_t length, int most) {
    int over = used(now, length, most) - most;
    if (over < 0)
        return now;
    if (most <= kInstants) {
        int64_t sorted[kInstants];
        std::copy(instants_, instants_ + kInstants, sorted);
        std::sort(sorted, sorted + kInstants);
        for (const int64_t instant : sorted)
            if (instant != 0 && instant > now - length && over-- == 0)
                return instant + length;
        return now + length;
    }
    for (int64_t part = last_ - kParts; part <= last_; part++) {
        over -= part >= 0 ? counts_[part % kKept] : 0;
        if (over < 0)
            return (part + kKept) * ((length + kParts - 1) / kParts);
    }
    return now + length;
}

void Window::carry(int64_t now, int64_t length, int64_t other) {
    const int count = started(now, length, kInstants + 1);
    std::fill(counts_, counts_ + kKept, 0);
    last_ = part_of(now, other);
    counts_[last_ % kKept] = count;
    for (int64_t &instant : instants_)
        instant = instant != 0 && instant > now - length ? now : 0;
}

void Window::start(int64_t now, int64_t length) {
    move_to(part_of(now, length));
    reserved_--;
    counts_[last_ % kKept]++;
    instants_[next_] = now;
    next_ = (next_ + 1) % kInstants;
}

} // namespace ayb::core
