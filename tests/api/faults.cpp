// Preloaded into the sidecar: one of its system calls on its clients' sockets does what the kernel
// may do at any time. The test that maps the same file says which call, what, and after how many.
#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>

namespace {

enum Call : int { receive, transmit, accepting, waiting, watching, waking, looking };
constexpr int kCalls = 7;
constexpr int kShort = -1; // instead of an errno: one byte goes
constexpr int kAlways = -1;

// As tests/api/test_whole.py packs it.
struct Order {
    std::atomic<std::int32_t> port; // whose sockets are meant; 0 is none
    std::atomic<std::int32_t> call;
    std::atomic<std::int32_t> fault;
    std::atomic<std::int32_t> countdown; // the call that brings it to 0 is struck; kAlways: each
    std::atomic<std::int32_t> seen[kCalls];
};

Order *order() {
    static Order *const mapped = []() -> Order * {
        const char *path = std::getenv("AYB_FAULTS");
        const int file = path != nullptr ? ::open(path, O_RDWR | O_CLOEXEC) : -1;
        if (file < 0)
            std::abort();
        void *at = mmap(nullptr, sizeof(Order), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (at == MAP_FAILED)
            std::abort();
        return static_cast<Order *>(at);
    }();
    return mapped;
}

bool is_clients(int descriptor) {
    sockaddr_in address{};
    socklen_t size = sizeof(address);
    return order()->port != 0 &&
           getsockname(descriptor, reinterpret_cast<sockaddr *>(&address), &size) == 0 &&
           address.sin_family == AF_INET && ntohs(address.sin_port) == order()->port;
}

// What this call is to do: an errno, kShort, or 0.
int struck(Call call) {
    Order &now = *order();
    if (now.port == 0)
        return 0;
    now.seen[call]++;
    if (now.call != call)
        return 0;
    const bool strikes = now.countdown == kAlways || (now.countdown > 0 && --now.countdown == 0);
    return strikes ? now.fault.load() : 0;
}

template <class Function> Function next(Function, const char *name) {
    return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

// The call with its size, after what may befall it.
template <class Real> ssize_t sized(Call call, int descriptor, std::size_t size, Real real) {
    const int fault = is_clients(descriptor) ? struck(call) : 0;
    if (fault > 0) {
        errno = fault;
        return -1;
    }
    return real(fault == kShort ? std::min<std::size_t>(size, 1) : size);
}

template <class Real> int whole(Call call, bool meant, Real real) {
    const int fault = meant ? struck(call) : 0;
    if (fault <= 0)
        return real();
    errno = fault;
    return -1;
}

// An eventfd's eight bytes.
bool wakes(int descriptor, std::size_t size) {
    int type = 0;
    socklen_t length = sizeof(type);
    return size == sizeof(std::uint64_t) &&
           getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &length) != 0;
}

} // namespace

extern "C" {

ssize_t recv(int descriptor, void *buffer, size_t size, int flags) {
    static const auto real = next(&recv, "recv");
    return sized(receive, descriptor, size,
                 [&](size_t some) { return real(descriptor, buffer, some, flags); });
}

ssize_t read(int descriptor, void *buffer, size_t size) {
    static const auto real = next(&read, "read");
    return sized(receive, descriptor, size,
                 [&](size_t some) { return real(descriptor, buffer, some); });
}

ssize_t send(int descriptor, const void *buffer, size_t size, int flags) {
    static const auto real = next(&send, "send");
    return sized(transmit, descriptor, size,
                 [&](size_t some) { return real(descriptor, buffer, some, flags); });
}

ssize_t write(int descriptor, const void *buffer, size_t size) {
    static const auto real = next(&write, "write");
    if (wakes(descriptor, size))
        return whole(waking, true,
                     [&] { return static_cast<int>(real(descriptor, buffer, size)); });
    return sized(transmit, descriptor, size,
                 [&](size_t some) { return real(descriptor, buffer, some); });
}

int accept(int descriptor, sockaddr *address, socklen_t *size) {
    static const auto real = next(&accept, "accept");
    return whole(accepting, is_clients(descriptor),
                 [&] { return real(descriptor, address, size); });
}

int accept4(int descriptor, sockaddr *address, socklen_t *size, int flags) {
    static const auto real = next(&accept4, "accept4");
    return whole(accepting, is_clients(descriptor),
                 [&] { return real(descriptor, address, size, flags); });
}

// To look at a socket takes a descriptor of its own this way.
int epoll_create(int size) {
    static const auto real = next(&::epoll_create, "epoll_create");
    return whole(looking, true, [&] { return real(size); });
}

int epoll_wait(int descriptor, epoll_event *events, int size, int timeout) {
    static const auto real = next(&epoll_wait, "epoll_wait");
    return whole(waiting, true, [&] { return real(descriptor, events, size, timeout); });
}

int epoll_ctl(int descriptor, int operation, int of, epoll_event *event) {
    static const auto real = next(&epoll_ctl, "epoll_ctl");
    return whole(watching, is_clients(of), [&] { return real(descriptor, operation, of, event); });
}
}
